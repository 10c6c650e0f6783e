package tpm_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

func parsePublic(tb testing.TB, raw []byte) *tpm.Public {
	tb.Helper()
	p, err := tpm.ParsePublic(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestVerifyCertificationRefuses(t *testing.T) {
	t.Parallel()
	s := ecSoft(t)
	key := newECKey(t, elliptic.P256())
	app := parsePublic(t, publicOf(t, key.Public(), uint32(tpm.FixedTPM|tpm.FixedParent|tpm.SensitiveDataOrigin|tpm.Sign), tpm.SHA256, tpm.Null, 0))
	// The same key, that claims more than was certified.
	better := parsePublic(t, publicOf(t, key.Public(), uint32(tpm.FixedTPM|tpm.FixedParent|tpm.SensitiveDataOrigin|tpm.Sign|tpm.Restricted), tpm.SHA256, tpm.Null, 0))
	bySHA1 := parsePublic(t, publicOf(t, key.Public(), uint32(tpm.Sign), tpm.SHA1, tpm.Null, 0))
	weak := parsePublic(t, publicOf(t, weakKey().Public(), uint32(tpm.Sign), tpm.SHA256, tpm.Null, 0))
	qualified := func(name []byte) []byte {
		a := s.header(tpm.AttestCertify, challenge)
		a.Attested = tpm2.NewTPMUAttest(tpm2.TPMSTAttestCertify, &tpm2.TPMSCertifyInfo{
			Name: tpm2.TPM2BName{Buffer: app.Name()}, QualifiedName: tpm2.TPM2BName{Buffer: name},
		})
		return tpm2.Marshal(a)
	}
	bank := bankOf(tpm.SHA256, 0)
	tests := map[string]struct {
		attest []byte
		public *tpm.Public
		stage  evidence.Stage
		code   evidence.Code
	}{
		"another key":                 {s.certify(challenge, app), s.public, tpm.StageCertification, evidence.CodeMismatch},
		"attributes that are not its": {s.certify(challenge, app), better, tpm.StageCertification, evidence.CodeMismatch},
		"another challenge":           {s.certify([]byte("another"), app), app, tpm.StageCertification, evidence.CodeMismatch},
		"name by SHA-1":               {s.certify(challenge, bySHA1), bySHA1, tpm.StageCertification, evidence.CodeUnsupported},
		"weak key":                    {s.certify(challenge, weak), weak, tpm.StageKey, evidence.CodeUnsupported},
		"quote":                       {s.quote(challenge, bank), app, tpm.StageCertification, evidence.CodeMismatch},
		"no qualified name":           {qualified(nil), app, tpm.StageCertification, evidence.CodeMalformed},
		"handle as qualified name":    {qualified([]byte{0x40, 0, 0, 1}), app, tpm.StageCertification, evidence.CodeMalformed},
		"qualified name by SHA384":    {qualified(append([]byte{0, 0x0c}, make([]byte, 48)...)), app, tpm.StageCertification, evidence.CodeMalformed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := s.aik(t).VerifyCertification(test.public, test.attest, s.signature(t, test.attest), tpm.Requirements{QualifyingData: challenge})
			wantRefusal(t, err, test.stage, test.code)
		})
	}
	t.Run("another AIK", func(t *testing.T) {
		t.Parallel()
		attest := s.certify(challenge, app)
		_, err := ecSoft(t).aik(t).VerifyCertification(app, attest, s.signature(t, attest), tpm.Requirements{QualifyingData: challenge})
		wantRefusal(t, err, evidence.StageSignature, evidence.CodeBadSignature)
	})
}

func TestCertificationSaysWhatTheKeyIs(t *testing.T) {
	t.Parallel()
	s, other := ecSoft(t), ecSoft(t)
	policy := make([]byte, 32)
	raw := publicOf(t, newECKey(t, elliptic.P384()).Public(), 50, tpm.SHA256, tpm.Null, 0)
	withPolicy := append(append(put16(append([]byte{}, raw[:8]...), 32), policy...), raw[10:]...)
	app := parsePublic(t, withPolicy)
	attest := s.certify(challenge, app)
	c, err := s.aik(t).VerifyCertification(app, attest, s.signature(t, attest), tpm.Requirements{QualifyingData: challenge})
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"auth_policy":"` + base64.RawURLEncoding.EncodeToString(policy) + `","name_alg":11,"obj_attr":50}`; c.Info() != want {
		t.Errorf("info %s, want %s", c.Info(), want)
	}
	if !c.Public.Attributes.IsResident() || c.Public.Attributes.String() != "fixedTPM|fixedParent|sensitiveDataOrigin" {
		t.Errorf("attributes %s", c.Public.Attributes)
	}
	for _, test := range []struct {
		by   soft
		want bool
	}{{s, true}, {other, false}} {
		bank := bankOf(tpm.SHA256, 0)
		attest := test.by.quote(challenge, bank)
		q, err := test.by.aik(t).VerifyQuote(attest, test.by.signature(t, attest), []tpm.Bank{bank}, tpm.Requirements{QualifyingData: challenge})
		if err != nil {
			t.Fatal(err)
		}
		if c.IsFrom(q) != test.want {
			t.Errorf("from the quote's AIK: %t, want %t", !test.want, test.want)
		}
	}
}

func TestNewAIKRefuses(t *testing.T) {
	t.Parallel()
	key := newECKey(t, elliptic.P256()).Public()
	tests := map[string]struct {
		raw  []byte
		code evidence.Code
	}{
		"unrestricted":            {publicOf(t, key, uint32(aikBits&^tpm.Restricted), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"not fixed to the TPM":    {publicOf(t, key, uint32(aikBits&^tpm.FixedTPM), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"not fixed to the parent": {publicOf(t, key, uint32(aikBits&^tpm.FixedParent), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"made elsewhere":          {publicOf(t, key, uint32(aikBits&^tpm.SensitiveDataOrigin), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"does not sign":           {publicOf(t, key, uint32(aikBits&^tpm.Sign), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"decrypts as well":        {publicOf(t, key, uint32(aikBits|tpm.Decrypt), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"signs certificates":      {publicOf(t, key, uint32(aikBits|tpm.X509Sign), tpm.SHA256, tpm.ECDSA, tpm.SHA256), evidence.CodeMismatch},
		"name by SHA-1":           {publicOf(t, key, uint32(aikBits), tpm.SHA1, tpm.ECDSA, tpm.SHA256), evidence.CodeUnsupported},
		"no scheme":               {publicOf(t, key, uint32(aikBits), tpm.SHA256, tpm.Null, 0), evidence.CodeMismatch},
		"scheme of a decryption":  {publicOf(t, rsaKey().Public(), uint32(aikBits), tpm.SHA256, tpm.OAEP, tpm.SHA256), evidence.CodeMismatch},
		"RSA of 1024 bits":        {publicOf(t, weakKey().Public(), uint32(aikBits), tpm.SHA256, tpm.RSASSA, tpm.SHA256), evidence.CodeUnsupported},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tpm.NewAIK(parsePublic(t, test.raw))
			wantRefusal(t, err, tpm.StageKey, test.code)
		})
	}
}
