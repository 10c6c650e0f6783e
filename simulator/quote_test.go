package simulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/simulator"
)

// filled returns n bytes that count up from first.
func filled(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func fullReport() simulator.Report {
	return simulator.Report{
		MRENCLAVE: [32]byte(filled(1, 32)), MRSIGNER: [32]byte(filled(40, 32)), ISVProdID: 0x1234, ISVSVN: 0xfffe,
		ReportData: [64]byte(filled(80, 64)), KSS: true, MISCSELECT: 0xdeadbeef,
		ConfigID: [64]byte(filled(150, 64)), ConfigSVN: 0x4321, ISVFamilyID: [16]byte(filled(3, 16)), ISVExtProdID: [16]byte(filled(5, 16)),
		CPUSVN: [16]byte(filled(7, 16)),
	}
}

func TestReportIsWhatTheQuoteSays(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{SVNs: simulator.SVNs{Components: [16]uint8{5, 6, 7}, PCESVN: 1}})
	own := [16]byte{5, 6, 7}
	ordinary := [16]byte{0: 0x05, 8: 0x03}
	for name, tc := range map[string]struct {
		report simulator.Report
		want   dcap.EnclaveReport
	}{
		"zero":  {simulator.Report{}, dcap.EnclaveReport{CPUSVN: own, Attributes: ordinary}},
		"debug": {simulator.Report{Debug: true}, dcap.EnclaveReport{CPUSVN: own, Attributes: [16]byte{0: 0x07, 8: 0x03}}},
		"KSS":   {simulator.Report{KSS: true}, dcap.EnclaveReport{CPUSVN: own, Attributes: [16]byte{0: 0x85, 8: 0x03}}},
		"attributes of one's own": {
			simulator.Report{Attributes: [16]byte{0: 0x04, 9: 0xff}, Debug: true, KSS: true},
			dcap.EnclaveReport{CPUSVN: own, Attributes: [16]byte{0: 0x86, 9: 0xff}},
		},
		"everything": {
			fullReport(),
			dcap.EnclaveReport{
				CPUSVN: [16]byte(filled(7, 16)), MISCSELECT: 0xdeadbeef, ISVExtProdID: [16]byte(filled(5, 16)), Attributes: [16]byte{0: 0x85, 8: 0x03},
				MRENCLAVE: [32]byte(filled(1, 32)), MRSIGNER: [32]byte(filled(40, 32)), ConfigID: [64]byte(filled(150, 64)),
				ISVProdID: 0x1234, ISVSVN: 0xfffe, ConfigSVN: 0x4321, ISVFamilyID: [16]byte(filled(3, 16)), ReportData: [64]byte(filled(80, 64)),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := sgx.Parse(quoteOf(t, p, tc.report))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, *q.Report); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

func TestQuotesBecomeClaims(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v, c := newVerifier(t, p.Root()), collateralOf(t, p, simulator.CollateralOptions{})
	hexadecimal := func(b []byte) claims.Value { return claims.String(hex.EncodeToString(b)) }
	for name, tc := range map[string]struct {
		report simulator.Report
		want   map[string]claims.Value
		absent []string
	}{
		"release": {
			simulator.Report{ISVProdID: 3, ISVSVN: 4, MRENCLAVE: [32]byte{1}, MRSIGNER: [32]byte{2}, ReportData: [64]byte{5}},
			map[string]claims.Value{
				"x-ms-sgx-is-debuggable": claims.Boolean(false), "x-ms-sgx-product-id": claims.Integer(3), "x-ms-sgx-svn": claims.Integer(4),
				"x-ms-sgx-mrenclave":   hexadecimal(append([]byte{1}, make([]byte, 31)...)),
				"x-ms-sgx-mrsigner":    hexadecimal(append([]byte{2}, make([]byte, 31)...)),
				"x-ms-sgx-report-data": hexadecimal(append([]byte{5}, make([]byte, 63)...)),
			},
			[]string{"x-ms-sgx-config-id", "x-ms-sgx-config-svn", "x-ms-sgx-isv-family-id", "x-ms-sgx-isv-extended-product-id"},
		},
		"debug": {simulator.Report{Debug: true}, map[string]claims.Value{"x-ms-sgx-is-debuggable": claims.Boolean(true)}, nil},
		"KSS": {
			fullReport(),
			map[string]claims.Value{
				"x-ms-sgx-config-id": hexadecimal(filled(150, 64)), "x-ms-sgx-config-svn": claims.Integer(0x4321),
				"x-ms-sgx-isv-family-id": hexadecimal(filled(3, 16)), "x-ms-sgx-isv-extended-product-id": hexadecimal(filled(5, 16)),
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := verify(t, v, quoteOf(t, p, tc.report), c)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range tc.want {
				if got := r.Claims.Values(name); len(got) != 1 || got[0].GoString() != want.GoString() {
					t.Errorf("%s = %v, want %v", name, got, want)
				}
			}
			for _, name := range tc.absent {
				if got := r.Claims.Values(name); len(got) != 0 {
					t.Errorf("%s = %v without KSS", name, got)
				}
			}
		})
	}
}

func TestBind(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	runtime, initTime := []byte(`{"key":"…"}`), []byte("configuration")
	r, err := verify(t, newVerifier(t, p.Root()), quoteOf(t, p, simulator.Report{
		ReportData: simulator.Bind(runtime), ConfigID: simulator.Bind(initTime), KSS: true,
	}), collateralOf(t, p, simulator.CollateralOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ got, data []byte }{"runtime": {r.RuntimeBinding, runtime}, "init-time": {r.InitTimeBinding, initTime}} {
		sum := sha256.Sum256(tc.data)
		if !bytes.Equal(tc.got, append(sum[:], make([]byte, 32)...)) {
			t.Errorf("%s binding %x, want the SHA-256 of the data and zeros", name, tc.got)
		}
	}
}

func TestQuotesDifferOnlyInWhatTheySay(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	a, b := quoteOf(t, p, simulator.Report{ISVSVN: 1}), quoteOf(t, p, simulator.Report{ISVSVN: 2})
	if bytes.Equal(a, b) || len(a) != len(b) {
		t.Fatalf("quotes of %d and %d bytes, want two of the same length", len(a), len(b))
	}
	// After the report body comes the length, then the signature over both.
	const signatureAt, signatureEnd = 48 + 384 + 4, 48 + 384 + 4 + 64
	if bytes.Equal(a[signatureAt:signatureEnd], b[signatureAt:signatureEnd]) {
		t.Error("the same signature over different reports")
	}
	if !bytes.Equal(a[signatureEnd:], b[signatureEnd:]) {
		t.Error("the quoting enclave's part differs")
	}
}

func TestOpenEnclaveReport(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	report := fullReport()
	raw, err := p.OpenEnclaveReport(report)
	if err != nil {
		t.Fatal(err)
	}
	if version, kind := binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint32(raw[4:]); version != 1 || kind != 2 {
		t.Errorf("version %d, type %d; want 1, 2", version, kind)
	}
	if length := binary.LittleEndian.Uint64(raw[8:]); length != uint64(len(raw[16:])) {
		t.Errorf("length %d, %d bytes follow", length, len(raw)-16)
	}
	if !bytes.Equal(raw[16:], quoteOf(t, p, report)) {
		t.Error("the report holds another quote")
	}
}

// A simulated quote has the shape of a real one: what Intel's software leaves
// constant is the same.
func TestQuoteHasTheShapeOfRealOnes(t *testing.T) {
	t.Parallel()
	intels, err := dcap.ParseQuote(corpus.Read(t, "evidence", "sgx-v3", "raiko-00606a-8082", "quote.bin"))
	if err != nil {
		t.Fatal(err)
	}
	raw := quoteOf(t, newPlatform(t, simulator.Config{}), simulator.Report{})
	ours, err := dcap.ParseQuote(raw)
	if err != nil {
		t.Fatal(err)
	}
	if ours.Size() != len(raw) {
		t.Errorf("the quote ends at %d of %d bytes", ours.Size(), len(raw))
	}
	for _, q := range []*dcap.Quote{intels, ours} {
		// What differs from one platform to the next.
		q.Header.UserData, q.Header.QESVN, q.Header.PCESVN = [20]byte{}, 0, 0
	}
	if diff := cmp.Diff(intels.Header, ours.Header); diff != "" {
		t.Errorf("header (-real +ours):\n%s", diff)
	}
	if !bytes.Equal(intels.QEAuthData, ours.QEAuthData) || intels.CertificationData.Type != ours.CertificationData.Type {
		t.Error("authentication data or type of the certification data differ")
	}
	if !bytes.HasSuffix(intels.CertificationData.Data, []byte("-\n\x00")) || !bytes.HasSuffix(ours.CertificationData.Data, []byte("-\n\x00")) {
		t.Error("the chains end differently")
	}
	reports := map[*dcap.Quote]*dcap.EnclaveReport{}
	for _, q := range []*dcap.Quote{intels, ours} {
		r, err := dcap.ParseEnclaveReport(q.QEReport)
		if err != nil {
			t.Fatal(err)
		}
		reports[q] = r
	}
	if got, want := reports[ours], reports[intels]; got.Attributes != want.Attributes || got.MISCSELECT != want.MISCSELECT || got.ISVProdID != want.ISVProdID {
		t.Errorf("quoting enclave has attributes %x, MISCSELECT %x, product %d; real one %x, %x, %d",
			got.Attributes, got.MISCSELECT, got.ISVProdID, want.Attributes, want.MISCSELECT, want.ISVProdID)
	}
	if reports[ours].MRSIGNER == reports[intels].MRSIGNER || reports[ours].MRENCLAVE == reports[intels].MRENCLAVE {
		t.Error("the simulated quoting enclave claims to be Intel's")
	}
}
