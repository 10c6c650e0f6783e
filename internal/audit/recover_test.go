package audit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Wherever the last line was cut, the trail goes on, keeps the half line aside and
// says so.
func TestTornLineIsCutOffAndNoted(t *testing.T) {
	t.Parallel()
	m := make9(t)
	line := *m.at(8)
	for _, length := range []int{1, 5, 40, 100, len(line) - 1, len(line)} {
		for what, torn := range map[string][]byte{
			"half":  line[:length],
			"zeros": append(append([]byte{}, line[:length]...), make([]byte, 5000)...),
			"a hole": append(append(append([]byte{}, line[:length]...), make([]byte, 4096)...),
				[]byte("\"}\n{\"sequence\":10,\n")...),
		} {
			t.Run(fmt.Sprintf("%s after %d", what, length), func(t *testing.T) {
				t.Parallel()
				m := make9(t)
				m.lines[2] = m.lines[2][:2]
				dir := m.write(t)
				name := filepath.Join(dir, m.names[2])
				whole, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(name, append(whole, torn...), 0o600); err != nil {
					t.Fatal(err)
				}
				trail := running(t, Config{Dir: dir})
				mustAppend(t, trail, 10)
				got, _ := operations(t, dir, Expect{Head: trail.Head()})
				if diff := cmp.Diff(append(numberedNames(8), "RecoverAuditTrail", "Operation10"), got); diff != "" {
					t.Error(diff)
				}
				aside, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("%s.%d.torn", m.names[2], len(whole))))
				if err != nil || !bytes.Equal(aside, torn) {
					t.Errorf("%d bytes aside (%v), want %d", len(aside), err, len(torn))
				}
			})
		}
	}
}

// What no crash leaves behind is not repaired.
func TestChangedEndIsNotRepaired(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(m *made){
		"changed":      func(m *made) { m.lines[2][1] = bytes.Replace(m.lines[2][1], []byte("Op"), []byte("op"), 1) },
		"no JSON":      func(m *made) { m.lines[2][2] = []byte("{}") },
		"missing":      func(m *made) { m.lines[2] = m.lines[2][1:] },
		"moved":        func(m *made) { m.lines[2][0], m.lines[2][1] = m.lines[2][1], m.lines[2][0] },
		"file missing": func(m *made) { m.names[1] = "" },
		"file cut":     func(m *made) { m.lines[1] = m.lines[1][:2] },
		"line before":  func(m *made) { m.lines[1][2] = append(bytes.Clone(m.lines[1][2]), ' ') },
		"no link":      func(m *made) { m.lines[1][2] = []byte("{}") },
		"too much":     func(m *made) { m.lines[2] = append(m.lines[2], make([]byte, 3*maxLine)) },
		"long":         func(m *made) { m.lines[2] = append(m.lines[2], bytes.Repeat([]byte("x"), maxLine+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := make9(t)
			change(m)
			dir := m.write(t)
			before := folder(t, dir)
			_, err := Open(Config{Dir: dir, Clock: clock, Buffer: 2 * maxLine})
			if _, ok := errors.AsType[*ChainError](err); !ok {
				t.Errorf("error %v, want that the chain is broken", err)
			}
			after := folder(t, dir)
			delete(after, lockFile)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the trail was changed:\n%s", diff)
			}
		})
	}
}

// folder is what a folder holds.
func folder(t *testing.T, dir string) map[string]string {
	t.Helper()
	held := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		held[e.Name()] = string(raw)
	}
	return held
}

// A process may end between making a file and writing to it.
func TestEmptyNewestFileIsFilled(t *testing.T) {
	t.Parallel()
	m := make9(t)
	m.lines[2] = nil
	dir := m.write(t)
	trail := running(t, Config{Dir: dir})
	mustAppend(t, trail, 7)
	got, s := operations(t, dir, Expect{})
	if diff := cmp.Diff(numberedNames(7), got); diff != "" || s.Files != 3 {
		t.Error(s, diff)
	}
}

// Older files may have been archived and removed, as long as one line is left to
// go on from.
func TestTrailGoesOnWithoutItsOldFiles(t *testing.T) {
	t.Parallel()
	m := make9(t)
	m.names[0], m.names[1] = "", ""
	dir := m.write(t)
	trail := running(t, Config{Dir: dir})
	mustAppend(t, trail, 10)
	s, err := Verify(dir, Expect{After: Head{Sequence: 6, Hash: hashOf(*m.at(5))}, Head: trail.Head()}, nil)
	if err != nil || s.Records != 4 {
		t.Errorf("summary %+v, error %v", s, err)
	}
	m.lines[2] = nil
	if _, err := Open(Config{Dir: m.write(t)}); err == nil || !strings.Contains(err.Error(), "no file before it") {
		t.Errorf("error %v, want that nothing is left to go on from", err)
	}
}
