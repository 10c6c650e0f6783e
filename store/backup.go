package store

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Summary says what is in a backup.
type Summary struct {
	// Records is how many there are, and Bytes what their values sum up to.
	Records, Bytes int64
	// Revision is that of the store when the backup was made.
	Revision int64
	// SHA256 is the hash of all lines but the last, in hexadecimal. Two backups
	// with the same hash hold the same records.
	SHA256 string
}

// BackupError says what is wrong with a backup.
type BackupError struct {
	// Line is where, counted from 1.
	Line int64
	// Problem is what is there, and what would be right.
	Problem string
}

func (e *BackupError) Error() string {
	return fmt.Sprintf("store: backup: line %d: %s", e.Line, e.Problem)
}

// Backup writes all records as they were at one moment, in the form that
// docs/stores.md describes. It does not stop others from writing. Whoever reads
// the backup reads every value, and whoever changes it changes policies: keep it
// as the store itself.
//
// It returns an *[IncompleteError] for a store whose restore was cut short.
func Backup(ctx context.Context, s Store, w io.Writer) (Summary, error) {
	out := newBackupWriter(w)
	out.line(backupHeader{Format: backupFormat, Version: backupVersion})
	revision, err := s.Each(ctx, "", func(r Record) error {
		if r.Key == restoreMarker {
			return &IncompleteError{}
		}
		return out.record(r)
	})
	if err != nil {
		return Summary{}, err
	}
	return out.end(revision)
}

// backupWriter writes lines, hashes them and remembers the first error.
type backupWriter struct {
	buffer  *bufio.Writer
	hash    io.Writer
	sum     func() string
	summary Summary
	err     error
}

func newBackupWriter(w io.Writer) *backupWriter {
	hash := sha256.New()
	return &backupWriter{
		buffer: bufio.NewWriter(w),
		hash:   hash,
		sum:    func() string { return hex.EncodeToString(hash.Sum(nil)) },
	}
}

// line writes a line that the hash covers.
func (b *backupWriter) line(v any) {
	if b.err != nil {
		return
	}
	raw, err := encodeLine(v)
	if err != nil {
		b.err = err
		return
	}
	if _, err := b.hash.Write(raw); err != nil {
		b.err = err
		return
	}
	_, b.err = b.buffer.Write(raw)
}

func (b *backupWriter) record(r Record) error {
	// Not null, which a backup does not know.
	b.line(backupRecord{Key: r.Key, Value: append([]byte{}, r.Value...)})
	b.summary.Records++
	b.summary.Bytes += int64(len(r.Value))
	return b.failed()
}

// end writes the last line, which the hash does not cover, for it holds it.
func (b *backupWriter) end(revision int64) (Summary, error) {
	b.summary.Revision, b.summary.SHA256 = revision, b.sum()
	if b.err == nil {
		var raw []byte
		raw, b.err = encodeLine(trailerOf(b.summary))
		if b.err == nil {
			_, b.err = b.buffer.Write(raw)
		}
	}
	if b.err == nil {
		b.err = b.buffer.Flush()
	}
	return b.summary, b.failed()
}

func (b *backupWriter) failed() error {
	if b.err != nil {
		return fmt.Errorf("store: backup: write: %w", b.err)
	}
	return nil
}
