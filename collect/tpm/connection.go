package tpm

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/azattest/azattest/azattestation"
)

const (
	moduleName    = "github.com/azattest/azattest/collect/tpm"
	moduleVersion = "v0.1.0"
)

// connection is a pipeline to a service, made as the client library makes its own.
type connection struct {
	endpoint, apiVersion string
	client               *azcore.Client
}

// connect checks what it is given. A nil credential is none.
func connect(endpoint string, credential azcore.TokenCredential, options *azcore.ClientOptions) (*connection, error) {
	// A copy: the options are the caller's.
	core := *options
	c := &connection{apiVersion: cmp.Or(core.APIVersion, azattestation.APIVersion20220801)}
	core.APIVersion = ""
	core.Logging.IncludeBody = false // the secret
	if core.Transport == nil {
		core.Transport = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	core.Transport = bounded{core.Transport}
	// The client library says what an endpoint is.
	checked, err := azattestation.NewClientWithNoCredential(endpoint, &azattestation.ClientOptions{ClientOptions: core})
	if err != nil {
		return nil, err
	}
	c.endpoint = checked.Endpoint()
	pipeline := runtime.PipelineOptions{
		AllowedHeaders: []string{"x-ms-request-id"}, AllowedQueryParameters: []string{"api-version"},
		Tracing: runtime.TracingOptions{Namespace: "Microsoft.Attestation"},
	}
	if credential != nil {
		scope, err := azattestation.Scope(core.Cloud)
		if err != nil {
			return nil, err
		}
		// It refuses to send a credential over http.
		pipeline.PerRetry = append(pipeline.PerRetry, runtime.NewBearerTokenPolicy(credential, []string{scope}, &policy.BearerTokenOptions{
			InsecureAllowCredentialWithHTTP: core.InsecureAllowCredentialWithHTTP,
		}))
	}
	if c.client, err = azcore.NewClient(moduleName, moduleVersion, pipeline, &core); err != nil {
		return nil, fmt.Errorf("collect/tpm: %w", err)
	}
	return c, nil
}

// post sends one request and reads its answer.
func post[T any](ctx context.Context, c *connection, path string, body any, parse func([]byte) (T, error)) (T, error) {
	var none T
	op := "enroll: " + path
	req, err := runtime.NewRequest(ctx, http.MethodPost, c.endpoint+path+"?api-version="+url.QueryEscape(c.apiVersion))
	if err != nil {
		return none, &Error{Op: op, Err: err}
	}
	req.Raw().Header.Set("Accept", "application/json")
	if err := req.SetBody(nopCloser{bytes.NewReader(compact(body))}, "application/json"); err != nil {
		return none, &Error{Op: op, Err: err}
	}
	resp, err := c.client.Pipeline().Do(req)
	if err != nil {
		return none, err
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return none, runtime.NewResponseError(resp)
	}
	text, err := runtime.Payload(resp)
	if err != nil {
		return none, &Error{Op: op, Err: err}
	}
	if len(text) > maxAnswer {
		return none, &Error{Op: op, Found: "a longer answer", Expected: fmt.Sprintf("at most %d bytes", maxAnswer)}
	}
	parsed, err := parse(text)
	if err != nil {
		return none, &Error{Op: op, Found: "an answer that cannot be read", Err: err, Hint: "is the endpoint an azattest service? Azure's does not enroll"}
	}
	return parsed, nil
}

// nopCloser lets a request be sent again.
type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// bounded is a transport whose answers end at a bound: azcore reads the whole body
// of a refusal.
type bounded struct{ next policy.Transporter }

// Do sends a request.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.next.Do(req)
	if err != nil || resp.Body == nil {
		return resp, err
	}
	most := int64(maxAnswer + 1) // one more, so that the reader sees the excess
	if resp.StatusCode >= http.StatusBadRequest {
		most = maxRefusal
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, most), resp.Body}
	return resp, nil
}
