package wire_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/azattest/azattest/internal/wire"
)

// BenchmarkParseAttestRequest reads a request of the usual size: a quote of 5 KiB
// and a key. The decoding of the base64 alone is the measure to hold it against.
func BenchmarkParseAttestRequest(b *testing.B) {
	quote := base64.RawURLEncoding.EncodeToString(make([]byte, 5<<10))
	key := base64.RawURLEncoding.EncodeToString(make([]byte, 600))
	body, err := json.Marshal(map[string]any{"quote": quote, "runtimeData": map[string]string{"data": key, "dataType": "Binary"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("whole request", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := wire.ParseAttestRequest(wire.QuoteMember, body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("base64 alone", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := base64.RawURLEncoding.DecodeString(quote); err != nil {
				b.Fatal(err)
			}
		}
	})
}
