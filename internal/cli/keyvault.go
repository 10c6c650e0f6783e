package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azattest/azattest/keyrelease"
)

// keyVault is the client of 'keyrelease keys': it asks a vault about its keys, Azure Key
// Vault's or another that speaks its API. To have a key released is keyrelease.Client's.
type keyVault struct {
	url   string
	core  *azcore.Client
	retry policy.RetryOptions
}

const (
	keyVaultModule  = "github.com/azattest/azattest"
	keyVaultVersion = "v0.1.0"
	keyAPIVersion   = "7.4"
	// maxKeyAnswer bounds an answer: a page has 25 keys, of which each may have 8 KiB of
	// tags; a key has 64 KiB of policy.
	maxKeyAnswer = 4 << 20
	// maxKeyPages bounds what a vault that never ends can make the command read.
	maxKeyPages = 2000
)

// What else there may be of a path would lead elsewhere.
var (
	keyNames    = regexp.MustCompile(`^[0-9A-Za-z-]{1,127}$`)
	keyVersions = regexp.MustCompile(`^[0-9A-Za-z]{0,32}$`)
)

// newKeyVault returns a client for a URL that was checked. No scope: no credential.
func newKeyVault(vault, scope string, credential azcore.TokenCredential, options azcore.ClientOptions) (*keyVault, error) {
	options.Transport = boundedTransport{options.Transport, maxKeyAnswer}
	pipeline := runtime.PipelineOptions{Tracing: runtime.TracingOptions{Namespace: "Microsoft.KeyVault"}}
	if credential != nil {
		pipeline.PerRetry = append(pipeline.PerRetry, runtime.NewBearerTokenPolicy(credential, []string{scope}, nil))
	}
	core, err := azcore.NewClient(keyVaultModule, keyVaultVersion, pipeline, &options)
	if err != nil {
		return nil, err
	}
	return &keyVault{url: strings.TrimSuffix(vault, "/"), core: core, retry: options.Retry}, nil
}

// ask sends a request about /keys and what the path adds, and reads the answer.
func (v *keyVault) ask(ctx context.Context, method string, path []string, body, answer any) error {
	for i, segment := range path {
		switch {
		case i == 0 && !keyNames.MatchString(segment):
			return &keyrelease.ArgumentError{Argument: "name", Problem: fmt.Sprintf("%q, want 1 to 127 letters, digits and hyphens", segment)}
		case i == 1 && !keyVersions.MatchString(segment):
			return &keyrelease.ArgumentError{Argument: "version", Problem: fmt.Sprintf("%q, want letters and digits, 32 at most", segment)}
		}
	}
	at := strings.Join(append([]string{v.url, "keys"}, path...), "/")
	return v.send(ctx, method, at+"?api-version="+keyAPIVersion, body, answer)
}

// key has the vault do something with one key.
func (v *keyVault) key(ctx context.Context, method string, path []string, body *wireKeyRequest) (*shownVaultKey, error) {
	var bundle wireKeyBundle
	var said any
	if body != nil {
		said = body
	}
	if err := v.ask(ctx, method, path, said, &bundle); err != nil {
		return nil, err
	}
	return newShownVaultKey(v.url, &bundle), nil
}

func (v *keyVault) send(ctx context.Context, method, at string, body, answer any) error {
	isChange := method != http.MethodGet
	if isChange {
		// Done twice it makes two versions, or finds nothing to delete any more. So it is
		// sent again only where the vault says that it did nothing.
		once := v.retry
		once.ShouldRetry = func(resp *http.Response, _ error) bool {
			return resp != nil && resp.StatusCode == http.StatusTooManyRequests
		}
		ctx = policy.WithRetryOptions(ctx, once)
	}
	req, err := runtime.NewRequest(ctx, method, at)
	if err != nil {
		return err
	}
	req.Raw().Header.Set("Accept", "application/json")
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		// It may hold a key.
		secret := newWipedBody(text)
		defer secret.wipe()
		if err := req.SetBody(secret, "application/json"); err != nil {
			return err
		}
	}
	resp, err := v.core.Pipeline().Do(req)
	if err != nil {
		return &unansweredError{err, isChange}
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	raw, err := runtime.Payload(resp)
	switch {
	case resp.StatusCode != http.StatusOK:
		// An explanation that breaks off explains less; the status stands.
		return newKeyVaultRefusal(resp, raw, isChange)
	case err != nil:
		return &unansweredError{err, isChange}
	}
	kind := resp.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
		return &noVaultError{fmt.Sprintf("the answer is of content type %s, want application/json", told(kind))}
	}
	if len(raw) > maxKeyAnswer || json.Unmarshal(raw, answer) != nil {
		return &noVaultError{"the answer is none of a vault: want JSON about keys"}
	}
	return nil
}

// pages asks for a list, and for all that follows.
func (v *keyVault) pages(ctx context.Context, path ...string) ([]wireKeyItem, error) {
	var all []wireKeyItem
	var page wireKeyPage
	err := v.ask(ctx, http.MethodGet, path, nil, &page)
	for n := 1; err == nil; n++ {
		all = append(all, page.Value...)
		next := page.Next
		if next == "" {
			return all, nil
		}
		if n == maxKeyPages {
			return nil, &noVaultError{fmt.Sprintf("the list has more than %d pages", maxKeyPages)}
		}
		// The credential goes there, too.
		if originOf(next) != originOf(v.url) {
			return nil, &noVaultError{fmt.Sprintf("the next page of the list is at %s, want %s", told(originOf(next)), originOf(v.url))}
		}
		page = wireKeyPage{}
		err = v.send(ctx, http.MethodGet, next, nil, &page)
	}
	return nil, err
}

// originOf is scheme, host and port of a URL, in one spelling: Azure's links name the
// port that goes without saying.
func originOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.User != nil {
		return "nowhere"
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + host
}
