package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/azattest/azattest/attest"
)

// apiVersion is the version that the command speaks.
const apiVersion = "2025-06-01"

// client talks to an attestation service, as far as the command needs it. The
// client library for Go programs is the module azattestation.
type client struct {
	endpoint string
	http     *http.Client
}

// newClient returns a client of the service at endpoint. The file of CA
// certificates, if any, replaces the system's.
func newClient(endpoint, caFile string) (*client, error) {
	if err := checkEndpoint(endpoint); err != nil {
		return nil, err
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, Proxy: http.ProxyFromEnvironment}
	if caFile != "" {
		text, err := os.ReadFile(filepath.Clean(caFile))
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: no PEM certificate inside", caFile)
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return &client{
		endpoint: strings.TrimRight(endpoint, "/"),
		http: &http.Client{
			Transport: transport, Timeout: time.Minute,
			// Keys that somebody else hands out are not the service's.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// checkEndpoint refuses a URL over which nothing could be believed: keys that
// came over plain HTTP are anybody's keys.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return usage("azattest", "%q: want the URL of a service, such as https://attest.example.com", endpoint)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return usage("azattest", "%q: want https, or http to this machine", endpoint)
	}
	return nil
}

// attestationData is runtime or init-time data of a request.
type attestationData struct {
	Data     string `json:"data"`
	DataType string `json:"dataType"`
}

func encodeData(d *attest.Data) *attestationData {
	if d == nil {
		return nil
	}
	kind := "Binary"
	if d.JSON {
		kind = "JSON"
	}
	return &attestationData{Data: base64.RawURLEncoding.EncodeToString(d.Bytes), DataType: kind}
}

// attest sends evidence and returns the token, unverified.
func (c *client) attest(ctx context.Context, r *attest.Request) (string, error) {
	body := struct {
		Quote        string           `json:"quote,omitempty"`
		Report       string           `json:"report,omitempty"`
		RuntimeData  *attestationData `json:"runtimeData,omitempty"`
		InitTimeData *attestationData `json:"initTimeData,omitempty"`
		DraftPolicy  *string          `json:"draftPolicyForAttestation,omitempty"`
		Nonce        *string          `json:"nonce,omitempty"`
	}{
		RuntimeData: encodeData(r.RuntimeData), InitTimeData: encodeData(r.InitTimeData),
		DraftPolicy: r.DraftPolicy, Nonce: r.Nonce,
	}
	text := base64.RawURLEncoding.EncodeToString(r.Evidence)
	if r.Type == attest.OpenEnclave {
		body.Report = text
	} else {
		body.Quote = text
	}
	encoded, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	var answer struct {
		Token string `json:"token"`
	}
	raw, err := c.do(ctx, http.MethodPost, "/attest/"+string(r.Type)+"?api-version="+apiVersion, encoded)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(raw, &answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("%s: the answer holds no token", c.endpoint)
	}
	return answer.Token, nil
}

// certs fetches the signing keys, a JWKS.
func (c *client) certs(ctx context.Context) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "/certs", nil)
}

// serviceError is a refusal of the service.
type serviceError struct {
	status  int
	code    string
	message string
	request string
}

func (e *serviceError) Error() string {
	text := fmt.Sprintf("the service refused with status %d", e.status)
	if e.code != "" {
		text += ", " + told(e.code) + ": " + told(e.message)
	}
	if e.request != "" {
		text += " (request " + told(e.request) + ")"
	}
	return text
}

// told is what a service says, on one line that cannot play with a terminal.
func told(text string) string {
	const most = 2000 // the longest refusals, of policies with many faults, have less
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return clean(text)
}

func (c *client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the service: %w", err)
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxInput))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", c.endpoint, err)
	}
	if resp.StatusCode == http.StatusOK {
		return raw, nil
	}
	return nil, refusal(resp, raw)
}

// refusal makes an error of an answer other than 200. Status 400 is how the
// service refuses evidence and policies, exit code 1; everything else means that
// it could not be asked, 3.
func refusal(resp *http.Response, raw []byte) error {
	var body struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	// A body in another shape leaves the status to speak for itself.
	_ = json.Unmarshal(raw, &body)
	err := &serviceError{
		status: resp.StatusCode, code: body.Error.Code, message: body.Error.Message, request: resp.Header.Get("x-ms-request-id"),
	}
	if resp.StatusCode == http.StatusBadRequest {
		return &refusedError{err}
	}
	return err
}
