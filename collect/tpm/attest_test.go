package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
)

// verifyRequest does what the service does with a request, with the verifiers of
// evidence/tpm.
func verifyRequest(t *testing.T, s *service, aik *collect.AIK) (wireData, *tpm.Quote) {
	t.Helper()
	var d wireData
	var jwk json.RawMessage
	header, _ := openJWS(t, s.lastRequest(), func(payload []byte) crypto.PublicKey {
		var p wirePayload
		if err := json.Unmarshal(payload, &p); err != nil {
			t.Fatal(err)
		}
		d = p.data()
		jwk = d.AttestKey
		if d.RequestKey != nil {
			jwk = d.RequestKey.JWK
		}
		return must[crypto.PublicKey](t)(tpm.ParseJWK(jwk))
	})
	kind := "attReqV2"
	if d.RequestKey == nil {
		kind = "attReq"
	}
	if algorithm, _, _ := strings.Cut(header, ","); header != algorithm+`,"typ":"`+kind+`"}` || len(algorithm) != len(`{"alg":"PS256"`) {
		t.Errorf("header %s", header)
	}
	if d.Challenge == "" || string(bytesOf(t, d.Challenge)) != string(s.challenge) || d.ServiceContext != recordedContext {
		t.Errorf("challenge %q and context %q", d.Challenge, d.ServiceContext)
	}
	verifier := must[*tpm.AIK](t)(tpm.NewAIK(aik.Area()))
	if d.RequestKey == nil {
		return d, verifyClaim(t, verifier, bytesOf(t, d.TPM.CurrentClaim), s.challenge)
	}
	want := tpm.Requirements{QualifyingData: s.challenge, AllowSHA1Banks: true}
	for _, k := range append([]wireKey{*d.RequestKey}, d.OtherKeys...) {
		if k.Info.Certify == nil {
			continue
		}
		public := must[*tpm.Public](t)(tpm.ParsePublic(bytesOf(t, k.Info.Certify.Public)))
		signature := must[*tpm.Signature](t)(tpm.ParseSignature(bytesOf(t, k.Info.Certify.Signature)))
		c := must[*tpm.Certification](t)(verifier.VerifyCertification(public, bytesOf(t, k.Info.Certify.Certification), signature, want))
		if key := must[crypto.PublicKey](t)(tpm.ParseJWK(k.JWK)); !c.IsOf(key) || !c.Public.Attributes.IsResident() {
			t.Errorf("certified %v for %s", c.Public, k.JWK)
		}
	}
	if q := d.RequestKey.Info.Quote; q != nil {
		hash := map[string]tpm.Algorithm{"sha-256": tpm.SHA256, "sha-384": tpm.SHA384}[q.HashAlg]
		want.QualifyingData = must[[]byte](t)(tpm.RequestKeyBinding(hash, string(jwk), s.challenge))
	}
	var banks []tpm.Bank
	for _, b := range d.TPM.Current.PCRs {
		bank := tpm.Bank{Algorithm: tpm.Algorithm(b.Algorithm)}
		for _, v := range b.Values {
			bank.PCRs = append(bank.PCRs, tpm.PCR{Index: v.Index, Digest: bytesOf(t, v.Digest)})
		}
		banks = append(banks, bank)
	}
	signature := must[*tpm.Signature](t)(tpm.ParseSignature(bytesOf(t, d.TPM.Current.Signature)))
	if key := must[crypto.PublicKey](t)(tpm.ParseJWK(d.TPM.Current.AIKPub)); aik.Area().JWK() != must[tpm.JWK](t)(tpm.NewJWK(key)) {
		t.Error("aik_pub is another key")
	}
	return d, must[*tpm.Quote](t)(verifier.VerifyQuote(bytesOf(t, d.TPM.Current.Quote), signature, banks, want))
}

// verifyClaim takes a platform claim apart as the service does.
func verifyClaim(t *testing.T, aik *tpm.AIK, claim, challenge []byte) *tpm.Quote {
	t.Helper()
	c := must[*tpm.PlatformClaim](t)(tpm.ParsePlatformClaim(claim))
	if string(claim[:8]) != "TPLA\x00\x00\x00\x00" || c.Log != nil {
		t.Errorf("a claim that begins with %q, and a log of %d bytes", claim[:8], len(c.Log))
	}
	return must[*tpm.Quote](t)(aik.VerifyQuote(c.Quote, c.Signature, c.Banks, tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true}))
}

func TestAttestWithEveryKey(t *testing.T) {
	t.Parallel()
	s := startService(t)
	_, opened := start(t)
	aiks := map[collect.Algorithm]*collect.AIK{}
	keys := map[string]crypto.Signer{
		"none":            nil,
		"RSA in memory":   must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)),
		"P-256 in memory": must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"P-384 in memory": must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
	}
	for _, a := range collect.PossibleAlgorithmValues() {
		aiks[a] = newAIK(t, opened, a)
		keys[string(a)+" in the TPM"] = must[*collect.Key](t)(opened.NewKey(t.Context(), a))
	}
	for a, aik := range aiks {
		for name, key := range keys {
			for _, version := range []int{1, 2} {
				o := &collect.AttestOptions{AIK: aik, RequestKey: key, Version: version, Nonce: []byte("nonce"), RPID: "https://rp.example/?a=1&b=<2>"}
				r, err := collect.Attest(t.Context(), s.client(), opened, o)
				if err != nil {
					t.Fatalf("AIK %s, request key %s, version %d: %v", a, name, version, err)
				}
				if key != nil && r.RequestKey != key {
					t.Error("another request key")
				}
				if *r.Result.Nonce != "bm9uY2U" || string(r.Result.AdditionalClaims["issued"]) != "true" {
					t.Errorf("result %+v", r.Result)
				}
				d, q := verifyRequest(t, s, aik)
				if d.RPID != o.RPID || d.RPData != "bm9uY2U" {
					t.Errorf("rp_id %q, rp_data %q", d.RPID, d.RPData)
				}
				if r.Quote.Attest.Clock != q.Attest.Clock || q.Attest.Clock.ResetCount == 0 {
					t.Errorf("clock %+v, sent %+v", r.Quote.Attest.Clock, q.Attest.Clock)
				}
				if want := map[int]tpm.Algorithm{1: tpm.SHA256, 2: tpm.SHA384}[version]; q.Mask() != 0xffffff || q.Banks[0].Algorithm != want {
					t.Errorf("version %d: PCRs %#x of %s", version, q.Mask(), q.Banks[0].Algorithm)
				}
			}
		}
	}
}
