package keyrelease

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// ClientOptions are the optional parameters of [NewClient].
type ClientOptions struct {
	// ClientOptions configure the requests. The default of APIVersion is 7.4. Bodies
	// are never logged: a request holds a token.
	azcore.ClientOptions
	// Scope is that of the bearer tokens that the vault takes. The default is that of
	// function [Scope]. For a host that is not Azure's there is none: it could use a
	// token for Key Vault at all the vaults of whoever calls.
	Scope string
}

// Client asks a vault for keys, Azure Key Vault's or another that speaks its API. It
// is the half of the attested party, and safe for concurrent use.
type Client struct {
	vault, apiVersion string
	core              *azcore.Client
}

const (
	moduleName    = "github.com/azattest/azattest/keyrelease"
	moduleVersion = "v0.1.0"
	// defaultAPIVersion is that of Key Vault.
	defaultAPIVersion = "7.4"
)

// NewClient returns a client of a vault, such as https://contoso.vault.azure.net. The
// URL is https, or http to this machine. The credential is one of azidentity, or nil
// for a vault that does not ask who is calling; nil options are the defaults. The
// error is an *[ArgumentError].
func NewClient(vault string, credential azcore.TokenCredential, options *ClientOptions) (*Client, error) {
	host, err := vaultHost(vault)
	if err != nil {
		return nil, &ArgumentError{Argument: "vault", Problem: err.Error()}
	}
	if options == nil {
		options = new(ClientOptions)
	}
	// A copy: the options are the caller's.
	core := options.ClientOptions
	c := &Client{vault: strings.TrimSuffix(vault, "/"), apiVersion: cmp.Or(core.APIVersion, defaultAPIVersion)}
	if !apiVersions.MatchString(c.apiVersion) {
		return nil, &ArgumentError{Argument: "APIVersion", Problem: shown(c.apiVersion) + ", want a version such as " + defaultAPIVersion}
	}
	core.APIVersion = ""
	core.Logging.IncludeBody = false
	core.Transport = bounded{staying(core.Transport)}
	pipeline := runtime.PipelineOptions{
		AllowedHeaders: []string{"x-ms-request-id", "x-ms-keyvault-region", "x-ms-keyvault-service-version"}, AllowedQueryParameters: []string{"api-version"},
		Tracing: runtime.TracingOptions{Namespace: "Microsoft.KeyVault"},
	}
	if credential != nil {
		scope := cmp.Or(options.Scope, Scope(vault))
		switch {
		case strings.HasPrefix(vault, "http:") && !core.InsecureAllowCredentialWithHTTP:
			return nil, &ArgumentError{Argument: "vault", Problem: shown(vault) + ", want https where there is a credential"}
		case scope == "":
			return nil, &ArgumentError{Argument: "Scope", Problem: "missing, want that of the vault's bearer tokens: " + host + " is none of Azure's hosts, and no token for those is sent there"}
		}
		pipeline.PerRetry = append(pipeline.PerRetry, runtime.NewBearerTokenPolicy(credential, []string{scope}, &policy.BearerTokenOptions{
			InsecureAllowCredentialWithHTTP: core.InsecureAllowCredentialWithHTTP,
		}))
	}
	if c.core, err = azcore.NewClient(moduleName, moduleVersion, pipeline, &core); err != nil {
		return nil, fmt.Errorf("keyrelease: %w", err)
	}
	c.core = c.core.WithClientName(moduleName + ".Client")
	return c, nil
}

// vaultDomains are those of Key Vault and Managed HSM, in each of Azure's clouds.
var vaultDomains = []string{
	"vault.azure.net", "managedhsm.azure.net", "vault.azure.cn", "managedhsm.azure.cn", "vault.usgovcloudapi.net", "managedhsm.usgovcloudapi.net",
}

// Scope returns the scope of the bearer tokens that a vault takes, by its URL: that of
// Key Vault or Managed HSM in its cloud, such as https://vault.azure.net/.default for
// https://contoso.vault.azure.net. It is "" for a host that is not Azure's, and for what
// is no URL: no token for Azure's vaults belongs there.
func Scope(vaultURL string) string {
	u, err := url.Parse(vaultURL)
	if err != nil {
		return ""
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range vaultDomains {
		if strings.HasSuffix(host, "."+domain) {
			return "https://" + domain + "/.default"
		}
	}
	return ""
}

// Vault returns the URL of the vault.
func (c *Client) Vault() string { return c.vault }

// Release sends a request for a version of a key, the current one if version is
// empty, and returns the vault's response as it is: what it says holds only once
// [VerifyResponse] says so. [Client.Get] does both.
//
// The vault's refusal is a *[VaultError], an answer that is none a *[ResponseError],
// what cannot be sent an *[ArgumentError]. A request is sent again where the vault
// does not answer or is busy, for it changes nothing there.
func (c *Client) Release(ctx context.Context, name, version string, request Request) (string, error) {
	ctx, endSpan := runtime.StartSpan(ctx, "Client.Release", c.core.Tracer(), nil)
	response, err := c.release(ctx, name, version, request)
	endSpan(err)
	return response, err
}

func (c *Client) release(ctx context.Context, name, version string, request Request) (string, error) {
	if err := checkKeyID(name, version); err != nil {
		return "", err
	}
	if request.Target == "" {
		return "", &ArgumentError{Argument: "request", Problem: "no Target, want the attestation token of whoever is to get the key"}
	}
	body, err := request.JSON()
	if err != nil {
		return "", &ArgumentError{Argument: "request", Problem: err.Error()}
	}
	req, err := runtime.NewRequest(ctx, http.MethodPost, KeyURL(c.vault, name, version)+"/release?api-version="+url.QueryEscape(c.apiVersion))
	if err != nil {
		return "", fmt.Errorf("keyrelease: %w", err)
	}
	req.Raw().Header.Set("Accept", "application/json")
	if err := req.SetBody(nopCloser{bytes.NewReader(body)}, "application/json"); err != nil {
		return "", fmt.Errorf("keyrelease: %w", err)
	}
	resp, err := c.core.Pipeline().Do(req)
	if err != nil {
		return "", fmt.Errorf("keyrelease: ask the vault: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	return c.read(resp)
}

// checkKeyID refuses what would lead to another path.
func checkKeyID(name, version string) error {
	switch {
	case !IsKeyName(name):
		return &ArgumentError{Argument: "name", Problem: shown(name) + ", want 1 to 127 letters, digits and hyphens"}
	case version != "" && !isKeyVersion(version):
		return &ArgumentError{Argument: "version", Problem: shown(version) + ", want letters and digits, 32 at most"}
	}
	return nil
}

// read returns the response in an answer.
func (c *Client) read(resp *http.Response) (string, error) {
	refuse := func(problem string, err error) (string, error) { return "", &ResponseError{"answer", problem, err} }
	if origin := resp.Request.URL; !strings.EqualFold(keyOrigin(c.vault), origin.Scheme+"://"+origin.Host) {
		return refuse("by "+shown(origin.Scheme+"://"+origin.Host)+" after a redirect, want one of "+c.vault, nil)
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return "", newVaultError(resp)
	}
	kind := resp.Header.Get("Content-Type")
	if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
		return refuse("of content type "+shown(kind)+", want application/json: is "+c.vault+" a vault?", nil)
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return refuse("broke off", err)
	}
	if len(body) > maxAnswerBytes {
		return refuse(fmt.Sprintf("has more than %d bytes", maxAnswerBytes), nil)
	}
	root, fault := parseJSON(body)
	if fault != nil {
		return refuse(fmt.Sprintf("at byte %d: %s", fault.offset, fault.problem), nil)
	}
	value := root.member("value")
	if value == nil || value.kind != kindString || value.text == "" {
		return refuse("without a string as value, want what Key Vault answers", nil)
	}
	return value.text, nil
}

// keyOrigin is scheme and host of a URL that has been checked.
func keyOrigin(vault string) string {
	u, err := url.Parse(vault)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// nopCloser lets a request be sent again.
type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }
