package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// made is a trail of three files with three records each, in memory.
type made struct {
	names []string
	lines [][][]byte // of each file, without line breaks
	head  Head
}

func make9(t testing.TB) *made {
	t.Helper()
	m := new(made)
	head := genesis
	for f := range 3 {
		m.names = append(m.names, segmentName(head.Sequence+1, at))
		var lines [][]byte
		for range 3 {
			r := numbered(int(head.Sequence) + 1)
			raw, err := r.encode()
			if err != nil {
				t.Fatal(err)
			}
			var line []byte
			line, head = appendLine(nil, head, raw)
			lines = append(lines, bytes.TrimSuffix(line, []byte("\n")))
		}
		m.lines = append(m.lines, lines)
		_ = f
	}
	m.head = head
	return m
}

// write writes it into a folder.
func (m *made) write(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range m.names {
		if name == "" {
			continue
		}
		var text []byte
		for _, line := range m.lines[i] {
			text = append(append(text, line...), '\n')
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// at returns the n-th line of all.
func (m *made) at(n int) *[]byte { return &m.lines[n/3][n%3] }

// broken is where a chain is expected to break.
type broken struct {
	file    int // -1 for none
	line    int
	problem Problem
}

func wantBroken(t *testing.T, m *made, e Expect, want broken) {
	t.Helper()
	dir := m.write(t)
	visited := 0
	_, err := Verify(dir, e, func(e Entry) error {
		visited++
		if want := fmt.Sprintf("Operation%d", visited); e.Record.OperationName != want {
			t.Errorf("visited %q, want %q: it was changed", e.Record.OperationName, want)
		}
		return nil
	})
	got, ok := errors.AsType[*ChainError](err)
	file := ""
	if want.file >= 0 {
		file = m.names[want.file]
	}
	if !ok || got.File != file || got.Line != want.line || got.Problem != want.problem {
		t.Errorf("error %v, want %s in line %d of %q", err, want.problem, want.line, file)
	}
}

func TestWholeTrailHolds(t *testing.T) {
	t.Parallel()
	m := make9(t)
	dir := m.write(t)
	for n := range 9 {
		// Any head that the trail had, with its sequence or without.
		hash := hashOf(*m.at(n))
		for _, head := range []Head{{}, {Hash: hash}, {Sequence: int64(n) + 1, Hash: hash}, {Sequence: int64(n) + 1}} {
			got, s := operations(t, dir, Expect{Head: head})
			if !slices.Equal(got, numberedNames(9)) || s.Head != m.head || s.HeadFound != (head.Hash != "") || s.Files != 3 {
				t.Errorf("head %v: records %v, summary %+v", head, got, s)
			}
		}
	}
}

// A byte of any line is another.
func TestChangedLineIsNamed(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		for what, change := range map[string]func([]byte) []byte{
			"name":   func(l []byte) []byte { return bytes.Replace(l, []byte("Operation"), []byte("0peration"), 1) },
			"broken": func(l []byte) []byte { return bytes.Replace(l, []byte(`"Time":`), []byte(`"Time"`), 1) },
			"space":  func(l []byte) []byte { return append(l, ' ') },
		} {
			t.Run(fmt.Sprintf("line %d %s", n+1, what), func(t *testing.T) {
				t.Parallel()
				m := make9(t)
				*m.at(n) = change(slices.Clone(*m.at(n)))
				want := broken{n / 3, n%3 + 1, Changed}
				switch {
				case n < 8:
					wantBroken(t, m, Expect{}, want)
				case what == "broken":
					wantBroken(t, m, Expect{}, want)
				default:
					// Nothing follows the last line. Only its head can tell.
					wantBroken(t, m, Expect{Head: m.head}, broken{-1, 0, Changed})
					wantBroken(t, m, Expect{Head: Head{Hash: m.head.Hash}}, broken{2, 3, CutOff})
				}
			})
		}
	}
}

// The link of a line is another, or none.
func TestChangedLinkIsNamed(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		t.Run(fmt.Sprintf("line %d", n+1), func(t *testing.T) {
			t.Parallel()
			m := make9(t)
			line := slices.Clone(*m.at(n))
			i := bytes.Index(line, []byte(`"previous":"`)) + len(`"previous":"`)
			line[i] = "01"[1-(line[i]&1)]
			*m.at(n) = line
			want := broken{n / 3, n%3 + 1, Changed}
			if n == 8 {
				// One of the last two was changed; the earlier one is named.
				want = broken{2, 2, Changed}
			}
			wantBroken(t, m, Expect{}, want)

			line[i] = 'G'
			wantBroken(t, m, Expect{}, broken{n / 3, n%3 + 1, Changed})
		})
	}
}

func TestMissingLineIsNamed(t *testing.T) {
	t.Parallel()
	for n := range 9 {
		t.Run(fmt.Sprintf("line %d", n+1), func(t *testing.T) {
			t.Parallel()
			m := make9(t)
			m.lines[n/3] = slices.Delete(m.lines[n/3], n%3, n%3+1)
			want := broken{n / 3, n%3 + 1, Missing}
			switch {
			case n == 8:
				want = broken{2, 2, CutOff}
			case n%3 == 2: // the next line is in the next file
				want = broken{n/3 + 1, 1, Missing}
			}
			wantBroken(t, m, Expect{Head: m.head}, want)
		})
	}
}

func TestMovedAndRepeatedLinesAreNamed(t *testing.T) {
	t.Parallel()
	for n := range 8 {
		t.Run(fmt.Sprintf("line %d", n+1), func(t *testing.T) {
			t.Parallel()
			m := make9(t)
			a, b := m.at(n), m.at(n+1)
			*a, *b = *b, *a
			wantBroken(t, m, Expect{}, broken{n / 3, n%3 + 1, Reordered})

			m = make9(t)
			m.lines[n/3] = slices.Insert(m.lines[n/3], n%3, *m.at(n))
			wantBroken(t, m, Expect{}, broken{n / 3, n%3 + 2, Reordered})

			m = make9(t)
			last := m.lines[2][2]
			m.lines[2] = m.lines[2][:2]
			m.lines[n/3] = slices.Insert(m.lines[n/3], n%3, last)
			wantBroken(t, m, Expect{}, broken{n / 3, n%3 + 1, map[bool]Problem{true: Missing, false: Reordered}[n == 8]})
		})
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	t.Parallel()
	for f, want := range []broken{{1, 1, Missing}, {2, 1, Missing}, {1, 3, CutOff}} {
		m := make9(t)
		m.names[f] = ""
		wantBroken(t, m, Expect{Head: m.head}, want)
		m = make9(t)
		m.lines[f] = nil
		want = broken{f, 0, CutOff}
		if f == 2 {
			// It was begun and never written, for all that can be seen.
			want = broken{1, 3, CutOff}
		}
		wantBroken(t, m, Expect{Head: m.head}, want)
	}
	m := make9(t)
	m.names[2], m.lines[2] = segmentName(9, at), nil
	wantBroken(t, m, Expect{}, broken{2, 0, Missing})
}

func TestRenamedFileIsNamed(t *testing.T) {
	t.Parallel()
	m := make9(t)
	m.names[1] = segmentName(5, at)
	wantBroken(t, m, Expect{}, broken{1, 1, Changed})
}

func TestHalfALineIsCutOff(t *testing.T) {
	t.Parallel()
	for f := range 3 {
		m := make9(t)
		dir := m.write(t)
		name := filepath.Join(dir, m.names[f])
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, less := range []int64{1, 7, 300} {
			if err := os.Truncate(name, info.Size()-less); err != nil {
				t.Fatal(err)
			}
			_, err = Verify(dir, Expect{}, nil)
			if e, ok := errors.AsType[*ChainError](err); !ok || e.File != m.names[f] || e.Line != 3 || e.Problem != CutOff {
				t.Errorf("file %d, %d bytes less: error %v", f, less, err)
			}
		}
	}
}

// While a service writes, the last line may be half there.
func TestHalfALineOfALiveTrailIsLeftOut(t *testing.T) {
	t.Parallel()
	m := make9(t)
	dir := m.write(t)
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(dir, m.names[2]), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(`{"sequence":10,`)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if got, s := operations(t, dir, Expect{}); len(got) != 9 || !s.IsWritten {
		t.Errorf("records %v, summary %+v", got, s)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(dir, Expect{}, nil); err == nil {
		t.Error("half a line that nobody writes was accepted")
	}
}

func TestArchivedFilesMayBeGone(t *testing.T) {
	t.Parallel()
	m := make9(t)
	m.names[0] = ""
	dir := m.write(t)
	after := Head{Sequence: 3, Hash: hashOf(*m.at(2))}
	for _, e := range []Expect{{After: after}, {After: Head{Hash: after.Hash}}, {After: after, Head: m.head}} {
		if s, err := Verify(dir, e, nil); err != nil || s.Records != 6 {
			t.Errorf("%+v: summary %+v, error %v", e, s, err)
		}
	}
	wantBroken(t, m, Expect{After: Head{Sequence: 3, Hash: strings.Repeat("1", 64)}}, broken{1, 1, Changed})
	wantBroken(t, m, Expect{After: Head{Sequence: 2, Hash: after.Hash}}, broken{1, 1, Missing})
	wantBroken(t, m, Expect{}, broken{1, 1, Missing})
}

func TestWhatIsNoTrail(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"long":  strings.Repeat("x", maxLine+10) + "\n",
		"other": "{}\n",
		"twice": `{"sequence":1,"previous":"` + genesis.Hash + `"}` + "\n",
		"zero":  `{"sequence":01,"previous":"` + genesis.Hash + `",}` + "\n",
		"huge":  `{"sequence":99999999999999999999,"previous":"` + genesis.Hash + `",}` + "\n",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, segmentName(1, at)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Verify(dir, Expect{}, nil)
		if e, ok := errors.AsType[*ChainError](err); !ok || e.Problem != Changed || e.Line != 1 {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := Open(Config{Dir: dir}); err == nil {
			t.Errorf("%s was opened", name)
		}
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if _, err := Verify(dir, Expect{}, nil); err == nil {
			t.Error("a folder without a trail holds one")
		}
	}
	if _, err := Verify(t.TempDir(), Expect{Head: Head{Sequence: 1}}, nil); err == nil {
		t.Error("an empty folder holds what was expected")
	}
}

func TestErrorOfAVisitEndsIt(t *testing.T) {
	t.Parallel()
	m := make9(t)
	enough := errors.New("enough")
	visits := 0
	_, err := Verify(m.write(t), Expect{}, func(Entry) error {
		if visits++; visits == 4 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || visits != 4 {
		t.Errorf("error %v after %d visits", err, visits)
	}
}

// FuzzVerify looks for a trail that was changed and still holds: the head says so
// if nothing else does.
func FuzzVerify(f *testing.F) {
	m := make9(f)
	whole := bytes.Join(m.lines[0], []byte("\n"))
	whole = append(whole, '\n')
	head := Head{Sequence: 3, Hash: hashOf(*m.at(2))}
	f.Add(whole)
	f.Add(whole[:len(whole)-1])
	f.Add(bytes.Replace(whole, []byte("Operation2"), []byte("Operation3"), 1))
	f.Add([]byte{})
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, m.names[0]), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Verify(dir, Expect{Head: head}, nil)
		if isSame := bytes.HasPrefix(raw, whole); err == nil && !isSame {
			t.Fatalf("a trail that was changed holds: %q", raw)
		} else if bytes.Equal(raw, whole) && err != nil {
			t.Fatal(err)
		}
		// Whatever Open makes of it, the chain holds afterwards.
		trail, openErr := Open(Config{Dir: dir, Clock: clock})
		if openErr != nil {
			if err == nil {
				t.Fatalf("a trail that holds was not opened: %v", openErr)
			}
			return
		}
		if err := trail.Close(); err != nil {
			t.Fatal(err)
		}
		if len(raw) == 0 {
			return
		}
		after, verifyErr := Verify(dir, Expect{}, nil)
		if verifyErr != nil && !errors.Is(verifyErr, err) && strings.Contains(verifyErr.Error(), "no record") {
			return // JSON, and no record of ours: nothing but the last line's writer knows
		}
		if verifyErr != nil {
			t.Fatalf("after Open: %v (before: %v, %+v)", verifyErr, err, s)
		}
		if after.Head != trail.Head() {
			t.Fatalf("head %v, Open found %v", after.Head, trail.Head())
		}
	})
}
