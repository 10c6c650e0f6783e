package server_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/azattest/azattest/attest"
)

// discard is a connection to nobody.
type discard struct{ header http.Header }

func (d discard) Header() http.Header       { return d.header }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// BenchmarkAttest measures the edge against the pipeline behind it, both with a
// quote of the usual size and a verifier that does nothing.
func BenchmarkAttest(b *testing.B) {
	f := newFixture(b)
	s := f.server(b)
	only, _ := f.instances.Only()
	pipeline, err := only.Pipeline(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	quote := make([]byte, 5<<10)
	text := `{"quote":"` + base64.RawURLEncoding.EncodeToString(quote) + `"}`
	b.Run("over HTTP", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, sgxPath, strings.NewReader(text)) //nolint:usetesting // no test to end with
			s.ServeHTTP(discard{http.Header{}}, r)
		}
	})
	b.Run("pipeline alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := pipeline.Attest(context.Background(), &attest.Request{Type: attest.SGXEnclave, Evidence: quote}); err != nil { //nolint:usetesting // see above
				b.Fatal(err)
			}
		}
	})
}
