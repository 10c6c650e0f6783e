package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// recover finds the end of the trail, and repairs what a crash left there.
func (t *Trail) recover() error {
	files, err := segments(t.dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		t.head, t.synced = genesis, genesis
		return nil
	}
	last := files[len(files)-1]
	head, err := t.headBefore(files)
	if err != nil {
		return err
	}
	tail, err := readTail(t.dir, last, head, t.buffer)
	if err != nil {
		return err
	}
	t.head, t.synced = tail.head, tail.head
	f, err := t.disk.open(filepath.Join(t.dir, last.name))
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	t.disk.current, t.disk.file, t.disk.size = last, f, tail.size
	if len(tail.torn) == 0 {
		return nil
	}
	if err := t.cut(last, tail); err != nil {
		return fmt.Errorf("audit: cut off half a line of %s: %w", last.name, err)
	}
	return nil
}

// headBefore returns the head that the newest file continues. Of a file whose
// predecessors were archived only the first line knows it: the hash is empty.
func (t *Trail) headBefore(files []segment) (Head, error) {
	last := files[len(files)-1]
	switch {
	case len(files) > 1:
		head, err := lastLine(t.dir, files[len(files)-2])
		if err == nil && head.Sequence != last.start-1 {
			err = place{last.name, 0}.broken(Missing, "a file from sequence %d on after one that ends with %d", last.start, head.Sequence)
		}
		return head, err
	case last.start == 1:
		return genesis, nil
	}
	return Head{Sequence: last.start - 1}, nil
}

// lastLine returns the head at the end of a segment that is complete.
func lastLine(dir string, s segment) (Head, error) {
	f, err := openSegment(dir, s)
	if err != nil {
		return Head{}, fmt.Errorf("audit: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return Head{}, fmt.Errorf("audit: %w", err)
	}
	// The last line and the line break before it.
	raw, err := io.ReadAll(io.NewSectionReader(f, max(0, info.Size()-maxLine-2), maxLine+2))
	if err != nil {
		return Head{}, fmt.Errorf("audit: %w", err)
	}
	at := place{s.name, 0}
	line, ok := bytes.CutSuffix(raw, []byte("\n"))
	if !ok {
		return Head{}, at.broken(CutOff, "%s, and another file follows", errHalfLine)
	}
	line = line[bytes.LastIndexByte(line, '\n')+1:]
	l, err := readLink(line)
	if err != nil {
		return Head{}, at.broken(Changed, "the last line: %s", err)
	}
	return Head{Sequence: l.Sequence, Hash: hashOf(line)}, nil
}

// tail is the newest segment, as far as the chain holds.
type tail struct {
	head Head
	size int64
	// torn is what a crash left behind it.
	torn []byte
}

// readTail checks the newest segment, which continues head. What lies behind its
// last good line is taken for torn only if it can have come of a crash: half a
// line, or blocks of zeros that were never filled, and no more than was written
// at once. Anything else has been changed by somebody.
func readTail(dir string, s segment, head Head, most int) (*tail, error) {
	f, err := openSegment(dir, s)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	l := newLines(f, nil)
	for {
		good := l.offset
		line, err := l.next()
		if errors.Is(err, io.EOF) {
			return endOf(s, head, good, nil)
		}
		at := place{s.name, l.number}
		var broken *ChainError
		switch {
		case errors.Is(err, errHalfLine), errors.Is(err, errLongLine):
			broken = at.broken(Changed, "%s", err)
		case err != nil:
			return nil, fmt.Errorf("audit: %w", err)
		default:
			if head, broken = follow(head, at, line); broken == nil {
				continue
			}
		}
		torn, err := io.ReadAll(io.NewSectionReader(f, good, int64(most)+1))
		if err != nil {
			return nil, fmt.Errorf("audit: %w", err)
		}
		if len(torn) > most || !isTorn(torn) {
			return nil, broken
		}
		return endOf(s, head, good, torn)
	}
}

// follow checks that a line continues head, and returns the new one.
func follow(head Head, at place, line []byte) (Head, *ChainError) {
	l, err := readLink(line)
	if err == nil && !json.Valid(line) {
		err = errors.New("no JSON")
	}
	switch {
	case err != nil:
		return head, at.broken(Changed, "%s", err)
	case l.Sequence != head.Sequence+1:
		return head, at.broken(Missing, "sequence %d, want %d", l.Sequence, head.Sequence+1)
	case head.Hash != "" && l.Previous != head.Hash:
		return head, at.broken(Changed, "it follows %s, want %s: it or the line before it was changed", l.Previous, head.Hash)
	}
	return Head{Sequence: l.Sequence, Hash: hashOf(line)}, nil
}

// endOf refuses an end that nothing can be chained to.
func endOf(s segment, head Head, size int64, torn []byte) (*tail, error) {
	if head.Hash == "" {
		return nil, place{s.name, 0}.broken(Missing, "no line, and no file before it")
	}
	return &tail{head: head, size: size, torn: torn}, nil
}

// isTorn reports whether rest can be what a crash leaves: a line without its end,
// or one with blocks that were never written, which no line has.
func isTorn(rest []byte) bool {
	line, _, isWhole := bytes.Cut(rest, []byte("\n"))
	return !isWhole || bytes.IndexByte(line, 0) >= 0
}

// cut moves what is torn into a file of its own, and lets the trail itself say so.
// Wherever it is interrupted, the next Open begins with something that is torn.
func (t *Trail) cut(s segment, end *tail) error {
	name := tornName(s, end.size)
	// It is there already if an earlier attempt did not come to its end.
	aside, err := os.OpenFile(filepath.Join(t.dir, filepath.Clean(name)), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = aside.Write(end.torn)
	if err := errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	if err := syncDir(t.dir); err != nil {
		return err
	}
	r := Record{
		Time: t.disk.clock(), ResourceID: "/audit", OperationName: "RecoverAuditTrail",
		Category: AuditEvent, ResultType: Succeeded, Level: Warning,
		Properties: Properties{
			FailureCategory: "TornLine",
			FailureDetails:  fmt.Sprintf("%d bytes behind the last whole line were moved to %s", len(end.torn), name),
		},
	}
	raw, err := r.encode()
	if err != nil {
		return err
	}
	line, head := appendLine(nil, t.head, raw)
	if err := t.disk.put(line); err != nil {
		return err
	}
	t.head, t.synced = head, head
	return errors.Join(t.disk.file.Truncate(t.disk.size), t.disk.file.Sync())
}

func tornName(s segment, offset int64) string {
	return fmt.Sprintf("%s.%d%s", s.name, offset, tornSuffix)
}
