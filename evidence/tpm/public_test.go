package tpm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

func TestParsePublicReadsTemplates(t *testing.T) {
	t.Parallel()
	for _, signer := range []any{rsaKey().Public(), newECKey(t, elliptic.P256()).Public(), newECKey(t, elliptic.P384()).Public()} {
		scheme := tpm.ECDSA
		if _, ok := signer.(*rsa.PublicKey); ok {
			scheme = tpm.RSAPSS
		}
		raw := publicOf(t, signer, uint32(aikBits), tpm.SHA384, scheme, tpm.SHA512)
		comparePublic(t, raw)
		p := parsePublic(t, raw)
		if p.Scheme != scheme || p.SchemeHash != tpm.SHA512 || p.NameAlgorithm != tpm.SHA384 || !bytes.Equal(p.Bytes(), raw) {
			t.Errorf("read %+v", p)
		}
		q, err := tpm.ParsePublic2B(put2B(nil, raw))
		if err != nil || !bytes.Equal(q.Name(), p.Name()) {
			t.Errorf("with its length: %+v, %v", q, err)
		}
		for n := range raw {
			_, err := tpm.ParsePublic(raw[:n])
			if wantRefusal(t, err, evidence.StageParse, evidence.CodeTruncated); t.Failed() {
				t.Fatalf("cut at %d", n)
			}
		}
	}
}

func TestParsePublicReadsStorageKeys(t *testing.T) {
	t.Parallel()
	for _, template := range []tpm2.TPMTPublic{tpm2.RSAEKTemplate, tpm2.ECCEKTemplate, tpm2.RSASRKTemplate} {
		if template.Type == tpm2.TPMAlgRSA {
			template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgRSA, &tpm2.TPM2BPublicKeyRSA{Buffer: rsaKey().N.Bytes()})
		} else {
			point, err := newECKey(t, elliptic.P256()).PublicKey.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
				X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]},
			})
		}
		raw := tpm2.Marshal(template)
		comparePublic(t, raw)
		if p := parsePublic(t, raw); p.Symmetric != (tpm.Symmetric{Algorithm: tpm.AES, KeyBits: 128, Mode: tpm.CFB}) {
			t.Errorf("symmetric %+v", p.Symmetric)
		}
	}
}

func TestParsePublicRefuses(t *testing.T) {
	t.Parallel()
	rsaRaw := publicOf(t, rsaKey().Public(), uint32(aikBits), tpm.SHA256, tpm.RSASSA, tpm.SHA256)
	ecRaw := publicOf(t, newECKey(t, elliptic.P256()).Public(), uint32(aikBits), tpm.SHA256, tpm.ECDSA, tpm.SHA256)
	patched := func(raw []byte, at int, b ...byte) []byte {
		c := bytes.Clone(raw)
		copy(c[at:], b)
		return c
	}
	even := patched(rsaRaw, len(rsaRaw)-1, 0)
	tests := map[string]struct {
		raw    []byte
		code   evidence.Code
		offset int
	}{
		"keyed hash":            {patched(ecRaw, 0, 0, 8), evidence.CodeUnsupported, 0},
		"unknown name hash":     {patched(ecRaw, 2, 0, 0x12), evidence.CodeUnsupported, 2},
		"no name hash":          {patched(ecRaw, 2, 0, 0x10), evidence.CodeUnsupported, 2},
		"reserved attribute":    {patched(ecRaw, 4, 0x80), evidence.CodeUnsupported, 4},
		"policy of one byte":    {append(append(bytes.Clone(ecRaw[:8]), 0, 1, 7), ecRaw[10:]...), evidence.CodeMalformed, 8},
		"policy of 65535":       {patched(ecRaw, 8, 0xff, 0xff), evidence.CodeTooLarge, 8},
		"unknown cipher":        {patched(ecRaw, 10, 0, 0x13), evidence.CodeUnsupported, 10},
		"RSA scheme of ECC":     {patched(ecRaw, 12, 0, 0x14), evidence.CodeUnsupported, 12},
		"unknown scheme hash":   {patched(ecRaw, 14, 0, 0x12), evidence.CodeUnsupported, 14},
		"P-521":                 {patched(ecRaw, 16, 0, 5), evidence.CodeUnsupported, 16},
		"unknown KDF":           {patched(ecRaw, 18, 0, 7), evidence.CodeUnsupported, 18},
		"no point":              {patched(ecRaw, 22, 1, 2, 3), evidence.CodeMalformed, 20},
		"x of 49 bytes":         {patched(ecRaw, 20, 0, 49), evidence.CodeTooLarge, 20},
		"trailing byte":         {append(bytes.Clone(ecRaw), 0), evidence.CodeTrailingData, len(ecRaw)},
		"RSA of 512 bits":       {patched(rsaRaw, 16, 2, 0), evidence.CodeUnsupported, 16},
		"RSA of 65528 bits":     {patched(rsaRaw, 16, 0xff, 0xf8), evidence.CodeUnsupported, 16},
		"even exponent":         {patched(rsaRaw, 18, 0, 0, 0, 4), evidence.CodeMalformed, 18},
		"exponent of 1":         {patched(rsaRaw, 18, 0, 0, 0, 1), evidence.CodeMalformed, 18},
		"exponent of 32 bits":   {patched(rsaRaw, 18, 0xff, 0xff, 0xff, 0xff), evidence.CodeMalformed, 18},
		"even modulus":          {even, evidence.CodeMalformed, 22},
		"modulus of zeros":      {append(bytes.Clone(rsaRaw[:24]), make([]byte, 256)...), evidence.CodeMalformed, 22},
		"modulus of other size": {patched(rsaRaw, 16, 0x0c, 0), evidence.CodeMalformed, 22},
		"too large":             {make([]byte, 2000), evidence.CodeTooLarge, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tpm.ParsePublic(test.raw)
			wantRefusal(t, err, evidence.StageParse, test.code)
			if e, ok := err.(*evidence.Error); ok && e.Offset != test.offset { //nolint:errorlint // See wantRefusal.
				t.Errorf("at byte %d, want %d: %v", e.Offset, test.offset, err)
			}
		})
	}
	for size, code := range map[int]evidence.Code{len(ecRaw) + 1: evidence.CodeTruncated, len(ecRaw) - 1: evidence.CodeTrailingData, 0xffff: evidence.CodeTruncated} {
		_, err := tpm.ParsePublic2B(append(put16(nil, uint16(size)), ecRaw...))
		wantRefusal(t, err, evidence.StageParse, code)
	}
}

func TestParsePublicPadsCoordinates(t *testing.T) {
	t.Parallel()
	// A key whose x begins with a zero, which some TPMs leave out.
	var key *ecdsa.PrivateKey
	var point []byte
	for len(point) == 0 || point[1] != 0 {
		key = newECKey(t, elliptic.P256())
		var err error
		if point, err = key.PublicKey.Bytes(); err != nil {
			t.Fatal(err)
		}
	}
	full := publicOf(t, key.Public(), uint32(aikBits), tpm.SHA256, tpm.ECDSA, tpm.SHA256)
	short := append(put2B(bytes.Clone(full[:20]), point[2:33]), full[54:]...)
	p := parsePublic(t, short)
	if !key.PublicKey.Equal(p.Key) {
		t.Error("another key")
	}
	if jwk := p.JWK(); len(jwk.X) != 43 || jwk != parsePublic(t, full).JWK() {
		t.Errorf("JWK %+v", jwk)
	}
}

func TestJWK(t *testing.T) {
	t.Parallel()
	for _, key := range []any{rsaKey().Public(), newECKey(t, elliptic.P256()).Public(), newECKey(t, elliptic.P384()).Public()} {
		jwk, err := tpm.NewJWK(key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(jwk)
		if err != nil {
			t.Fatal(err)
		}
		back, err := tpm.ParseJWK(text)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := tpm.NewJWK(back); err != nil || again != jwk {
			t.Errorf("%+v became %+v, %v", jwk, again, err)
		}
		// Members that are not the key's are passed over, whatever they hold.
		if _, err := tpm.ParseJWK([]byte(`{"x5c":[1,{"n":"AQAB"}],"use":"sig",` + string(text[1:]))); err != nil {
			t.Error(err)
		}
	}
	if got := (tpm.JWK{Kty: "RSA", N: "n", E: "AQAB"}); fmt.Sprint(string(must[[]byte](t)(json.Marshal(got)))) != `{"kty":"RSA","n":"n","e":"AQAB"}` {
		t.Error("members in another order")
	}
	for _, key := range []any{nil, "text", (*rsa.PublicKey)(nil), (*ecdsa.PublicKey)(nil), &rsa.PublicKey{}, newECKey(t, elliptic.P521()).Public()} {
		_, err := tpm.NewJWK(key)
		wantRefusal(t, err, tpm.StageKey, evidence.CodeUnsupported)
	}
}

func TestParseJWKRefuses(t *testing.T) {
	t.Parallel()
	ec, err := json.Marshal(must[tpm.JWK](t)(tpm.NewJWK(newECKey(t, elliptic.P256()).Public())))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text string
		code evidence.Code
	}{
		"empty":               {``, evidence.CodeMalformed},
		"no object":           {`[]`, evidence.CodeMalformed},
		"null":                {`null`, evidence.CodeMalformed},
		"cut":                 {`{"kty":"RSA"`, evidence.CodeMalformed},
		"second object":       {`{"kty":"RSA","n":"AQ","e":"Aw"}{}`, evidence.CodeTrailingData},
		"no type":             {`{}`, evidence.CodeUnsupported},
		"symmetric":           {`{"kty":"oct","k":"AQ"}`, evidence.CodeUnsupported},
		"type in other case":  {`{"KTY":"RSA","n":"AQ","e":"Aw"}`, evidence.CodeUnsupported},
		"member twice":        {`{"kty":"RSA","n":"AQ","n":"Aw","e":"AQAB"}`, evidence.CodeMalformed},
		"other member twice":  {`{"kty":"RSA","n":"AQ","e":"AQAB","use":1,"use":2}`, evidence.CodeMalformed},
		"no modulus":          {`{"kty":"RSA","e":"AQAB"}`, evidence.CodeMissing},
		"modulus a number":    {`{"kty":"RSA","n":5,"e":"AQAB"}`, evidence.CodeMissing},
		"no exponent":         {`{"kty":"RSA","n":"AQ"}`, evidence.CodeMissing},
		"padding":             {`{"kty":"RSA","n":"AQ==","e":"AQAB"}`, evidence.CodeMalformed},
		"line break":          {`{"kty":"RSA","n":"A\nQ","e":"AQAB"}`, evidence.CodeMalformed},
		"loose bits":          {`{"kty":"RSA","n":"AR","e":"AQAB"}`, evidence.CodeMalformed},
		"leading zero":        {`{"kty":"RSA","n":"AAE","e":"AQAB"}`, evidence.CodeMalformed},
		"even modulus":        {`{"kty":"RSA","n":"Ag","e":"AQAB"}`, evidence.CodeMalformed},
		"empty modulus":       {`{"kty":"RSA","n":"","e":"AQAB"}`, evidence.CodeMalformed},
		"exponent too long":   {`{"kty":"RSA","n":"AQ","e":"AQAAAAE"}`, evidence.CodeMalformed},
		"exponent of 32 bits": {`{"kty":"RSA","n":"AQ","e":"_____w"}`, evidence.CodeMalformed},
		"huge modulus":        {`{"kty":"RSA","n":"` + strings.Repeat("_", 4000) + `","e":"AQAB"}`, evidence.CodeMalformed},
		"other curve":         {`{"kty":"EC","crv":"P-521","x":"AQ","y":"AQ"}`, evidence.CodeUnsupported},
		"short coordinate":    {`{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`, evidence.CodeMalformed},
		"no point":            {strings.Replace(string(ec), `"x":"`, `"x":"AAAA`, 1)[:len(ec)+4], evidence.CodeMalformed},
		"too large":           {`{"a":"` + strings.Repeat("a", 20<<10) + `"}`, evidence.CodeTooLarge},
		"not UTF-8":           {"{\"kty\":\"\xff\"}", evidence.CodeMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tpm.ParseJWK([]byte(test.text))
			wantRefusal(t, err, evidence.StageParse, test.code)
		})
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	good := rsaKey().PublicKey
	for name, key := range map[string]any{
		"1024 bits":     weakKey().Public(),
		"exponent of 3": &rsa.PublicKey{N: good.N, E: 3},
		"even exponent": &rsa.PublicKey{N: good.N, E: 65538},
		"even modulus":  &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 2047), E: 65537},
		"8192 bits":     &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 8191), big.NewInt(1)), E: 65537},
		"nothing":       nil,
		"no modulus":    &rsa.PublicKey{E: 65537},
		"P-521":         newECKey(t, elliptic.P521()).Public(),
		"P-224":         newECKey(t, elliptic.P224()).Public(),
		"negative":      &rsa.PublicKey{N: new(big.Int).Neg(good.N), E: 65537},
	} {
		if err := tpm.CheckKey(key); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
	if err := tpm.CheckKey(&good); err != nil {
		t.Error(err)
	}
}

func TestParseSignature(t *testing.T) {
	t.Parallel()
	rsaRaw := newSoft(t, rsaKey(), tpm.RSAPSS, tpm.SHA256).sign(t, nil)
	ecRaw := ecSoft(t).sign(t, nil)
	for _, raw := range [][]byte{rsaRaw, ecRaw} {
		if _, err := tpm.ParseSignature(raw); err != nil {
			t.Fatal(err)
		}
		for n := range raw {
			_, err := tpm.ParseSignature(raw[:n])
			wantRefusal(t, err, evidence.StageParse, evidence.CodeTruncated)
		}
		_, err := tpm.ParseSignature(append(bytes.Clone(raw), 1))
		wantRefusal(t, err, evidence.StageParse, evidence.CodeTrailingData)
	}
	for name, test := range map[string]struct {
		raw  []byte
		code evidence.Code
	}{
		"no signature":     {put16(nil, uint16(tpm.Null)), evidence.CodeUnsupported},
		"HMAC":             {put16(nil, 5, 0xb), evidence.CodeUnsupported},
		"unknown hash":     {put2B(put16(nil, uint16(tpm.RSASSA), 0x12), []byte{1}), evidence.CodeUnsupported},
		"of 65535 bytes":   {put16(nil, uint16(tpm.RSASSA), 0xb, 0xffff), evidence.CodeTooLarge},
		"r of 65535 bytes": {put16(nil, uint16(tpm.ECDSA), 0xb, 0xffff), evidence.CodeTooLarge},
		"too large":        {make([]byte, 5000), evidence.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tpm.ParseSignature(test.raw)
			wantRefusal(t, err, evidence.StageParse, test.code)
		})
	}
}

func TestRawSignature(t *testing.T) {
	t.Parallel()
	bank := bankOf(tpm.SHA256, 0)
	want := tpm.Requirements{QualifyingData: challenge}
	for _, s := range []soft{newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256), ecSoft(t)} {
		attest := s.quote(challenge, bank)
		parsed := s.signature(t, attest)
		raw := parsed.RSA
		if s.scheme == tpm.ECDSA {
			raw = make([]byte, 64)
			new(big.Int).SetBytes(parsed.R).FillBytes(raw[:32])
			new(big.Int).SetBytes(parsed.S).FillBytes(raw[32:])
		}
		signature, err := tpm.RawSignature(s.scheme, s.hash, raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.aik(t).VerifyQuote(attest, signature, []tpm.Bank{bank}, want); err != nil {
			t.Error(err)
		}
	}
	for name, test := range map[string]struct {
		scheme, hash tpm.Algorithm
		size         int
	}{
		"no scheme": {tpm.Null, tpm.SHA256, 64}, "no hash": {tpm.ECDSA, tpm.RSA, 64}, "odd": {tpm.ECDSA, tpm.SHA256, 63},
		"r of 49": {tpm.ECDSA, tpm.SHA256, 98}, "too large": {tpm.RSASSA, tpm.SHA256, 513},
	} {
		if _, err := tpm.RawSignature(test.scheme, test.hash, make([]byte, test.size)); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

func TestNamesOfAlgorithmsAndAttributes(t *testing.T) {
	t.Parallel()
	for a, want := range map[fmt.Stringer]string{
		tpm.RSA: "RSA", tpm.SHA1: "SHA1", tpm.AES: "AES", tpm.SHA256: "SHA256", tpm.SHA384: "SHA384", tpm.SHA512: "SHA512", tpm.Null: "NULL",
		tpm.RSASSA: "RSASSA", tpm.RSAES: "RSAES", tpm.RSAPSS: "RSAPSS", tpm.OAEP: "OAEP", tpm.ECDSA: "ECDSA", tpm.ECDH: "ECDH",
		tpm.KDF1SP800: "KDF1_SP800_56A", tpm.ECC: "ECC", tpm.CFB: "CFB", tpm.Algorithm(0x12): "0x0012",
		tpm.AttestQuote: "quote", tpm.AttestCertify: "certify", tpm.AttestCreation: "creation", tpm.AttestType(0x8014): "0x8014",
		tpm.Attributes(0): "none", tpm.Sign | 1: "sign|0x00000001", tpm.FixedTPM | tpm.Restricted: "fixedTPM|restricted",
	} {
		if a.String() != want {
			t.Errorf("%q, want %q", a, want)
		}
	}
	if _, ok := tpm.RSA.Hash(); ok {
		t.Error("RSA is a hash")
	}
}
