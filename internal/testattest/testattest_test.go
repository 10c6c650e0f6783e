package testattest_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/internal/testlog"
)

// What is made here is what the verifier takes, of both versions, whoever signs.
func TestRequestsVerify(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curved, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	log := testlog.Agile(t, testlog.Windows(t, corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json")))
	banks := []tpm.Bank{testattest.Replay(t, log, tpm.SHA256)}
	authority := testattest.NewAuthority(t, now)
	trusted, err := tpm.NewAuthorities(tpm.Config{Roots: authority.Roots()})
	if err != nil {
		t.Fatal(err)
	}
	verifier := tpm.NewVerifier(tpm.VerifierConfig{AIKs: trusted})
	public := testattest.Public(&strong.PublicKey, tpm.FixedTPM|tpm.FixedParent|tpm.SensitiveDataOrigin)
	for aikName, aik := range map[string]*testattest.AIK{"RSA": testattest.NewAIK(strong), "EC": testattest.NewAIK(curved)} {
		for keyName, test := range map[string]struct {
			key    crypto.Signer
			public []byte
			sign   func(*testattest.Request, testing.TB) []byte
		}{
			"RSA, version 1":             {strong, nil, (*testattest.Request).V1},
			"EC, version 1":              {curved, nil, (*testattest.Request).V1},
			"RSA, version 2":             {strong, nil, (*testattest.Request).V2},
			"EC, version 2":              {curved, nil, (*testattest.Request).V2},
			"certified, version 2":       {strong, public, (*testattest.Request).V2},
			"none of its own, but AIK's": {nil, nil, (*testattest.Request).V2},
		} {
			t.Run(aikName+" and "+keyName, func(t *testing.T) {
				t.Parallel()
				r := &testattest.Request{
					AIK: aik, Certificate: authority.Issue(t, aik), Key: test.key, Challenge: []byte("0123456789abcdef"), Context: []byte("context"),
					RPData: "AQIDBA", Log: log, Banks: banks, Public: test.public, Others: [][]byte{public}, Custom: [][3]string{{"a", "b", "String"}},
				}
				parsed, err := verifier.Parse(test.sign(r, t))
				if err != nil {
					t.Fatal(err)
				}
				result, err := verifier.Verify(t.Context(), parsed, evidence.Requirements{At: now, PCRs: 1<<24 - 1, ValidAIK: true})
				if err != nil {
					t.Fatal(err)
				}
				if v, _ := result.PolicyOnly.First("aikValidated"); v != claims.Boolean(true) || result.Custom.Len() != 1 {
					t.Errorf("aikValidated %v, %d custom claims", v, result.Custom.Len())
				}
			})
		}
	}
}
