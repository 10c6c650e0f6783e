package audit

import (
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkAppend is one durable record after another, and many at once, which
// share what the disk costs.
func BenchmarkAppend(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		trail := running(b, Config{Dir: b.TempDir(), Wait: time.Minute})
		r := numbered(1)
		b.ReportAllocs()
		for b.Loop() {
			if err := trail.Append(b.Context(), r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("64 at once", func(b *testing.B) {
		trail := running(b, Config{Dir: b.TempDir(), Wait: time.Minute})
		r := numbered(1)
		b.SetParallelism(64)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := trail.Append(b.Context(), r); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkAppendSoon is what an attestation pays for its record.
func BenchmarkAppendSoon(b *testing.B) {
	trail := running(b, Config{Dir: b.TempDir(), Wait: time.Minute, Buffer: 64 << 20})
	r := numbered(1)
	r.URI = "https://contoso.example/attest/SgxEnclave?api-version=2022-08-01"
	r.Properties.InfoDataReceived.Headers.UserAgent = "azsdk-python-security-attestation/1.0.0 Python/3.11.2"
	b.ReportAllocs()
	for b.Loop() {
		if err := trail.AppendSoon(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "trail")
	trail := running(b, Config{Dir: dir, Wait: time.Minute})
	const records = 10_000
	for range records {
		if err := trail.AppendSoon(b.Context(), numbered(1)); err != nil {
			b.Fatal(err)
		}
	}
	if err := trail.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Verify(dir, Expect{}, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
}
