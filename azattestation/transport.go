package azattestation

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
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
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
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
	if t == nil {
		return defaultHTTPClient
	}
	if given, ok := t.(*http.Client); ok && given != nil && given.CheckRedirect == nil {
		staying := *given
		staying.CheckRedirect = stayAtHost
		return &staying
	}
	return t
}

// bounded is a transport whose answers end at a bound. It must be a transport:
// azcore reads the whole body of a refusal before any policy sees it.
type bounded struct{ next policy.Transporter }

// Do sends a request.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.next.Do(req)
	if err != nil || resp == nil {
		return resp, err
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
		return resp, nil
	}
	most := int64(maxAnswer + 1) // one more, so that the reader sees the excess
	if resp.StatusCode >= http.StatusBadRequest {
		most = maxErrorAnswer
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, most), resp.Body}
	return resp, nil
}
