package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

// enclaveBuilder writes reports after the declarations in ntenclv.h. No report of
// a real enclave is public, so that reader and writer share one understanding.
type enclaveBuilder struct {
	data     [64]byte
	identity tpm.EnclaveIdentity
	variable []byte
	edit     func([]byte) // of the whole, after it was signed
}

func newEnclaveBuilder(reportSigned []byte) enclaveBuilder {
	b := enclaveBuilder{data: sha512.Sum512(reportSigned), edit: func([]byte) {}}
	for i, id := range [][]byte{b.identity.OwnerID[:], b.identity.UniqueID[:], b.identity.AuthorID[:], b.identity.FamilyID[:], b.identity.ImageID[:]} {
		for j := range id {
			id[j] = byte(0xf0 + i)
		}
	}
	b.identity.SVN, b.identity.SecureKernelSVN, b.identity.PlatformSVN = 1, 2, 3
	b.identity.Flags, b.identity.SigningLevel, b.identity.Type = 1, 12, 0x10
	return b
}

func put32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// module appends a VBS_ENCLAVE_REPORT_MODULE.
func (b *enclaveBuilder) module(name string, svn uint32) {
	var text []byte
	for _, c := range append(utf16.Encode([]rune(name)), 0) {
		text = binary.LittleEndian.AppendUint16(text, c)
	}
	b.variable = put32(b.variable, 1, uint32(8+32+32+16+16+4+len(text)))
	for i, size := range []int{32, 32, 16, 16} {
		b.variable = append(b.variable, bytes.Repeat([]byte{byte(i)}, size)...)
	}
	b.variable = append(put32(b.variable, svn), text...)
}

func (b enclaveBuilder) build(tb testing.TB, key *rsa.PrivateKey) []byte {
	tb.Helper()
	id := &b.identity
	statement := append(put32(nil, 224, 1), b.data[:]...)
	for _, part := range [][]byte{id.OwnerID[:], id.UniqueID[:], id.AuthorID[:], id.FamilyID[:], id.ImageID[:]} {
		statement = append(statement, part...)
	}
	statement = put32(statement, id.SVN, id.SecureKernelSVN, id.PlatformSVN, id.Flags, id.SigningLevel, id.Type)
	statement = append(statement, b.variable...)
	digest := sha256.Sum256(statement)
	signature, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		tb.Fatal(err)
	}
	whole := put32(nil, uint32(24+len(statement)+len(signature)), 1, 1, uint32(len(statement)), uint32(len(signature)), 0)
	whole = append(append(whole, statement...), signature...)
	b.edit(whole)
	return whole
}

var reportSigned = []byte(`{"att_data":{"challenge":"AQ"} }`)

func TestEnclaveReport(t *testing.T) {
	t.Parallel()
	b := newEnclaveBuilder(reportSigned)
	b.module("enclave.dll", 7)
	b.variable = append(put32(b.variable, 99, 12), "more"...) // a block of another kind
	b.module("ucrtbase_enclave.dll", 9)
	e, err := tpm.ParseEnclaveReport(b.build(t, rsaKey()))
	if err != nil {
		t.Fatal(err)
	}
	if e.Identity != b.identity || e.Data != b.data {
		t.Errorf("read %+v, want %+v", e.Identity, b.identity)
	}
	if err := e.Verify(&rsaKey().PublicKey, reportSigned); err != nil {
		t.Error(err)
	}
	modules, err := e.Modules()
	if err != nil || len(modules) != 2 || modules[0].Name != "enclave.dll" || modules[1].SVN != 9 || modules[0].AuthorID[0] != 1 {
		t.Errorf("modules %+v, %v", modules, err)
	}
	got, err := e.Claims().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"enclaveAuthorId":"8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vI","enclaveFamilyId":"8_Pz8_Pz8_Pz8_Pz8_Pz8w","enclaveFlags":1,` +
		`"enclaveImageId":"9PT09PT09PT09PT09PT09A","enclaveOwnerId":"8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PA","enclavePlatformSvn":3,"enclaveSvn":1}`
	if string(got) != want {
		t.Errorf("claims\n%s, want\n%s", got, want)
	}

	err = e.Verify(&rsaKey().PublicKey, append(bytes.Clone(reportSigned), ' '))
	wantRefusal(t, err, tpm.StageEnclave, evidence.CodeMismatch)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, e.Verify(&other.PublicKey, reportSigned), evidence.StageSignature, evidence.CodeBadSignature)
	wantRefusal(t, e.Verify(&weakKey().PublicKey, reportSigned), tpm.StageKey, evidence.CodeUnsupported)
	if err := e.Verify(nil, reportSigned); err == nil {
		t.Error("verified with no key")
	}
}

func TestParseEnclaveReportRefuses(t *testing.T) {
	t.Parallel()
	patch := func(at int, value uint32) func([]byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[at:], value) }
	}
	for name, test := range map[string]struct {
		edit   func([]byte)
		code   evidence.Code
		offset int
	}{
		"package size":            {patch(0, 1000), evidence.CodeMismatch, 0},
		"version":                 {patch(4, 2), evidence.CodeUnsupported, 4},
		"scheme":                  {patch(8, 2), evidence.CodeUnsupported, 8},
		"statement size":          {patch(12, 223), evidence.CodeMismatch, 12},
		"huge statement":          {patch(12, 0xffffffff), evidence.CodeMismatch, 12},
		"signature size":          {patch(16, 0xffffffff), evidence.CodeMismatch, 12},
		"sizes that wrap":         {func(b []byte) { patch(12, 0xffffffe0)(b); patch(16, 0x200)(b) }, evidence.CodeMismatch, 12},
		"small statement":         {func(b []byte) { patch(12, 100)(b); patch(16, 380)(b) }, evidence.CodeTruncated, 24},
		"report size":             {patch(24, 1), evidence.CodeMismatch, 24},
		"report version":          {patch(28, 2), evidence.CodeUnsupported, 28},
		"enclave of another kind": {patch(24+220, 1), evidence.CodeUnsupported, 24 + 220},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newEnclaveBuilder(reportSigned)
			b.edit = test.edit
			_, err := tpm.ParseEnclaveReport(b.build(t, rsaKey()))
			wantRefusal(t, err, evidence.StageParse, test.code)
			if e, ok := err.(*evidence.Error); ok && e.Offset != test.offset { //nolint:errorlint // See wantRefusal.
				t.Errorf("at byte %d, want %d", e.Offset, test.offset)
			}
		})
	}
	raw := newEnclaveBuilder(reportSigned).build(t, rsaKey())
	for n := range raw {
		if _, err := tpm.ParseEnclaveReport(raw[:n]); err == nil {
			t.Fatalf("cut at %d: not refused", n)
		}
	}
	_, err := tpm.ParseEnclaveReport(append(bytes.Clone(raw), 0))
	wantRefusal(t, err, evidence.StageParse, evidence.CodeMismatch)
	_, err = tpm.ParseEnclaveReport(make([]byte, 1<<20))
	wantRefusal(t, err, evidence.StageParse, evidence.CodeTooLarge)
}

// Every bit of the signed statement counts.
func TestEnclaveReportThatWasChangedIsRefused(t *testing.T) {
	t.Parallel()
	raw := newEnclaveBuilder(reportSigned).build(t, rsaKey())
	for i := 24 + 8; i < 24+220; i += 5 {
		changed := bytes.Clone(raw)
		changed[i] ^= 4
		e, err := tpm.ParseEnclaveReport(changed)
		if err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, e.Verify(&rsaKey().PublicKey, reportSigned), evidence.StageSignature, evidence.CodeBadSignature)
	}
}

func TestModulesRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		variable []byte
		code     evidence.Code
	}{
		"half a header":   {[]byte{1, 0, 0, 0}, evidence.CodeTruncated},
		"no type":         {put32(nil, 0, 8), evidence.CodeMalformed},
		"size of nothing": {put32(nil, 99, 0), evidence.CodeMalformed},
		"small module":    {append(put32(nil, 1, 107), make([]byte, 200)...), evidence.CodeMalformed},
		"huge":            {put32(nil, 99, 0xffffffff), evidence.CodeMalformed},
		"cut":             {put32(nil, 99, 9), evidence.CodeTruncated},
		"too many":        {bytes.Repeat(put32(nil, 99, 8), 257), evidence.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newEnclaveBuilder(reportSigned)
			b.variable = test.variable
			e, err := tpm.ParseEnclaveReport(b.build(t, rsaKey()))
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Modules()
			wantRefusal(t, err, evidence.StageParse, test.code)
		})
	}
}
