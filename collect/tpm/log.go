package tpm

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// LogType says what keeps a log, in the protocol's words.
type LogType string

// The types of logs.
const (
	LogTCG LogType = "TCG" // firmware, boot loader and Windows
	LogIMA LogType = "IMA" // Linux' integrity measurement architecture
)

// Log is a log of what was measured into PCRs.
type Log struct {
	Type  LogType
	Bytes []byte
}

// NewLog returns the log that some bytes are, by what they look like: a TCG log
// (crypto-agile, or of SHA-1 alone), or IMA's in its binary form.
func NewLog(raw []byte) (Log, error) {
	const op, expected = "log", "a TCG log, or IMA's binary one"
	if len(raw) > maxLog {
		return Log{}, &Error{Op: op, Found: fmt.Sprintf("%d bytes", len(raw)), Expected: fmt.Sprintf("at most %d", maxLog)}
	}
	format, err := eventlog.Detect(raw)
	if err != nil {
		return Log{}, &Error{Op: op, Expected: expected, Err: err}
	}
	switch format {
	case eventlog.FormatCryptoAgile, eventlog.FormatSHA1:
		return Log{LogTCG, raw}, nil
	case eventlog.FormatIMABinary:
		return Log{LogIMA, raw}, nil
	default:
		return Log{}, &Error{Op: op, Found: format.String(), Expected: expected}
	}
}

// Where Linux keeps its logs.
var linuxLogs = []struct {
	kind LogType
	path string
}{
	{LogTCG, "sys/kernel/security/tpm0/binary_bios_measurements"},
	{LogIMA, "sys/kernel/security/ima/binary_runtime_measurements"},
}

// ReadLogs returns the logs that the machine keeps, in the order in which they were
// measured. Root is the folder that stands for "/", which is what "" means. One that
// is not there is left out.
//
// A log that goes with a quote is read after it: entries that are too many can be
// left out by whoever verifies, and those that are missing cannot be found.
func ReadLogs(root string) ([]Log, error) {
	var logs []Log
	for _, l := range linuxLogs {
		raw, err := readBounded(filepath.Join(cmp.Or(root, string(filepath.Separator)), filepath.FromSlash(l.path)), maxLog)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, fs.ErrPermission):
			return nil, &Error{Op: "read log", Err: err, Hint: "the kernel's logs are for root: be root, give copies of them, or send none"}
		case err != nil:
			return nil, &Error{Op: "read log", Err: err}
		}
		if len(raw) > 0 {
			logs = append(logs, Log{l.kind, raw})
		}
	}
	if root != "" || len(logs) > 0 {
		return logs, nil
	}
	raw, err := ownTCGLog()
	if err != nil {
		return nil, &Error{Op: "read log", Err: err}
	}
	if len(raw) > 0 {
		logs = append(logs, Log{LogTCG, raw})
	}
	return logs, nil
}

func readBounded(name string, most int64) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err := joined(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(raw)) > most {
		return nil, fmt.Errorf("%s: more than %d bytes", name, most)
	}
	return raw, nil
}
