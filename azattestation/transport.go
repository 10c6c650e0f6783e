package azattestation

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// defaultHTTPClient serves all clients to which no transport is given, so that
// they share connections.
var defaultHTTPClient = &http.Client{
	Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: (&net.Dialer{
			Timeout:   30 * time.Second,
			KeepAlive: 30 * time.Second,
		}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          100,
		MaxIdleConnsPerHost:   10,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12, Renegotiation: tls.RenegotiateFreelyAsClient},
		// A connection that died without a word is found by a ping, rather than by
		// every request until its deadline.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second},
	},
	CheckRedirect: stayAtHost,
}

// stayAtHost follows a redirect within the service, and hands any other to the
// caller as the answer that it is: evidence is not for somebody else.
func stayAtHost(req *http.Request, via []*http.Request) error {
	const enough = 5
	asked := via[0].URL
	if len(via) >= enough || req.URL.Scheme != asked.Scheme || !strings.EqualFold(req.URL.Host, asked.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// orDefault is the transport to use in place of t. An http.Client that was told
// nothing of redirects follows them anywhere, with the evidence: a copy stays at
// the host.
func orDefault(t policy.Transporter) policy.Transporter {
	if isNil(t) {
		return defaultHTTPClient
	}
	if given, ok := t.(*http.Client); ok && given != nil && given.CheckRedirect == nil {
		staying := *given
		staying.CheckRedirect = stayAtHost
		return &staying
	}
	return t
}

// isNil reports whether an interface holds nothing, or a pointer to nothing, with
// which the first call would panic.
func isNil(v any) bool {
	value := reflect.ValueOf(v)
	return v == nil || value.Kind() == reflect.Pointer && value.IsNil()
}

// bounded is a transport whose answers end at a bound. It must be a transport:
// azcore reads the whole body of a refusal before any policy sees it.
type bounded struct{ next policy.Transporter }

// Do sends a request.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.next.Do(req)
	if err != nil {
		return resp, err
	}
	if resp == nil {
		return nil, errors.New("azattestation: the transport returned neither an answer nor an error")
	}
	if resp.Request == nil || resp.Request.URL == nil {
		resp.Request = req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
		return resp, nil
	}
	body := struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer+1), resp.Body} // one more, so that the reader sees the excess
	if resp.StatusCode >= http.StatusBadRequest {
		body.Reader = &asFarAsItGoes{io.LimitReader(resp.Body, maxErrorAnswer)}
	}
	resp.Body = body
	return resp, nil
}

// asFarAsItGoes ends where reading fails: a refusal whose explanation breaks off
// is still a refusal.
type asFarAsItGoes struct{ from io.Reader }

// Read reads.
func (r *asFarAsItGoes) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil {
		err = io.EOF
	}
	return n, err
}
