package relyingparty_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
)

// recordedAt is a time for which the certificates of all recorded platforms are
// valid: the last were certified in October 2022.
var recordedAt = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)

// azureSigner is the MRSIGNER of Azure Attestation's own enclaves, in every
// recorded answer.
const azureSigner = "74ba5fba208571cf99e1f7158e6536a05bbb6ce7807eef8f6a97f64a7af64b83"

// isAzures accepts the enclaves of Azure Attestation, debuggable ones included:
// they all were until the middle of 2022.
func isAzures(id *relyingparty.Identity) error {
	if got := hex.EncodeToString(id.MRSIGNER[:]); got != azureSigner || id.ProductID != 1 || id.SVN != 1 {
		return errors.New("another enclave: " + got)
	}
	return nil
}

// publishedKey is one of an answer to GET /certs.
type publishedKey struct {
	KeyID string   `json:"kid"`
	X5C   [][]byte `json:"x5c"`
}

func publishedKeys(t testing.TB, raw []byte) []publishedKey {
	t.Helper()
	var answer struct {
		Keys []publishedKey `json:"keys"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Keys) == 0 {
		t.Fatal("an answer without keys")
	}
	return answer.Keys
}

// recordedAnswers are the names of the recorded answers to GET /certs.
func recordedAnswers(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "certs", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// recordedKeys are those of all the recorded answers.
func recordedKeys(t testing.TB) []publishedKey {
	t.Helper()
	var keys []publishedKey
	for _, path := range recordedAnswers(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, publishedKeys(t, raw)...)
	}
	return keys
}

// attestedKeys are the recorded ones whose certificate carries a report: they
// come alone, those of a CA with their chain.
func attestedKeys(t testing.TB) []publishedKey {
	t.Helper()
	return slices.DeleteFunc(recordedKeys(t), func(k publishedKey) bool { return len(k.X5C) != 1 })
}

// tally counts what became of the keys.
type tally struct {
	Answers, Keys, Attested, NoReport, Debug int
	Enclaves                                 int // different MRENCLAVEs
	Certificates                             int // different ones with a report
}

// Every certificate that the real service published is checked: those with a
// report verify to Intel's root, are bound to their key and are named by it; the
// others are known not to have one.
func TestEveryRecordedSigningCertificate(t *testing.T) {
	t.Parallel()
	got := tally{Answers: len(recordedAnswers(t))}
	enclaves, certificates := map[[32]byte]bool{}, map[string]bool{}
	for _, k := range recordedKeys(t) {
		got.Keys++
		r, err := relyingparty.VerifySigningCertificate(t.Context(), parse(t, k.X5C[0]), relyingparty.SigningCertificateOptions{
			At: recordedAt, KeyID: k.KeyID, Identity: isAzures,
		})
		if errors.Is(err, relyingparty.ErrNoReport) {
			got.NoReport++
			continue
		}
		if err != nil {
			t.Errorf("key %s: %v", k.KeyID, err)
			continue
		}
		if r.TCBJudged || r.Simulated || r.KeyID != k.KeyID {
			t.Errorf("key %s: judged %t, simulated %t, key %s", k.KeyID, r.TCBJudged, r.Simulated, r.KeyID)
		}
		got.Attested++
		if r.Identity.Debug {
			got.Debug++
		}
		enclaves[r.Identity.MRENCLAVE] = true
		certificates[string(k.X5C[0])] = true
	}
	got.Enclaves, got.Certificates = len(enclaves), len(certificates)
	want := tally{Answers: 57, Keys: 208, Attested: 94, NoReport: 114, Debug: 86, Enclaves: 7, Certificates: 94}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
