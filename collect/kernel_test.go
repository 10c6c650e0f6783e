package collect

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
	"testing"
)

// kernel stands for Linux with configfs-tsm, at the boundary that the package
// has to it: an entry is a folder with files in it, each write counts, and a
// report is made when it is read.
type kernel struct {
	provider string
	// report returns outblob and auxblob for an inblob; nil aux: there is no such
	// file.
	report func(inblob []byte) (out, aux []byte)
	// refuse maps "operation name" to errors.
	refuse map[string]error
	// others writes to an entry behind our back, after our own write.
	others func(e *entry)

	mu      sync.Mutex
	entries map[string]*entry
	made    int
}

type entry struct {
	inblob     []byte
	generation int
}

func newKernel(provider string, report func([]byte) (out, aux []byte)) *kernel {
	return &kernel{provider: provider, report: report, refuse: map[string]error{}, entries: map[string]*entry{}}
}

func (k *kernel) mkdir(p string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.refuse["mkdir"]; err != nil {
		return &fs.PathError{Op: "mkdir", Path: p, Err: err}
	}
	if path.Dir(p) != tsmReports || k.entries[p] != nil {
		return fs.ErrExist
	}
	k.made++
	k.entries[p] = new(entry)
	return nil
}

func (k *kernel) rmdir(p string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.entries[p] == nil {
		return fs.ErrNotExist
	}
	delete(k.entries, p)
	return k.refuse["rmdir"]
}

func (k *kernel) write(p string, data []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, name := k.entries[path.Dir(p)], path.Base(p)
	if err := k.refuse["write "+name]; err != nil {
		return err
	}
	if e == nil || name != "inblob" {
		return fs.ErrNotExist
	}
	e.inblob = append([]byte{}, data...)
	e.generation++
	if k.others != nil {
		k.others(e)
	}
	return nil
}

func (k *kernel) read(p string, most int) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, name := k.entries[path.Dir(p)], path.Base(p)
	if err := k.refuse["read "+name]; err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fs.ErrNotExist
	}
	var data []byte
	switch name {
	case "provider":
		data = []byte(k.provider + "\n")
	case "generation":
		data = fmt.Appendln(nil, e.generation)
	case "outblob":
		data, _ = k.report(e.inblob)
	case "auxblob":
		if _, data = k.report(e.inblob); data == nil {
			return nil, fs.ErrNotExist
		}
	default:
		return nil, fs.ErrNotExist
	}
	if len(data) > most {
		return nil, fmt.Errorf("more than %d bytes", most)
	}
	return data, nil
}

// wantNoEntries says that nothing was left behind.
func (k *kernel) wantNoEntries(t *testing.T) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.entries) > 0 {
		t.Errorf("%d entries left behind, want none", len(k.entries))
	}
}

// enclave stands for Gramine: what was written last goes into the quote.
type enclave struct {
	kind   string
	quote  func(reportData []byte) []byte
	refuse map[string]error

	mu         sync.Mutex
	reportData []byte
}

func newEnclave(kind string) *enclave {
	return &enclave{kind: kind, quote: sgxQuote, refuse: map[string]error{}}
}

func (e *enclave) read(p string, _ int) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	name, found := strings.CutPrefix(p, "/dev/attestation/")
	if err := e.refuse["read "+name]; err != nil {
		return nil, err
	}
	switch {
	case found && name == "attestation_type":
		return []byte(e.kind), nil
	case found && name == "quote":
		return e.quote(e.reportData), nil
	}
	return nil, fs.ErrNotExist
}

func (e *enclave) write(p string, data []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.refuse["write"]; err != nil {
		return err
	}
	if p != gramineReportData {
		return fs.ErrNotExist
	}
	e.reportData = append([]byte{}, data...)
	return nil
}

func (e *enclave) mkdir(string) error { return fs.ErrNotExist }

func (e *enclave) rmdir(string) error { return fs.ErrNotExist }

// quote is one in form: header, body, report data in its place.
func quote(version uint16, tee uint32, offset int, reportData []byte) []byte {
	raw := make([]byte, 1200)
	binary.LittleEndian.PutUint16(raw, version)
	binary.LittleEndian.PutUint32(raw[4:], tee)
	copy(raw[offset:], reportData)
	return raw
}

func sgxQuote(reportData []byte) []byte { return quote(3, 0, 368, reportData) }

func tdxQuote(reportData []byte) []byte { return quote(4, 0x81, 568, reportData) }

func tdxQuote5(reportData []byte) []byte { return quote(5, 0x81, 574, reportData) }

func snpReport(reportData []byte) []byte {
	raw := make([]byte, 1184)
	copy(raw[0x50:], reportData)
	return raw
}
