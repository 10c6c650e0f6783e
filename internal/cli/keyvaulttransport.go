package cli

import (
	"bytes"
	"io"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// boundedTransport cuts answers off behind a bound. It must be a transport: azcore
// reads the whole body before anybody sees it.
type boundedTransport struct {
	next policy.Transporter
	most int64
}

// Do sends a request.
func (b boundedTransport) Do(req *http.Request) (*http.Response, error) {
	resp, err := b.next.Do(req)
	if err == nil && resp.Body != nil {
		// One more, so that the reader sees the excess.
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, b.most+1), resp.Body}
	}
	return resp, err
}

// wipedBody is a request's body that is overwritten at the end. A transport may go on
// reading it when there is an answer already: it then finds nothing more.
type wipedBody struct {
	mu   sync.Mutex
	text []byte
	from *bytes.Reader
}

var _ io.ReadSeekCloser = (*wipedBody)(nil)

func newWipedBody(text []byte) *wipedBody {
	return &wipedBody{text: text, from: bytes.NewReader(text)}
}

// Read reads.
func (b *wipedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.from.Read(p)
}

// Seek lets the request be sent again.
func (b *wipedBody) Seek(offset int64, whence int) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.from.Seek(offset, whence)
}

// Close does nothing: whoever made the body wipes it.
func (*wipedBody) Close() error { return nil }

func (b *wipedBody) wipe() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from.Reset(nil)
	clear(b.text)
}
