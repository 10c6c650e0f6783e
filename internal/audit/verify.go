package audit

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Expect says what is known of a trail from elsewhere.
type Expect struct {
	// Head, unless its hash is empty, is one that [Trail.Head] once returned: it
	// must stand in the trail, which may have grown since. Where its sequence is
	// 0 it may stand anywhere.
	Head Head
	// After, unless its hash is empty, is the head of older files that were
	// archived and removed. Without it the trail must begin with its first record.
	After Head
}

// Summary is what a trail holds.
type Summary struct {
	// Files and Records that were checked.
	Files   int
	Records int64
	// First and Last are the times of the first and the last record.
	First, Last time.Time
	// Head is the end of the trail. Nothing vouches for the last line but a head
	// that was kept elsewhere.
	Head Head
	// HeadFound says that the expected head stands in the trail.
	HeadFound bool
	// IsWritten says that the last line was left out, because another process is
	// writing it.
	IsWritten bool
}

// Verify reads the trail in a folder from its beginning to its end, and writes
// nothing. It calls visit, unless that is nil, with each record once the next line
// vouches for it; the last one is visited after the end was checked. The entry's
// line is valid during the visit. An error of visit ends it and is returned as it
// is.
//
// It returns a *[ChainError] for the first place where the chain is broken. The
// summary says how much was read before it, and has no head.
func Verify(dir string, e Expect, visit func(Entry) error) (Summary, error) {
	v := &verifier{dir: filepath.Clean(dir), expect: e, visit: visit, head: genesis}
	if e.After.Hash != "" {
		v.head = e.After
	}
	files, err := segments(v.dir)
	if err != nil {
		return Summary{}, err
	}
	if len(files) == 0 && e.Head.Hash == "" && e.Head.Sequence == 0 {
		return Summary{}, fmt.Errorf("audit: %s holds no trail, want files %s", dir, segmentName(1, time.Unix(0, 0)))
	}
	if err := v.all(files); err != nil {
		// Nobody shall note the end of a trail that does not hold.
		v.summary.Head = Head{}
		return v.summary, err
	}
	return v.summary, nil
}

func (v *verifier) all(files []segment) error {
	for i := range files {
		if err := v.file(files, i); err != nil {
			return err
		}
	}
	if err := v.end(); err != nil {
		return err
	}
	return v.flush()
}

// place is where a line stands.
type place struct {
	file string
	line int
}

func (p place) broken(problem Problem, format string, args ...any) *ChainError {
	return &ChainError{File: p.file, Line: p.line, Problem: problem, Detail: fmt.Sprintf(format, args...)}
}

type verifier struct {
	dir     string
	expect  Expect
	visit   func(Entry) error
	buffer  *bufio.Reader
	summary Summary
	// head is that of the last line, which stands at last.
	head Head
	last place
	// held is the last line, for which the next one has not vouched yet.
	held []byte
	// suspect is a line that does not name the one before it. The line after it
	// tells which of the two was changed.
	suspect *suspect
}

type suspect struct {
	before, at place
	hash       string // of the line at
}

// file checks one of the files.
func (v *verifier) file(files []segment, i int) error {
	f, err := openSegment(v.dir, files[i])
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	l := newLines(f, v.buffer)
	v.buffer = l.r
	v.summary.Files++
	isLast := i == len(files)-1
	for {
		line, err := l.next()
		at := place{files[i].name, l.number}
		switch {
		case errors.Is(err, io.EOF):
			return v.ended(files, i, l.number)
		case errors.Is(err, errHalfLine):
			if isLast && isWritten(v.dir) {
				v.summary.IsWritten = true
				return nil
			}
			return v.settle(at.broken(CutOff, "%s, want a line break", err))
		case errors.Is(err, errLongLine):
			return v.settle(at.broken(Changed, "%s", err))
		case err != nil:
			return fmt.Errorf("audit: %w", err)
		}
		if err := v.line(files, i, at, line); err != nil {
			return err
		}
	}
}

// ended checks the end of a file.
func (v *verifier) ended(files []segment, i, count int) error {
	at := place{files[i].name, 0}
	switch {
	case count > 0:
		return nil
	case i < len(files)-1:
		return v.settle(at.broken(CutOff, "no line, want that with sequence %d", files[i].start))
	case v.head.Sequence != files[i].start-1:
		// It was begun, and its process ended before the first line.
		return v.settle(at.broken(Missing, "a file from sequence %d on after a trail that ends with %d", files[i].start, v.head.Sequence))
	}
	return nil
}

// line checks the next line.
func (v *verifier) line(files []segment, i int, at place, line []byte) error {
	l, err := readLink(line)
	if err != nil {
		return v.settle(at.broken(Changed, "%s", err))
	}
	if v.suspect != nil {
		return v.convict(l.Previous)
	}
	if v.expect.After.Hash != "" && v.last.line == 0 && v.expect.After.Sequence == 0 {
		v.head.Sequence = l.Sequence - 1
	}
	if want := v.head.Sequence + 1; l.Sequence != want {
		return v.misplaced(files, i, at, l.Sequence)
	}
	if at.line == 1 && files[i].start != l.Sequence {
		return at.broken(Changed, "sequence %d in a file from %d on: the file was renamed, or holds another's lines", l.Sequence, files[i].start)
	}
	hash := hashOf(line)
	if l.Previous != v.head.Hash {
		if v.last.line == 0 {
			return at.broken(Changed, "the first line follows %s, want %s", l.Previous, v.head.Hash)
		}
		v.suspect = &suspect{before: v.last, at: at, hash: hash}
		return nil
	}
	if err := v.flush(); err != nil {
		return err
	}
	v.held = append(v.held[:0], line...)
	v.head, v.last = Head{Sequence: l.Sequence, Hash: hash}, at
	v.summary.Head = v.head
	v.summary.Records++
	v.meet()
	return nil
}

// meet notes that the expected head was found.
func (v *verifier) meet() {
	want := v.expect.Head
	if v.head.Hash == want.Hash && (want.Sequence == 0 || want.Sequence == v.head.Sequence) {
		v.summary.HeadFound = true
	}
}

// convict says which of two lines was changed: if the line after the second names
// it, that one is as it was.
func (v *verifier) convict(previous string) error {
	s := v.suspect
	if previous == s.hash {
		return s.before.broken(Changed, "the lines after it hold, and the first of them names another in its place")
	}
	return s.at.broken(Changed, "it names another line before it than there is, and the line after it names another in its place")
}

// settle decides over a suspect before another error is reported.
func (v *verifier) settle(err *ChainError) error {
	if s := v.suspect; s != nil {
		return s.before.broken(Changed, "the next line names another in its place, unless that line was changed")
	}
	return err
}

// flush visits the line for which something vouches by now.
func (v *verifier) flush() error {
	if len(v.held) == 0 {
		return nil
	}
	line := v.held
	v.held = v.held[:0]
	e, err := readEntry(line)
	if err != nil {
		return v.last.broken(Changed, "no record: %s", err)
	}
	if v.summary.First.IsZero() {
		v.summary.First = e.Record.Time
	}
	v.summary.Last = e.Record.Time
	if v.visit == nil {
		return nil
	}
	return v.visit(e)
}

// end checks the end of the trail.
func (v *verifier) end() error {
	if v.suspect != nil {
		return v.settle(nil)
	}
	want := v.expect.Head
	switch {
	case want.Sequence > v.head.Sequence:
		return v.last.broken(CutOff, "the trail ends with sequence %d, want %d or more", v.head.Sequence, want.Sequence)
	case want.Hash == "" || v.summary.HeadFound:
		return nil
	case want.Sequence > 0:
		return (place{}).broken(Changed, "the line with sequence %d has another hash than %s: all of the trail may have been written anew", want.Sequence, want.Hash)
	}
	return v.last.broken(CutOff, "no line has the hash %s: the end was cut off, or the trail was written anew", want.Hash)
}

// isWritten reports whether another process has the trail open.
func isWritten(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, lockFile)); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	unlock, err := lock(dir)
	if err != nil {
		return errors.Is(err, ErrInUse)
	}
	return unlock() != nil
}
