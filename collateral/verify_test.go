package collateral

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

// A real quote verifies by what each source says of its platform.
func TestSourcesServeAVerifier(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(corpus.Dir(t), "evidence", "sgx-v3", "phala-a067")
	quote, err := dcap.ParseQuote(corpus.Read(t, "evidence", "sgx-v3", "phala-a067", "quote.bin"))
	if err != nil {
		t.Fatal(err)
	}
	platform, err := quote.Platform()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2025, 6, 15, 1, 27, 46, 0, time.UTC)
	archive := openArchive(t, dir)
	q := Query{Platform: platform, At: at}
	current, err := archive.Collateral(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	s := newService()
	s.shape = shapePCCS
	s.add(platform, 19, current.Parts())
	service, _ := s.start(t)
	cache, err := NewCache(service, CacheConfig{Dir: t.TempDir(), Clock: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cache.Close() }()
	verifier, err := dcap.NewVerifier(dcap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]Source{"archive": archive, "HTTP": service, "cache": cache} {
		c, err := source.Collateral(t.Context(), q)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := verifier.Verify(t.Context(), quote, dcap.Options{Collateral: c, At: at})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.TCB.EvaluationDataNumber != 19 || got.TCB.Status == evidence.TCBNoMatchingLevel {
			t.Errorf("%s: number %d, status %s", name, got.TCB.EvaluationDataNumber, got.TCB.Status)
		}
	}
}
