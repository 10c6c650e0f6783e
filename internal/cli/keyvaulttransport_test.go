package cli

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

// endless answers without an end.
type endless struct{}

func (endless) Do(*http.Request) (*http.Response, error) {
	return &http.Response{Body: io.NopCloser(endless{})}, nil
}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestAnswersAreCutOffBehindTheBound(t *testing.T) {
	t.Parallel()
	const most = 1000
	resp, err := boundedTransport{endless{}, most}.Do(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is behind it
	if n, err := io.Copy(io.Discard, resp.Body); err != nil || n != most+1 {
		t.Errorf("%d bytes, %v; want %d, so that the excess is seen", n, err, most+1)
	}
}

func TestBodiesAreWiped(t *testing.T) {
	t.Parallel()
	text := []byte("a secret")
	b := newWipedBody(text)
	for range 2 { // as when it is sent again
		if _, err := b.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(b); err != nil || string(got) != "a secret" {
			t.Errorf("%q, %v", got, err)
		}
	}
	b.wipe()
	if got, err := io.ReadAll(b); err != nil || len(got) > 0 || !bytes.Equal(text, make([]byte, len(text))) {
		t.Errorf("%q, %v, %q: want nothing left", got, err, text)
	}
}
