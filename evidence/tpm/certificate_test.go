package tpm_test

import (
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

func newAuthorities(tb testing.TB, roots ...*x509.Certificate) *tpm.Authorities {
	tb.Helper()
	a, err := tpm.NewAuthorities(tpm.Config{Roots: roots})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func TestVerifyAIKAcceptsMicrosoftsForm(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "TPM root", nil)
	ca := newAuthority(t, "WUS-NTC-KEYID-00", root, oidPrivacyCA, oidAIK)
	key := newECKey(t, elliptic.P256())
	leaf := ca.issue(t, key.Public(), aikCertificate)
	if len(leaf.UnhandledCriticalExtensions) != 1 {
		t.Fatalf("critical extensions %v, want the name", leaf.UnhandledCriticalExtensions)
	}
	aik, err := newAuthorities(t, root.certificate).VerifyAIK(leaf, []*x509.Certificate{ca.certificate}, issued)
	if err != nil {
		t.Fatal(err)
	}
	if !aik.IsValidated() || len(aik.Chain()) != 3 || !aik.Chain()[0].Equal(leaf) || !aik.Chain()[2].Equal(root.certificate) || aik.Public() != nil {
		t.Errorf("AIK %+v", aik)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(spki); aik.Hash() != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("hash %s", aik.Hash())
	}
	if len(leaf.UnhandledCriticalExtensions) != 1 {
		t.Error("the caller's certificate was changed")
	}
	// The operator may have the intermediate, and the sender others.
	stranger := newAuthority(t, "stranger", nil)
	given, err := tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{stranger.certificate, root.certificate}, Intermediates: []*x509.Certificate{ca.certificate}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := given.VerifyAIK(leaf, []*x509.Certificate{stranger.certificate}, issued); err != nil {
		t.Error(err)
	}
	public := parsePublic(t, publicOf(t, key.Public(), uint32(aikBits), tpm.SHA256, tpm.ECDSA, tpm.SHA256))
	both, err := aik.WithPublic(public)
	if err != nil || !both.IsValidated() || both.Public() != public {
		t.Errorf("with public area: %+v, %v", both, err)
	}
	_, err = aik.WithPublic(ecSoft(t).public)
	wantRefusal(t, err, tpm.StageKey, evidence.CodeMismatch)
	_, err = aik.WithPublic(parsePublic(t, publicOf(t, key.Public(), uint32(aikBits&^tpm.Restricted), tpm.SHA256, tpm.ECDSA, tpm.SHA256)))
	wantRefusal(t, err, tpm.StageKey, evidence.CodeMismatch)
}

func TestVerifyAIKRefuses(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "root", nil)
	ca := newAuthority(t, "CA", root)
	forServers := newAuthority(t, "CA for EKs", root, oidEK)
	weak := newAuthorityWithKey(t, "weak CA", weakKey(), root)
	strange := newAuthority(t, "root", nil) // with the name of the root
	signer := newECKey(t, elliptic.P256())
	key := signer.Public()
	with := func(edit func(*x509.Certificate)) *x509.Certificate {
		return ca.issue(t, key, func(c *x509.Certificate) { aikCertificate(c); edit(c) })
	}
	critical := func(id asn1.ObjectIdentifier, value []byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: id, Critical: true, Value: value})
		}
	}
	san := func(value []byte) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.ExtraExtensions[0].Value = value }
	}
	hugeKey := &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 60000), big.NewInt(1)), E: 65537}
	good := with(func(*x509.Certificate) {})
	between := []*x509.Certificate{ca.certificate}
	tests := map[string]struct {
		leaf    *x509.Certificate
		between []*x509.Certificate
		at      time.Time
		stage   evidence.Stage
		code    evidence.Code
	}{
		"no certificate":        {nil, between, issued, evidence.StageChain, evidence.CodeMissing},
		"no time":               {good, between, time.Time{}, evidence.StageChain, evidence.CodeMissing},
		"no intermediate":       {good, nil, issued, evidence.StageChain, evidence.CodeUntrustedRoot},
		"root of the same name": {strange.issue(t, key, aikCertificate), []*x509.Certificate{strange.certificate}, issued, evidence.StageChain, evidence.CodeUntrustedRoot},
		"expired":               {good, between, issued.AddDate(0, 2, 0), evidence.StageChain, evidence.CodeExpired},
		"not yet valid":         {good, between, issued.AddDate(0, -2, 0), evidence.StageChain, evidence.CodeNotYetValid},
		"no purpose":            {with(func(c *x509.Certificate) { c.UnknownExtKeyUsage = nil }), between, issued, evidence.StageChain, evidence.CodeMismatch},
		"for any purpose": {with(func(c *x509.Certificate) {
			c.UnknownExtKeyUsage, c.ExtKeyUsage = nil, []x509.ExtKeyUsage{x509.ExtKeyUsageAny}
		}), between, issued, evidence.StageChain, evidence.CodeMismatch},
		"for an EK":                    {ca.issue(t, key, ekCertificate), between, issued, evidence.StageChain, evidence.CodeMismatch},
		"CA for EKs":                   {forServers.issue(t, key, aikCertificate), []*x509.Certificate{forServers.certificate}, issued, evidence.StageChain, evidence.CodeMismatch},
		"CA with a weak key":           {weak.issue(t, key, aikCertificate), []*x509.Certificate{weak.certificate}, issued, evidence.StageChain, evidence.CodeUnsupported},
		"a CA":                         {with(func(c *x509.Certificate) { c.IsCA = true }), between, issued, evidence.StageChain, evidence.CodeMalformed},
		"does not sign":                {with(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), between, issued, evidence.StageChain, evidence.CodeMalformed},
		"unknown critical":             {with(critical(asn1.ObjectIdentifier{1, 2, 3}, []byte{5, 0})), between, issued, evidence.StageChain, evidence.CodeUnsupported},
		"critical name of a kind":      {with(san([]byte{0x30, 4, 0x88, 2, 0x2a, 3})), between, issued, evidence.StageChain, evidence.CodeUnsupported}, // registeredID
		"two names":                    {with(san(append([]byte{0x30, 8}, []byte{0xa4, 2, 0x30, 0, 0xa4, 2, 0x30, 0}...))), between, issued, evidence.StageChain, evidence.CodeUnsupported},
		"weak key":                     {ca.issue(t, weakKey().Public(), aikCertificate), between, issued, tpm.StageKey, evidence.CodeUnsupported},
		"on P-521":                     {ca.issue(t, newECKey(t, elliptic.P521()).Public(), aikCertificate), between, issued, tpm.StageKey, evidence.CodeUnsupported},
		"intermediate with a huge key": {good, []*x509.Certificate{ca.certificate, ca.issue(t, hugeKey, ekCertificate)}, issued, evidence.StageChain, evidence.CodeTooLarge},
		"nine intermediates":           {good, make([]*x509.Certificate, 9), issued, evidence.StageChain, evidence.CodeTooLarge},
		"nil intermediate":             {good, make([]*x509.Certificate, 1), issued, evidence.StageChain, evidence.CodeTooLarge},
		"by an end entity":             {(&authority{good, signer}).issue(t, key, aikCertificate), []*x509.Certificate{good, ca.certificate}, issued, evidence.StageChain, evidence.CodeUntrustedRoot},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newAuthorities(t, root.certificate).VerifyAIK(test.leaf, test.between, test.at)
			wantRefusal(t, err, test.stage, test.code)
		})
	}
}

func TestParseCertificate(t *testing.T) {
	t.Parallel()
	c := newAuthority(t, "root", nil).certificate
	if got, err := tpm.ParseCertificate(c.Raw); err != nil || !got.Equal(c) {
		t.Error(err)
	}
	_, err := tpm.ParseCertificate(append(slices.Clip(c.Raw), 0))
	wantRefusal(t, err, evidence.StageParse, evidence.CodeMalformed)
	_, err = tpm.ParseCertificate(nil)
	wantRefusal(t, err, evidence.StageParse, evidence.CodeMalformed)
	_, err = tpm.ParseCertificate(make([]byte, 20<<10))
	wantRefusal(t, err, evidence.StageParse, evidence.CodeTooLarge)
}

func TestNewAuthoritiesRefuses(t *testing.T) {
	t.Parallel()
	root := newAuthority(t, "root", nil).certificate
	leaf := newAuthority(t, "CA", nil).issue(t, newECKey(t, elliptic.P256()).Public(), aikCertificate)
	for field, config := range map[string]tpm.Config{
		"Roots":         {},
		"Roots[0]":      {Roots: []*x509.Certificate{nil}},
		"Roots[1]":      {Roots: []*x509.Certificate{root, leaf}},
		"Intermediates": {Roots: []*x509.Certificate{root}, Intermediates: []*x509.Certificate{nil}},
	} {
		_, err := tpm.NewAuthorities(config)
		if e, ok := errors.AsType[*tpm.ConfigError](err); !ok || e.Field != field || e.Error() == "" {
			t.Errorf("%v, want a problem of %s", err, field)
		}
	}
}
