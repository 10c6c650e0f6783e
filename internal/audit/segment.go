package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	segmentSuffix = ".jsonl"
	tornSuffix    = ".torn"
	// segmentTime is how the beginning of a segment is written in its name, in UTC.
	segmentTime = "20060102T150405Z"
	// sequenceDigits lets names sort as numbers do.
	sequenceDigits = 16
)

// segment is a file of the trail: "<sequence of its first line>-<when>.jsonl".
type segment struct {
	name  string
	start int64
	day   string // the date within when
}

func segmentName(start int64, at time.Time) string {
	return fmt.Sprintf("%0*d-%s%s", sequenceDigits, start, at.UTC().Format(segmentTime), segmentSuffix)
}

// parseSegment reads a name; ok is false for that of another file.
func parseSegment(name string) (segment, bool) {
	bare, isSegment := strings.CutSuffix(name, segmentSuffix)
	number, when, hasTime := strings.Cut(bare, "-")
	if !isSegment || !hasTime || len(number) != sequenceDigits {
		return segment{}, false
	}
	start, err := strconv.ParseInt(number, 10, 64)
	at, timeErr := time.Parse(segmentTime, when)
	if err != nil || timeErr != nil || start < 1 || name != segmentName(start, at) {
		return segment{}, false
	}
	return segment{name: name, start: start, day: dayOf(at)}, true
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// segments lists the files of a trail in their order.
func segments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var found []segment
	for _, e := range entries {
		if s, ok := parseSegment(e.Name()); ok {
			found = append(found, s)
		}
	}
	// Names sort as their numbers do.
	slices.SortStableFunc(found, func(a, b segment) int { return strings.Compare(a.name, b.name) })
	return found, nil
}

// openSegment opens a file that segments found, for reading.
func openSegment(dir string, s segment) (*os.File, error) {
	return os.Open(filepath.Clean(filepath.Join(dir, s.name)))
}

// file is what a segment is written to, so that tests can let a disk be full.
type file interface {
	WriteAt(p []byte, offset int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

var _ file = (*os.File)(nil)

// opener opens the file of a segment, which may be there already.
type opener func(name string) (file, error)

func openFile(name string) (file, error) {
	f, err := os.OpenFile(filepath.Clean(name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// syncDir makes the names in a folder durable. Systems that cannot do that for a
// folder have it done with the file.
func syncDir(dir string) error {
	f, err := os.Open(filepath.Clean(dir))
	if err != nil {
		return err
	}
	err = f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}
