package tpm_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testvbs"
)

func put32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

var reportSigned = []byte(`{"att_data":{"challenge":"AQ"} }`)

func TestEnclaveReport(t *testing.T) {
	t.Parallel()
	kernel, report := testvbs.New(t, 2048), testvbs.NewReport(reportSigned)
	report.AddModule(tpm.EnclaveModule{Name: "enclave.dll", SVN: 7, AuthorID: [32]byte{1}})
	report.VariableData = append(put32(report.VariableData, 99, 12), "more"...) // a block of another kind
	report.AddModule(tpm.EnclaveModule{Name: "ucrtbase_enclave.dll", SVN: 9})
	e, err := tpm.ParseEnclaveReport(kernel.Sign(t, report))
	if err != nil {
		t.Fatal(err)
	}
	if e.Identity != report.Identity || e.Data != report.Data {
		t.Errorf("read %+v, want %+v", e.Identity, report.Identity)
	}
	if err := e.Verify(kernel.PublicKey(), reportSigned); err != nil {
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

	err = e.Verify(kernel.PublicKey(), append(bytes.Clone(reportSigned), ' '))
	wantRefusal(t, err, tpm.StageEnclave, evidence.CodeMismatch)
	wantRefusal(t, e.Verify(&rsaKey().PublicKey, reportSigned), evidence.StageSignature, evidence.CodeBadSignature)
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
	raw := testvbs.New(t, 2048).Sign(t, testvbs.NewReport(reportSigned))
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
			changed := bytes.Clone(raw)
			test.edit(changed)
			_, err := tpm.ParseEnclaveReport(changed)
			wantRefusal(t, err, evidence.StageParse, test.code)
			if e, ok := err.(*evidence.Error); ok && e.Offset != test.offset { //nolint:errorlint // See wantRefusal.
				t.Errorf("at byte %d, want %d", e.Offset, test.offset)
			}
		})
	}
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
	kernel := testvbs.New(t, 2048)
	raw := kernel.Sign(t, testvbs.NewReport(reportSigned))
	for i := 24 + 8; i < 24+220; i += 5 {
		changed := bytes.Clone(raw)
		changed[i] ^= 4
		e, err := tpm.ParseEnclaveReport(changed)
		if err != nil {
			t.Fatal(err)
		}
		wantRefusal(t, e.Verify(kernel.PublicKey(), reportSigned), evidence.StageSignature, evidence.CodeBadSignature)
	}
}

func TestModulesRefuses(t *testing.T) {
	t.Parallel()
	kernel := testvbs.New(t, 2048)
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
			report := testvbs.NewReport(reportSigned)
			report.VariableData = test.variable
			e, err := tpm.ParseEnclaveReport(kernel.Sign(t, report))
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Modules()
			wantRefusal(t, err, evidence.StageParse, test.code)
		})
	}
}
