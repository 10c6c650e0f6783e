package collect

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

func reportData(seed byte) [ReportDataSize]byte {
	return [ReportDataSize]byte(bytes.Repeat([]byte{seed}, ReportDataSize))
}

func mustDetect(t *testing.T, f files) Source {
	t.Helper()
	s, err := detect(f)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestQuote(t *testing.T) {
	t.Parallel()
	blob := func(report func([]byte) []byte, aux []byte) func([]byte) ([]byte, []byte) {
		return func(in []byte) ([]byte, []byte) { return report(in), aux }
	}
	for name, tt := range map[string]struct {
		files files
		kind  Kind
		aux   []byte
		named string
	}{
		"Gramine":                     {newEnclave("dcap"), SGXQuote, nil, "Gramine"},
		"Gramine, newline":            {newEnclave("dcap\n"), SGXQuote, nil, "Gramine"},
		"TDX":                         {newKernel("tdx_guest", blob(tdxQuote, nil)), TDXQuote, nil, "tdx_guest"},
		"TDX, version 5":              {newKernel("tdx_guest", blob(tdxQuote5, nil)), TDXQuote, nil, "tdx_guest"},
		"SNP":                         {newKernel("sev_guest", blob(snpReport, []byte("certificates"))), SNPReport, []byte("certificates"), "sev_guest"},
		"SNP without certificates":    {newKernel("sev_guest", blob(snpReport, []byte{})), SNPReport, nil, "sev_guest"},
		"SNP of a kernel without aux": {newKernel("sev_guest", blob(snpReport, nil)), SNPReport, nil, "sev_guest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustDetect(t, tt.files)
			if s.Kind() != tt.kind || !strings.Contains(s.String(), tt.named) {
				t.Errorf("%s gives %s, want %s by %s", s, s.Kind(), tt.kind, tt.named)
			}
			// Many at once, each with its own.
			var group sync.WaitGroup
			for i := range byte(8) {
				group.Go(func() {
					want := reportData(i + 1)
					e, err := s.Quote(t.Context(), want)
					if err != nil {
						t.Error(err)
						return
					}
					if e.Kind != tt.kind || !bytes.Contains(e.Bytes, want[:]) || !bytes.Equal(e.Auxiliary, tt.aux) {
						t.Errorf("%s with %q beside it, want %s with our report data, and %q", e.Kind, e.Auxiliary, tt.kind, tt.aux)
					}
				})
			}
			group.Wait()
			if k, ok := tt.files.(*kernel); ok {
				k.wantNoEntries(t)
			}
		})
	}
}

func TestDetectSaysWhatItLookedFor(t *testing.T) {
	t.Parallel()
	refusing := func(err error) *kernel {
		k := newKernel("tdx_guest", nil)
		k.refuse["mkdir"] = err
		return k
	}
	for name, tt := range map[string]struct {
		files files
		want  string
	}{
		"an empty machine":          {directory(t.TempDir()), "/dev/attestation/attestation_type"},
		"no configfs":               {directory(t.TempDir()), "/sys/kernel/config/tsm/report"},
		"Gramine, no attestation":   {newEnclave("none"), `sgx.remote_attestation = "dcap"`},
		"no driver":                 {refusing(syscall.ENXIO), "none is loaded"},
		"no driver, newer kernel":   {refusing(syscall.ENOTTY), "none is loaded"},
		"a driver that is not ours": {newKernel("arm_cca_guest", nil), `there is "arm_cca_guest"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := detect(tt.files)
			if !errors.Is(err, ErrNone) {
				t.Fatalf("error %v, want ErrNone", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want it to speak of %q", err, tt.want)
			}
			if k, ok := tt.files.(*kernel); ok {
				k.wantNoEntries(t)
			}
		})
	}
}

// What is there and cannot be used is not nothing: nobody shall go on without
// evidence because of a mistake.
func TestDetectThatFailsIsNotNone(t *testing.T) {
	t.Parallel()
	denied := newKernel("tdx_guest", nil)
	denied.refuse["mkdir"] = fs.ErrPermission
	broken := newKernel("tdx_guest", nil)
	broken.refuse["read provider"] = syscall.EIO
	stuck := newKernel("tdx_guest", nil)
	stuck.refuse["rmdir"] = syscall.EBUSY
	unread := newEnclave("dcap")
	unread.refuse["read attestation_type"] = syscall.EIO
	for name, tt := range map[string]struct {
		files files
		want  string
	}{
		"not root":             {denied, "want to be root"},
		"unreadable":           {broken, syscall.EIO.Error()},
		"entry that stays":     {stuck, "remove the entry"},
		"Gramine, unreadable":  {unread, syscall.EIO.Error()},
		"Gramine with EPID":    {newEnclave("epid"), `says "epid", want "dcap"`},
		"Gramine, other words": {newEnclave(""), `says "", want "dcap"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := detect(tt.files)
			if err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one that is not ErrNone and speaks of %q", err, tt.want)
			}
		})
	}
}

func TestQuoteRefuses(t *testing.T) {
	t.Parallel()
	k := func(change func(k *kernel)) *kernel {
		k := newKernel("tdx_guest", func(in []byte) ([]byte, []byte) { return tdxQuote(in), nil })
		change(k)
		return k
	}
	out := func(raw []byte) *kernel {
		return k(func(k *kernel) { k.report = func([]byte) ([]byte, []byte) { return raw, nil } })
	}
	snp := func(raw []byte) *kernel {
		return k(func(k *kernel) {
			k.provider = "sev_guest"
			k.report = func([]byte) ([]byte, []byte) { return raw, nil }
		})
	}
	g := func(change func(e *enclave)) *enclave {
		e := newEnclave("dcap")
		change(e)
		return e
	}
	other := reportData(9)
	for name, tt := range map[string]struct {
		files files
		want  string
	}{
		"inblob":             {k(func(k *kernel) { k.refuse["write inblob"] = syscall.EINVAL }), "invalid argument"},
		"outblob":            {k(func(k *kernel) { k.refuse["read outblob"] = syscall.EBUSY }), "busy"},
		"auxblob":            {k(func(k *kernel) { k.refuse["read auxblob"] = syscall.EIO }), "input/output"},
		"generation":         {k(func(k *kernel) { k.refuse["read generation"] = syscall.EIO }), "input/output"},
		"two writers":        {k(func(k *kernel) { k.others = func(e *entry) { e.generation++ } }), "somebody else wrote"},
		"no notice":          {k(func(k *kernel) { k.others = func(e *entry) { e.generation-- } }), "somebody else wrote"},
		"swapped inblob":     {k(func(k *kernel) { k.others = func(e *entry) { e.inblob = other[:] } }), "answers somebody else"},
		"entry that stays":   {k(func(k *kernel) { k.others = func(*entry) { k.refuse["rmdir"] = syscall.EBUSY } }), "remove the entry"},
		"another driver":     {k(func(k *kernel) { k.others = func(*entry) { k.provider = "sev_guest" } }), "the driver is now"},
		"too large":          {out(make([]byte, maxEvidence+1)), "more than"},
		"empty":              {out(nil), "0 bytes"},
		"cut":                {out(tdxQuote(nil)[:600]), "600 bytes, want at least 632"},
		"SGX quote for TDX":  {out(sgxQuote(nil)), "no TDX quote"},
		"other version":      {out(quote(6, 0x81, 568, nil)), "version 6"},
		"SNP of odd length":  {snp(make([]byte, 1183)), "want 1184"},
		"SNP of others":      {snp(snpReport(other[:])), "answers somebody else"},
		"Gramine, write":     {g(func(e *enclave) { e.refuse["write"] = syscall.EACCES }), "give the report data"},
		"Gramine, read":      {g(func(e *enclave) { e.refuse["read quote"] = syscall.EIO }), "read the quote"},
		"Gramine, others":    {g(func(e *enclave) { e.quote = func([]byte) []byte { return sgxQuote(other[:]) } }), "answers somebody else"},
		"Gramine, EPID":      {g(func(e *enclave) { e.quote = func(d []byte) []byte { return quote(2, 0, 368, d) } }), "version 2"},
		"Gramine, TDX quote": {g(func(e *enclave) { e.quote = tdxQuote }), "no SGX quote"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := mustDetect(t, tt.files)
			e, err := s.Quote(t.Context(), reportData(1))
			if err == nil {
				t.Fatalf("%s of %d bytes, want a refusal", e.Kind, len(e.Bytes))
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want it to speak of %q", err, tt.want)
			}
			if e != nil {
				t.Error("evidence beside an error")
			}
			if k, ok := tt.files.(*kernel); ok {
				k.wantNoEntries(t)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.Quote(ctx, reportData(1)); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v, want %v", err, context.Canceled)
			}
		})
	}
}

func TestInterleavedOnceIsTriedAgain(t *testing.T) {
	t.Parallel()
	k := newKernel("tdx_guest", func(in []byte) ([]byte, []byte) { return tdxQuote(in), nil })
	s := mustDetect(t, k)
	once := true
	k.others = func(e *entry) {
		if once {
			e.generation++
		}
		once = false
	}
	before := k.made
	if _, err := s.Quote(t.Context(), reportData(1)); err != nil {
		t.Fatal(err)
	}
	if k.made-before != 2 {
		t.Errorf("%d entries made, want a second one", k.made-before)
	}
}

// gramineFolder is a folder that looks as an enclave's "/" does, with a quote for
// the report data.
func gramineFolder(t *testing.T, data [ReportDataSize]byte) string {
	t.Helper()
	platform, err := simulator.New(simulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	quote, err := platform.Quote(simulator.Report{ReportData: data})
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	dir := filepath.Join(root, "dev", "attestation")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"attestation_type": []byte("dcap"), "user_report_data": make([]byte, 64), "quote": quote} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFolderAsRoot(t *testing.T) {
	t.Parallel()
	want := reportData(7)
	root := gramineFolder(t, want)
	s, err := Detect(Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Quote(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	q, err := sgx.Parse(e.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if q.Report.ReportData != want {
		t.Errorf("report data %x, want %x", q.Report.ReportData, want)
	}
	written, err := os.ReadFile(filepath.Join(root, "dev", "attestation", "user_report_data"))
	if err != nil || !bytes.Equal(written, want[:]) {
		t.Errorf("wrote %x, error %v; want %x", written, err, want)
	}
	if _, err := s.Quote(t.Context(), reportData(8)); err == nil {
		t.Error("a quote for other report data is taken")
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	d := directory(root)
	if err := d.write("/new", nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want no file made", err)
	}
	if _, err := d.read("/new", 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
	if err := d.mkdir("/entry"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.read("/entry", 1); err == nil {
		t.Error("read a folder")
	}
	if err := d.rmdir("/entry"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "file"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := d.read("/file", 5); err != nil || string(got) != "12345" {
		t.Errorf("read %q, error %v; want all of it", got, err)
	}
	if _, err := d.read("/file", 4); err == nil || !strings.Contains(err.Error(), "more than 4 bytes") {
		t.Errorf("error %v, want the bound", err)
	}
	if got := directory("").path("/dev"); got != "/dev" {
		t.Errorf("path %s, want /dev", got)
	}
	if got := directory("here").path("/dev"); got != "here/dev" {
		t.Errorf("path %s, want here/dev", got)
	}
}

// FuzzEvidence: whatever the machine answers, it is refused or has our report
// data in it.
func FuzzEvidence(f *testing.F) {
	want := reportData(1)
	f.Add(string(SGXQuote), sgxQuote(want[:]))
	f.Add(string(TDXQuote), tdxQuote(want[:]))
	f.Add(string(TDXQuote), tdxQuote5(want[:]))
	f.Add(string(SNPReport), snpReport(want[:]))
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		e := &Evidence{Kind: Kind(kind), Bytes: raw}
		if e.check(want) == nil && !bytes.Contains(raw, want[:]) {
			t.Errorf("%s of %d bytes accepted without our report data", kind, len(raw))
		}
	})
}
