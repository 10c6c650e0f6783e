package keyrelease

import (
	"errors"
	"io"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// staying is the transport to use in place of t. An http.Client that was told nothing
// of redirects follows them anywhere, with the token: a copy follows none.
func staying(t policy.Transporter) policy.Transporter {
	given, isClient := t.(*http.Client)
	switch {
	case t == nil || isClient && given == nil:
		given = new(http.Client)
	case !isClient || given.CheckRedirect != nil:
		return t
	}
	stays := *given
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &stays
}

// bounded is a transport whose answers end at a bound. It must be a transport: azcore
// reads the whole body before any policy sees it.
type bounded struct{ next policy.Transporter }

// Do sends a request.
func (b bounded) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.next.Do(req)
	if err != nil {
		return resp, err
	}
	if resp == nil {
		return nil, errors.New("the transport returned neither an answer nor an error")
	}
	if resp.Request == nil || resp.Request.URL == nil {
		resp.Request = req
	}
	if resp.Body == nil {
		resp.Body = http.NoBody
		return resp, nil
	}
	most := int64(maxAnswerBytes + 1) // one more, so that the reader sees the excess
	if resp.StatusCode != http.StatusOK {
		most = maxErrorBytes
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, most), resp.Body}
	return resp, nil
}
