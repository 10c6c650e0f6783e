package tpm_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

var challenge = bytes.Repeat([]byte{0xc5}, 16)

func TestVerifyQuoteRefuses(t *testing.T) {
	t.Parallel()
	s := ecSoft(t)
	sha256Bank, sha1Bank := bankOf(tpm.SHA256, 0, 1, 7), bankOf(tpm.SHA1, 0)
	other := bankOf(tpm.SHA256, 0, 1, 7)
	other.PCRs[1].Digest = make([]byte, 32)
	plain := s.quote(challenge, sha256Bank)
	edited := func(edit func(*tpm2.TPMSAttest)) []byte {
		a, err := tpm2.Unmarshal[tpm2.TPMSAttest](plain)
		if err != nil {
			t.Fatal(err)
		}
		edit(a)
		return tpm2.Marshal(a)
	}
	patched := func(at int, b ...byte) []byte {
		c := bytes.Clone(plain)
		copy(c[at:], b)
		return c
	}
	// Where the selection begins: after header, name, challenge, clock and version.
	selectionAt := 4 + 2 + 2 + 34 + 2 + 16 + 17 + 8
	given := []tpm.Bank{sha256Bank}
	tests := map[string]struct {
		attest []byte
		banks  []tpm.Bank
		want   tpm.Requirements
		stage  evidence.Stage
		code   evidence.Code
	}{
		"another nonce":        {s.quote([]byte("another"), sha256Bank), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"nonce with more":      {s.quote(append(bytes.Clone(challenge), 0), sha256Bank), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"no nonce":             {s.quote(nil, sha256Bank), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"nothing expected":     {s.quote(nil, sha256Bank), given, tpm.Requirements{QualifyingData: []byte{}}, tpm.StageQuote, evidence.CodeMissing},
		"PCR with other value": {plain, []tpm.Bank{other}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"PCR missing":          {plain, []tpm.Bank{bankOf(tpm.SHA256, 0, 1)}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMissing},
		"PCR not quoted":       {plain, []tpm.Bank{bankOf(tpm.SHA256, 0, 1, 2, 7)}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"PCR twice":            {plain, []tpm.Bank{bankOf(tpm.SHA256, 0, 1, 1, 7)}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMalformed},
		"PCR below 0":          {plain, []tpm.Bank{bankOf(tpm.SHA256, 0, 1, -1, 7)}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMalformed},
		"PCR 24":               {plain, []tpm.Bank{bankOf(tpm.SHA256, 0, 1, 7, 24)}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMalformed},
		"PCR of other length":  {plain, []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: bankOf(tpm.SHA384, 0, 1, 7).PCRs}}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMalformed},
		"no bank":              {plain, nil, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"another bank":         {plain, []tpm.Bank{bankOf(tpm.SHA384, 0, 1, 7)}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMissing},
		"bank too many":        {plain, []tpm.Bank{sha256Bank, sha1Bank}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"bank twice":           {s.quote(challenge, sha256Bank, sha1Bank), []tpm.Bank{sha256Bank, sha256Bank}, tpm.Requirements{AllowSHA1Banks: true}, tpm.StageQuote, evidence.CodeMalformed},
		"SHA-1 bank":           {s.quote(challenge, sha256Bank, sha1Bank), []tpm.Bank{sha256Bank, sha1Bank}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeUnsupported},
		"no bank quoted":       {s.quote(challenge), nil, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMissing},
		"empty bank quoted":    {s.quote(challenge, sha256Bank, tpm.Bank{Algorithm: tpm.SHA384}), []tpm.Bank{sha256Bank, {Algorithm: tpm.SHA384}}, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMissing},
		"bank quoted twice":    {s.quote(challenge, sha256Bank, sha256Bank), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeMalformed},
		"no TPM made it":       {patched(0, 0xff, 0x54, 0x43, 0x48), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeMalformed},
		"magic of zeros":       {patched(0, 0, 0, 0, 0), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeMalformed},
		"certification":        {s.certify(challenge, s.public), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"time attestation":     {patched(4, 0x80, 0x19), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeUnsupported},
		"five banks":           {patched(selectionAt, 0, 0, 0, 5), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeTooLarge},
		"4294967295 banks":     {patched(selectionAt, 0xff, 0xff, 0xff, 0xff), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeTooLarge},
		"SM3 bank":             {patched(selectionAt+4, 0, 0x12), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeUnsupported},
		"selection of none":    {patched(selectionAt+6, 0), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeMalformed},
		"selection of 255":     {patched(selectionAt+6, 255), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeMalformed},
		"no signer":            {edited(func(a *tpm2.TPMSAttest) { a.QualifiedSigner.Buffer = nil }), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMissing},
		"handle as signer":     {edited(func(a *tpm2.TPMSAttest) { a.QualifiedSigner.Buffer = []byte{0x40, 0, 0, 7} }), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMissing},
		"signer by SHA384":     {edited(func(a *tpm2.TPMSAttest) { a.QualifiedSigner.Buffer = append([]byte{0, 0x0c}, make([]byte, 48)...) }), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
		"short signer":         {edited(func(a *tpm2.TPMSAttest) { a.QualifiedSigner.Buffer = []byte{0, 0x0b, 1} }), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeMalformed},
		"trailing byte":        {append(bytes.Clone(plain), 0), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeTrailingData},
		"one byte less":        {plain[:len(plain)-1], given, tpm.Requirements{}, evidence.StageParse, evidence.CodeTruncated},
		"too large":            {make([]byte, 4096), given, tpm.Requirements{}, evidence.StageParse, evidence.CodeTooLarge},
		"digest cut": {edited(func(a *tpm2.TPMSAttest) {
			q, err := a.Attested.Quote()
			if err != nil {
				t.Error(err)
			}
			q.PCRDigest.Buffer = q.PCRDigest.Buffer[:16]
			a.Attested = tpm2.NewTPMUAttest(tpm2.TPMSTAttestQuote, q)
		}), given, tpm.Requirements{}, tpm.StageQuote, evidence.CodeMismatch},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.want.QualifyingData == nil {
				test.want.QualifyingData = challenge
			}
			// Whatever it is, the AIK signed it.
			_, err := s.aik(t).VerifyQuote(test.attest, s.signature(t, test.attest), test.banks, test.want)
			wantRefusal(t, err, test.stage, test.code)
		})
	}
}

func TestVerifyQuoteRefusesSignatures(t *testing.T) {
	t.Parallel()
	s, foreign := ecSoft(t), ecSoft(t)
	withRSA := newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256)
	withSHA1 := newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA1)
	bank := bankOf(tpm.SHA256, 0)
	want := tpm.Requirements{QualifyingData: challenge}
	attest := s.quote(challenge, bank)
	good := s.signature(t, attest)
	tests := map[string]struct {
		by        soft
		attest    []byte
		signature *tpm.Signature
		stage     evidence.Stage
		code      evidence.Code
	}{
		"another key's":        {s, attest, foreign.signature(t, attest), evidence.StageSignature, evidence.CodeBadSignature},
		"another quote's":      {s, s.quote(challenge, bankOf(tpm.SHA256, 1)), good, evidence.StageSignature, evidence.CodeBadSignature},
		"zero":                 {s, attest, &tpm.Signature{Scheme: tpm.ECDSA, Hash: tpm.SHA256}, evidence.StageSignature, evidence.CodeBadSignature},
		"r of zero":            {s, attest, &tpm.Signature{Scheme: tpm.ECDSA, Hash: tpm.SHA256, R: make([]byte, 32), S: good.S}, evidence.StageSignature, evidence.CodeBadSignature},
		"by another scheme":    {withRSA, attest, newSoft(t, rsaKey(), tpm.RSAPSS, tpm.SHA256).signature(t, attest), evidence.StageSignature, evidence.CodeMismatch},
		"by another hash":      {withRSA, attest, newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA384).signature(t, attest), evidence.StageSignature, evidence.CodeMismatch},
		"ECDSA for an RSA key": {withRSA, attest, good, evidence.StageSignature, evidence.CodeMismatch},
		"with SHA-1":           {withSHA1, attest, withSHA1.signature(t, attest), evidence.StageSignature, evidence.CodeUnsupported},
		"empty RSA":            {withRSA, attest, &tpm.Signature{Scheme: tpm.RSASSA, Hash: tpm.SHA256}, evidence.StageSignature, evidence.CodeBadSignature},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := test.by.aik(t).VerifyQuote(test.attest, test.signature, []tpm.Bank{bank}, want)
			wantRefusal(t, err, test.stage, test.code)
			if test.stage == evidence.StageSignature && test.code == evidence.CodeMismatch {
				return
			}
			// Of a bare key no scheme is known; the signature must hold all the same.
			bare, err := tpm.AIKFromKey(test.by.public.Key)
			if err != nil {
				t.Fatal(err)
			}
			_, err = bare.VerifyQuote(test.attest, test.signature, []tpm.Bank{bank}, want)
			wantRefusal(t, err, test.stage, test.code)
		})
	}
	// A bare RSA key with a signature by ECDSA, and the other way round.
	bare, err := tpm.AIKFromKey(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	_, err = bare.VerifyQuote(attest, good, []tpm.Bank{bank}, want)
	wantRefusal(t, err, evidence.StageSignature, evidence.CodeMismatch)
	if bare, err = tpm.AIKFromKey(s.public.Key); err != nil {
		t.Fatal(err)
	}
	_, err = bare.VerifyQuote(attest, withRSA.signature(t, attest), []tpm.Bank{bank}, want)
	wantRefusal(t, err, evidence.StageSignature, evidence.CodeMismatch)
}

func TestVerifyQuoteAccepts(t *testing.T) {
	t.Parallel()
	p384 := newSoft(t, newECKey(t, elliptic.P384()), tpm.ECDSA, tpm.SHA384)
	tests := map[string]struct {
		by   soft
		want tpm.Requirements
	}{
		"ECDSA P-256":       {ecSoft(t), tpm.Requirements{}},
		"ECDSA P-384":       {p384, tpm.Requirements{}},
		"RSASSA":            {newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256), tpm.Requirements{}},
		"RSASSA SHA512":     {newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA512), tpm.Requirements{}},
		"RSAPSS":            {newSoft(t, rsaKey(), tpm.RSAPSS, tpm.SHA256), tpm.Requirements{}},
		"SHA1 where it may": {newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA1), tpm.Requirements{AllowSHA1Signatures: true}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.want.QualifyingData, test.want.AllowSHA1Banks = challenge, true
			one, two := bankOf(tpm.SHA1, 23, 0), bankOf(tpm.SHA256, 4, 8)
			attest := test.by.quote(challenge, bankOf(tpm.SHA1, 0, 23), two)
			q, err := test.by.aik(t).VerifyQuote(attest, test.by.signature(t, attest), []tpm.Bank{two, one}, test.want)
			if err != nil {
				t.Fatal(err)
			}
			if got, ok := q.Bank(tpm.SHA1); !ok || got.PCRs[0].Index != 0 || got.PCRs[1].Index != 23 {
				t.Errorf("bank %+v, want PCRs in order", got)
			}
			if _, ok := q.Bank(tpm.SHA512); ok {
				t.Error("a bank that was not quoted")
			}
			if q.Mask() != 1|1<<4|1<<8|1<<23 {
				t.Errorf("mask %#x", q.Mask())
			}
			if c := q.Attest.Clock; c.Clock != 1000 || c.ResetCount != 2 || c.RestartCount != 3 || !c.IsSafe || q.Attest.FirmwareVersion != 0x2019102300163636 {
				t.Errorf("clock %+v, firmware %#x", c, q.Attest.FirmwareVersion)
			}
		})
	}
}

func TestQuoteClaims(t *testing.T) {
	t.Parallel()
	s := ecSoft(t)
	banks := []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: []tpm.PCR{{Index: 11, Digest: bytes.Repeat([]byte{0xfb}, 32)}}}, bankOf(tpm.SHA1, 0, 11)}
	attest := s.quote(challenge, banks...)
	q, err := s.aik(t).VerifyQuote(attest, s.signature(t, attest), banks, tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := q.Claims(tpm.Base64URL).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"aikPubHash":"` + s.aik(t).Hash() + `","aikValidated":false,"pcrs":"{\"PCRs\":[` +
		`{\"Index\":0,\"Digests\":{\"SHA1\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\"}},` +
		`{\"Index\":11,\"Digests\":{\"SHA256\":\"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s\",\"SHA1\":\"CwsLCwsLCwsLCwsLCwsLCwsLCws\"}}]}","tpmVersion":2}`
	if string(got) != want {
		t.Errorf("claims\n%s, want\n%s", got, want)
	}
	if got := tpm.PCRDocument(banks[1:], tpm.Hexadecimal); got != `{"PCRs":[{"Index":0,"Digests":{"SHA1":"0000000000000000000000000000000000000000"}},{"Index":11,"Digests":{"SHA1":"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"}}]}` {
		t.Errorf("document %s", got)
	}
	if got := tpm.PCRDocument(nil, tpm.Base64URL); got != `{"PCRs":[]}` {
		t.Errorf("document without a bank: %s", got)
	}
}

func TestRequestKeyBinding(t *testing.T) {
	t.Parallel()
	jwk := `{"kty":"RSA", "n":"AQAB","e":"AQAB"}` // spaces count
	got, err := tpm.RequestKeyBinding(tpm.SHA256, jwk, challenge)
	if err != nil {
		t.Fatal(err)
	}
	want := sha256.Sum256(append(append([]byte(jwk), 0), challenge...))
	if !bytes.Equal(got, want[:]) {
		t.Errorf("binding %x, want %x", got, want)
	}
	for name, test := range map[string]struct {
		hash      tpm.Algorithm
		jwk       string
		challenge []byte
		code      evidence.Code
	}{
		"SHA-1":        {tpm.SHA1, jwk, challenge, evidence.CodeUnsupported},
		"no hash":      {tpm.RSA, jwk, challenge, evidence.CodeUnsupported},
		"no challenge": {tpm.SHA256, jwk, nil, evidence.CodeMissing},
		"no key":       {tpm.SHA256, "", challenge, evidence.CodeMissing},
		"zero in key":  {tpm.SHA256, jwk + "\x00", challenge, evidence.CodeMalformed},
	} {
		_, err := tpm.RequestKeyBinding(test.hash, test.jwk, test.challenge)
		if wantRefusal(t, err, tpm.StageQuote, test.code); t.Failed() {
			t.Fatal(name)
		}
	}
	for _, hash := range []tpm.Algorithm{tpm.SHA384, tpm.SHA512} {
		h, _ := hash.Hash()
		if got, err := tpm.RequestKeyBinding(hash, jwk, challenge); err != nil || len(got) != h.Size() {
			t.Errorf("%s: %x, %v", hash, got, err)
		}
	}
}

func TestParseAttestSaysWhereItEnds(t *testing.T) {
	t.Parallel()
	s := ecSoft(t)
	for _, raw := range [][]byte{s.quote(challenge, bankOf(tpm.SHA256, 0)), s.certify(challenge, s.public)} {
		compareAttest(t, raw)
		for n := range raw {
			_, err := tpm.ParseAttest(raw[:n])
			if wantRefusal(t, err, evidence.StageParse, evidence.CodeTruncated); t.Failed() {
				t.Fatalf("cut at %d", n)
			}
			if e, ok := err.(*evidence.Error); ok && (e.Offset < 0 || e.Offset > n) { //nolint:errorlint // See wantRefusal.
				t.Errorf("cut at %d: offset %d", n, e.Offset)
			}
		}
	}
	// Lengths that lie about what follows.
	raw := s.quote(challenge, bankOf(tpm.SHA256, 0))
	for _, at := range []int{6, 42} { // qualifiedSigner, extraData
		lie := bytes.Clone(raw)
		binary.BigEndian.PutUint16(lie[at:], 0xffff)
		_, err := tpm.ParseAttest(lie)
		wantRefusal(t, err, evidence.StageParse, evidence.CodeTooLarge)
	}
	unsafe := bytes.Clone(raw)
	unsafe[60+16] = 2 // clockInfo.safe
	_, err := tpm.ParseAttest(unsafe)
	wantRefusal(t, err, evidence.StageParse, evidence.CodeMalformed)
}
