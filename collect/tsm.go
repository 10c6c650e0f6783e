package collect

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// tsmReports is where Linux lets programs make entries, each of which becomes a
// report (Documentation/ABI/testing/configfs-tsm-report).
const tsmReports = "/sys/kernel/config/tsm/report"

// tsmProviders are the drivers whose evidence is known here.
var tsmProviders = map[string]Kind{"tdx_guest": TDXQuote, "sev_guest": SNPReport}

// tsm is a confidential virtual machine under Linux.
type tsm struct {
	files    files
	provider string
	kind     Kind
}

var _ Source = (*tsm)(nil)

// errInterleaved says that somebody else wrote to an entry.
var errInterleaved = errors.New("somebody else wrote to the entry at the same time")

// detectTSM makes an entry to learn which driver would answer, and removes it.
func detectTSM(f files) (Source, string, error) {
	t := &tsm{files: f}
	err := t.with(func(entry string) error {
		provider, err := t.attribute(entry, "provider")
		t.provider = provider
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, tsmReports + ", which Linux has in a confidential virtual machine with configfs mounted and the driver tdx_guest or sev_guest loaded", nil
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENOTTY):
		return nil, "a driver behind " + tsmReports + ": none is loaded, want tdx_guest or sev_guest", nil
	case errors.Is(err, fs.ErrPermission):
		return nil, "", fmt.Errorf("%w: want to be root, or the right to make folders there", err)
	case err != nil:
		return nil, "", err
	}
	if t.kind = tsmProviders[t.provider]; t.kind == "" {
		return nil, fmt.Sprintf("the driver tdx_guest or sev_guest behind %s: there is %q", tsmReports, t.provider), nil
	}
	return t, "", nil
}

// Kind is that of the driver's evidence.
func (t *tsm) Kind() Kind { return t.kind }

// String names the interface and its driver.
func (t *tsm) String() string { return "configfs-tsm (" + t.provider + ")" }

// Quote makes an entry, writes the report data, and reads the report.
func (t *tsm) Quote(ctx context.Context, reportData [ReportDataSize]byte) (*Evidence, error) {
	var err error
	for range maxInterleaved {
		if err = ctx.Err(); err != nil {
			return nil, fmt.Errorf("collect: not asked: %w", err)
		}
		var e *Evidence
		if err = t.with(func(entry string) error {
			var err error
			e, err = t.report(entry, reportData)
			return err
		}); err == nil {
			return e, nil
		}
		if !errors.Is(err, errInterleaved) {
			break
		}
	}
	return nil, fmt.Errorf("collect: %s: %w", t, err)
}

func (t *tsm) report(entry string, reportData [ReportDataSize]byte) (*Evidence, error) {
	before, err := t.generation(entry)
	if err != nil {
		return nil, err
	}
	if err := t.files.write(path.Join(entry, "inblob"), reportData[:]); err != nil {
		return nil, err
	}
	e := &Evidence{Kind: t.kind}
	if e.Bytes, err = t.files.read(path.Join(entry, "outblob"), maxEvidence); err != nil {
		return nil, err
	}
	if e.Auxiliary, err = t.auxiliary(entry); err != nil {
		return nil, err
	}
	// The kernel counts what is written to the entry. Were it more than once, what
	// was read might answer somebody else; were it not at all, the write was lost,
	// for its error would come when the file is closed and nobody would hear of it.
	after, err := t.generation(entry)
	if err != nil {
		return nil, err
	}
	if after != before+1 {
		return nil, fmt.Errorf("%w: its generation went from %d to %d, want one more", errInterleaved, before, after)
	}
	provider, err := t.attribute(entry, "provider")
	if err != nil {
		return nil, err
	}
	if provider != t.provider {
		return nil, fmt.Errorf("the driver is now %q, want %q as before", provider, t.provider)
	}
	return e, e.check(reportData)
}

// auxiliary reads what comes with the report. Kernels leave the file out, or
// empty, where nothing does.
func (t *tsm) auxiliary(entry string) ([]byte, error) {
	data, err := t.files.read(path.Join(entry, "auxblob"), maxEvidence)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return nil, nil
	}
	return data, err
}

// with makes an entry for a while. It is removed whatever happens: each holds
// memory of the kernel's.
func (t *tsm) with(use func(entry string) error) error {
	entry := path.Join(tsmReports, "azattest-"+rand.Text())
	if err := t.files.mkdir(entry); err != nil {
		return err
	}
	err := use(entry)
	if removed := t.files.rmdir(entry); err == nil && removed != nil {
		return fmt.Errorf("remove the entry: %w", removed)
	}
	return err
}

func (t *tsm) generation(entry string) (int, error) {
	text, err := t.attribute(entry, "generation")
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s: generation %q, want a number", entry, text)
	}
	return n, nil
}

func (t *tsm) attribute(entry, name string) (string, error) {
	text, err := t.files.read(path.Join(entry, name), maxAttribute)
	return strings.TrimSpace(string(text)), err
}
