package azattestation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/log"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/azattest/azattest/azattestation"
)

// credential hands out one token and notes what it is asked for.
type credential struct {
	token string

	mu    sync.Mutex
	asked []string
}

func (c *credential) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, o.Scopes...)
	return azcore.AccessToken{Token: c.token, ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func (c *credential) scopes() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.asked, " ")
}

// logged is all that azcore logs while the tests run: its listener is one for the
// process.
var logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func TestMain(m *testing.M) {
	log.SetListener(func(event log.Event, message string) {
		logged.mu.Lock()
		defer logged.mu.Unlock()
		fmt.Fprintln(&logged.text, event, message)
	})
	os.Exit(m.Run())
}

func logText() string {
	logged.mu.Lock()
	defer logged.mu.Unlock()
	return logged.text.String()
}

// TestSecretsStayOutOfLogsAndErrors calls every kind of method with a credential
// and a signing key, with all that azcore can log, also bodies.
func TestSecretsStayOutOfLogsAndErrors(t *testing.T) {
	t.Parallel()
	const bearer = "a bearer token that nobody may see"
	secrets := append(secretsOf(ecKey()), bearer)
	i := newInstanceAt(t, modeIsolated, "https://logged.example")
	for name, tr := range map[string]policy.Transporter{"good": i, "down": transport(func(req *http.Request) (*http.Response, error) {
		return nil, errors.New("no route to " + req.URL.Host)
	})} {
		options := optionsFor(tr)
		options.Logging.IncludeBody = true
		client, err := azattestation.NewClient(i.issuer.URL(), &credential{token: bearer}, options)
		if err != nil {
			t.Fatal(err)
		}
		admin, err := azattestation.NewAdministrationClient(i.issuer.URL(), &credential{token: bearer}, options)
		if err != nil {
			t.Fatal(err)
		}
		checkNoSecret(t, *options, secrets...)
		checkNoSecret(t, client, secrets...)
		checkNoSecret(t, *admin, secrets...)
		_, err1 := client.AttestSGXEnclave(t.Context(), evidence, nil)
		_, err2 := admin.SetPolicy(t.Context(), kinds[0], permitPolicy, &azattestation.AdministrationClientSetPolicyOptions{SigningKey: i.key})
		_, err3 := admin.SetPolicy(t.Context(), kinds[0], permitPolicy, nil)
		_, err4 := admin.AddPolicyCertificate(t.Context(), certificateOf(rsaKey(), "x"), i.key, nil)
		for _, err := range []error{err1, err2, err3, err4} {
			if err == nil {
				continue
			}
			for ; err != nil; err = errors.Unwrap(err) {
				checkNoSecret(t, err, secrets...)
			}
		}
		if (err1 == nil) != (name == "good") || err3 == nil {
			t.Errorf("%s: errors %v, %v", name, err1, err3)
		}
	}
	text := logText()
	if !strings.Contains(text, "https://logged.example/policies/SgxEnclave") || !strings.Contains(text, "Authorization: REDACTED") {
		t.Error("nothing was logged, so nothing was tested")
	}
	checkNoSecretText(t, "log", text, secrets...)
}

// checkTame wants an error without control characters.
func checkTame(t testing.TB, err error) {
	t.Helper()
	for _, r := range err.Error() {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			t.Errorf("error %q holds %q", err, r)
			return
		}
	}
}
