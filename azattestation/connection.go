package azattestation

import (
	"bytes"
	"context"
	"errors"
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

// connection is what both clients are made of: an endpoint, and two pipelines to
// it. What everybody may read is asked for without a credential, so that nobody
// who has the wrong one is kept from checking a token.
type connection struct {
	endpoint   string
	apiVersion string
	own        *azcore.Client // with the credential, if there is one
	anonymous  *azcore.Client
	keys       *KeySource
	validation *TokenValidationOptions
}

// newConnection checks what a constructor was given. A nil credential is none.
func newConnection(clientName, endpoint string, credential azcore.TokenCredential, options *ClientOptions) (*connection, error) {
	if options == nil {
		options = &ClientOptions{}
	}
	url, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	// A copy: the options are the caller's.
	core := options.ClientOptions
	core.Transport = bounded{orDefault(core.Transport)}
	c := &connection{endpoint: url, apiVersion: defaultAPIVersion, validation: options.TokenValidation.clone()}
	if core.APIVersion != "" {
		c.apiVersion, core.APIVersion = core.APIVersion, ""
		if err := checkAPIVersion(c.apiVersion); err != nil {
			return nil, err
		}
	}
	if c.validation != nil {
		// Options that contradict themselves are found now rather than at the first call.
		if _, err := newValidation(&KeySource{}, c.validation, false); err != nil {
			return nil, err
		}
	}
	pipeline := pipelineOptions()
	if c.anonymous, err = azcore.NewClient(moduleName, moduleVersion, pipeline, &core); err != nil {
		return nil, fmt.Errorf("azattestation: %w", err)
	}
	c.own = c.anonymous
	if credential != nil {
		if strings.HasPrefix(url, "http:") && !core.InsecureAllowCredentialWithHTTP {
			return nil, &ArgumentError{Argument: "endpoint", Expected: "https where there is a credential", Found: url}
		}
		scope, err := Scope(core.Cloud)
		if err != nil {
			return nil, err
		}
		pipeline.PerRetry = append(pipeline.PerRetry, runtime.NewBearerTokenPolicy(credential, []string{scope}, &policy.BearerTokenOptions{
			InsecureAllowCredentialWithHTTP: core.InsecureAllowCredentialWithHTTP,
		}))
		if c.own, err = azcore.NewClient(moduleName, moduleVersion, pipeline, &core); err != nil {
			return nil, fmt.Errorf("azattestation: %w", err)
		}
	}
	c.own, c.anonymous = c.own.WithClientName(moduleName+"."+clientName), c.anonymous.WithClientName(moduleName+"."+clientName)
	c.keys = newFetchingSource(url, c.fetchKeys)
	return c, nil
}

func pipelineOptions() runtime.PipelineOptions {
	return runtime.PipelineOptions{
		AllowedHeaders:         []string{"x-ms-maa-service-version", "x-ms-request-id", "x-ms-maa-perf-info"},
		AllowedQueryParameters: []string{"api-version"},
		Tracing:                runtime.TracingOptions{Namespace: "Microsoft.Attestation"},
	}
}

// call is one request and what is expected of its answer.
type call struct {
	operation   string // the method, for errors: "Client.AttestTPM"
	method      string
	path        string // below the endpoint, such as "/attest/Tpm"
	body        []byte
	isPublic    bool   // needs neither credential nor version
	isChange    bool   // what the service does on it stays done
	accept      string // "" for JSON
	contentType string
}

const contentTypeJSON = "application/json"

// do sends a request and returns the body of a good answer. It returns an
// *azcore.ResponseError for any status but 200, and an *[AnswerError] for what
// is no answer of an attestation service.
func (c *connection) do(ctx context.Context, o call) ([]byte, error) {
	client := c.own
	if o.isPublic {
		client = c.anonymous
	}
	req, err := c.request(ctx, o)
	if err != nil {
		return nil, err
	}
	resp, err := client.Pipeline().Do(req)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, &AnswerError{Operation: o.operation, Part: "body", Expected: "all of it", Err: err}
	}
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	if err := c.checkOrigin(o, resp); err != nil {
		return nil, err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return nil, newRefusal(resp)
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != contentTypeJSON && !strings.HasSuffix(kind, "+json") {
		return nil, &AnswerError{
			Operation: o.operation, Part: "content type", Expected: contentTypeJSON + ": is " + c.endpoint + " an attestation service?",
			Found: orNone(resp.Header.Get("Content-Type")),
		}
	}
	body, err := runtime.Payload(resp)
	if err != nil {
		return nil, &AnswerError{Operation: o.operation, Part: "body", Expected: "all of it", Err: err}
	}
	if len(body) > maxAnswer {
		return nil, &AnswerError{Operation: o.operation, Part: "body", Expected: fmt.Sprintf("at most %d bytes", maxAnswer), Found: "more"}
	}
	return body, nil
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func (c *connection) request(ctx context.Context, o call) (*policy.Request, error) {
	target := c.endpoint + o.path
	if !o.isPublic {
		target += "?api-version=" + url.QueryEscape(c.apiVersion)
	}
	req, err := runtime.NewRequest(ctx, o.method, target)
	if err != nil {
		return nil, fmt.Errorf("azattestation: %w", err)
	}
	accept := o.accept
	if accept == "" {
		accept = contentTypeJSON
	}
	req.Raw().Header.Set("Accept", accept)
	if o.body == nil {
		return req, nil
	}
	contentType := o.contentType
	if contentType == "" {
		contentType = contentTypeJSON
	}
	if err := req.SetBody(nopCloser{bytes.NewReader(o.body)}, contentType); err != nil {
		return nil, fmt.Errorf("azattestation: %w", err)
	}
	return req, nil
}

// nopCloser lets a request be sent again.
type nopCloser struct{ io.ReadSeeker }

func (nopCloser) Close() error { return nil }

// checkOrigin refuses what another host answered after a redirect: keys that
// somebody else hands out are not the service's.
func (c *connection) checkOrigin(o call, resp *http.Response) error {
	if resp.Request == nil || resp.Request.URL == nil {
		return nil
	}
	asked, err := url.Parse(c.endpoint)
	if err != nil {
		return fmt.Errorf("azattestation: %w", err)
	}
	answered := resp.Request.URL
	if answered.Scheme != asked.Scheme || !strings.EqualFold(answered.Host, asked.Host) {
		return &AnswerError{Operation: o.operation, Part: "origin", Expected: c.endpoint, Found: answered.Scheme + "://" + answered.Host + ", after a redirect"}
	}
	return nil
}

// token sends a request whose answer is {"token": "…"} and returns the token,
// validated.
func (c *connection) token(ctx context.Context, o call, v validator) (*Token, error) {
	// Options that contradict themselves are found before the service changes
	// anything.
	if _, err := newValidation(c.keys, v.options, v.answersDraft); err != nil {
		return nil, err
	}
	if o.isChange && v.needsKeys(c) {
		if err := c.keys.ready(ctx); err != nil {
			return nil, err
		}
	}
	body, err := c.do(ctx, o)
	if _, isAnswer := errors.AsType[*AnswerError](err); isAnswer {
		return nil, o.afterwards(nil, err)
	}
	if err != nil {
		return nil, err
	}
	compact, err := stringMember(o.operation, body, "token")
	if err != nil {
		return nil, o.afterwards(nil, err)
	}
	t, err := ParseToken(compact)
	if err != nil {
		return nil, o.afterwards(nil, err)
	}
	if err := v.check(ctx, c, t); err != nil {
		return nil, o.afterwards(t, err)
	}
	return t, nil
}

// afterwards makes of a success that cannot be believed what it means where the
// service was asked to change something: it probably did.
func (o call) afterwards(t *Token, err error) error {
	if !o.isChange {
		return err
	}
	return &UnconfirmedError{Operation: o.operation, Part: "answer", Token: t, Err: err}
}

// stringMember returns a member of the answer that must be there.
func stringMember(operation string, body []byte, name string) (string, error) {
	o, err := parseObject(body)
	if err != nil {
		return "", &AnswerError{Operation: operation, Part: "body", Expected: "a JSON object", Err: err}
	}
	value := o.get(name)
	text, ok := decodeString(value)
	if !ok || text == "" {
		return "", &AnswerError{Operation: operation, Part: "member " + name, Expected: "a string", Found: orAbsent(value)}
	}
	return text, nil
}

// validator is how the token of one answer is checked.
type validator struct {
	options      *TokenValidationOptions // of this call; nil for the client's
	answersDraft bool
	nonce        *string // that the token must carry
}

// effective returns the options of the call, or else the client's.
func (v validator) effective(c *connection) *TokenValidationOptions {
	if v.options != nil {
		return v.options
	}
	return c.validation
}

// needsKeys reports whether the signature will be checked.
func (v validator) needsKeys(c *connection) bool {
	options := v.effective(c)
	return options == nil || (&validation{options: *options}).checks(TokenCheckSignature)
}

func (v validator) check(ctx context.Context, c *connection, t *Token) error {
	options := v.effective(c)
	if err := t.validate(ctx, c.keys, options, v.answersDraft); err != nil {
		return err
	}
	if v.nonce == nil || options != nil && !(&validation{options: *options}).checks(TokenCheckNonce) {
		return nil
	}
	value := t.claims.get("nonce")
	if got, ok := decodeString(value); !ok || got != *v.nonce {
		return &TokenValidationError{Check: TokenCheckNonce, Expected: *v.nonce + ", that of the request", Found: orAbsent(value)}
	}
	return nil
}

// startSpan begins the trace of one method, and returns what ends it.
func (c *connection) startSpan(ctx context.Context, operation string) (context.Context, func(error)) {
	return runtime.StartSpan(ctx, operation, c.own.Tracer(), nil)
}

// fetchKeys asks for the keys that sign tokens, in nobody's name.
func (c *connection) fetchKeys(ctx context.Context) ([]*publishedKey, error) {
	ctx, endSpan := c.startSpan(ctx, "KeySource.fetch")
	_, keys, err := c.getKeys(ctx)
	endSpan(err)
	return keys, err
}

func (c *connection) getKeys(ctx context.Context) ([]byte, []*publishedKey, error) {
	const operation = "Client.GetSigningCertificates"
	body, err := c.do(ctx, call{
		operation: operation, method: http.MethodGet, path: "/certs", isPublic: true, accept: "application/jwk+json, application/json",
	})
	if err != nil {
		return nil, nil, err
	}
	keys, err := parseJWKS(body)
	if err != nil {
		return nil, nil, &AnswerError{Operation: operation, Part: "body", Expected: "a JSON Web Key Set", Err: err}
	}
	return body, keys, nil
}
