package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A backup is lines of JSON: a header, the records in the order of their keys,
// a trailer. Each line has exactly one spelling, the one that encodeLine writes,
// so that two readers cannot disagree on what a backup says.
const (
	backupFormat  = "azattest-backup"
	backupVersion = 1

	// maxBackupLine is the longest line with its end: a value in base64, a key of
	// which every byte may be escaped, and the names around them.
	maxBackupLine = (MaxValue+2)/3*4 + 2*MaxKey + 32
)

type backupHeader struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

type backupRecord struct {
	Key   string `json:"key"`
	Value []byte `json:"value"` // base64
}

type backupTrailer struct {
	Records  int64  `json:"records"`
	Bytes    int64  `json:"bytes"`
	Revision int64  `json:"revision"`
	SHA256   string `json:"sha256"`
}

func trailerOf(s Summary) backupTrailer { return backupTrailer(s) }

// encodeLine writes a value as one line.
func encodeLine(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	// Keys are not meant for HTML.
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// decodeLine reads a line into v, which must be the only way to write it.
func decodeLine(raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return errors.New("no JSON object of the kind that belongs here")
	}
	again, err := encodeLine(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, raw) {
		return errors.New("not in the one spelling that a backup has: members, their order, or spaces differ")
	}
	return nil
}

// CheckBackup reads a backup to its end and returns what is in it. It returns
// a *[BackupError] unless the backup is whole and unchanged since it was
// written. The hash finds damage, not malice: it is no signature.
func CheckBackup(r io.Reader) (Summary, error) {
	return readBackup(r, func(Record) error { return nil })
}

// readBackup calls visit with each record. What visit got counts only if there
// is no error in the end: the hash comes last.
func readBackup(r io.Reader, visit func(Record) error) (Summary, error) {
	in := backupReader{lines: bufio.NewReaderSize(r, maxBackupLine)}
	hash := sha256.New()
	raw, err := in.next()
	if err != nil {
		return Summary{}, err
	}
	if err := checkHeader(raw); err != nil {
		return Summary{}, in.fault(err)
	}
	var got Summary
	last := ""
	for {
		// A hash never fails.
		_, _ = hash.Write(raw)
		if raw, err = in.next(); err != nil {
			return Summary{}, err
		}
		if bytes.HasPrefix(raw, []byte(`{"records":`)) {
			break
		}
		record, err := parseRecord(raw, last)
		if err != nil {
			return Summary{}, in.fault(err)
		}
		last = record.Key
		got.Records++
		got.Bytes += int64(len(record.Value))
		if err := visit(record); err != nil {
			return Summary{}, err
		}
	}
	var trailer backupTrailer
	if err := decodeLine(raw, &trailer); err != nil {
		return Summary{}, in.fault(err)
	}
	got.SHA256, got.Revision = hex.EncodeToString(hash.Sum(nil)), trailer.Revision
	if trailer != trailerOf(got) || got.Revision < 0 {
		return Summary{}, in.fault(fmt.Errorf("the last line speaks of %d records, %d bytes and the hash %s, but before it stand %d, %d and %s: the backup was changed or damaged",
			trailer.Records, trailer.Bytes, clip(trailer.SHA256), got.Records, got.Bytes, got.SHA256))
	}
	return got, in.end()
}

func checkHeader(raw []byte) error {
	var h backupHeader
	if err := json.Unmarshal(raw, &h); err != nil || h.Format != backupFormat {
		return fmt.Errorf("no backup of azattest, want %q first", `{"format":"`+backupFormat+`",…`)
	}
	if h.Version != backupVersion {
		return fmt.Errorf("a backup of version %d, this program reads version %d: use the program that wrote it, or a newer one", h.Version, backupVersion)
	}
	return decodeLine(raw, &h)
}

// parseRecord reads a record whose key must follow last.
func parseRecord(raw []byte, last string) (Record, error) {
	// Base64 of a value too large would be decoded before it is refused; the
	// bound on lines keeps that small.
	var r backupRecord
	if err := decodeLine(raw, &r); err != nil {
		return Record{}, err
	}
	if r.Value == nil {
		return Record{}, errors.New("a record without a value")
	}
	if err := CheckChanges([]Change{Put(r.Key, r.Value, 0)}); err != nil {
		return Record{}, fmt.Errorf("no record that a store keeps: %s", strings.TrimPrefix(err.Error(), "store: "))
	}
	if r.Key <= last {
		return Record{}, fmt.Errorf("the record %s after %s, want them in order, each once", r.Key, last)
	}
	if r.Key == restoreMarker {
		return Record{}, errors.New("made of a store whose restore was cut short")
	}
	return Record{Key: r.Key, Value: r.Value}, nil
}

// backupReader reads lines and counts them.
type backupReader struct {
	lines *bufio.Reader
	count int64
}

// next returns the next line with its end; it is good until the next call.
func (b *backupReader) next() ([]byte, error) {
	raw, err := b.lines.ReadSlice('\n')
	b.count++
	switch {
	case errors.Is(err, io.EOF):
		return nil, b.fault(errors.New("the backup ends here, before its last line: it was cut short"))
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, b.fault(fmt.Errorf("more than %d bytes, the longest that a record can have", maxBackupLine))
	case err != nil:
		return nil, fmt.Errorf("store: backup: line %d: read: %w", b.count, err)
	}
	return raw, nil
}

// end returns an error unless nothing follows.
func (b *backupReader) end() error {
	_, err := b.lines.ReadByte()
	b.count++
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("store: backup: line %d: read: %w", b.count, err)
	default:
		return b.fault(errors.New("something follows the last line, want nothing"))
	}
}

func (b *backupReader) fault(err error) error {
	return &BackupError{Line: b.count, Problem: err.Error()}
}

// clip shortens what may be anything.
func clip(s string) string {
	if len(s) > 2*sha256.Size {
		return s[:2*sha256.Size] + "…"
	}
	return s
}
