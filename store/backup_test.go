package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

const header = `{"format":"azattest-backup","version":1}` + "\n"

// sealed is lines with the trailer that belongs to them.
func sealed(lines string, records, size, revision int64) string {
	sum := sha256.Sum256([]byte(lines))
	return lines + fmt.Sprintf(`{"records":%d,"bytes":%d,"revision":%d,"sha256":%q}`, records, size, revision, hex.EncodeToString(sum[:])) + "\n"
}

func line(key, base64 string) string {
	// Not quoted: what is quoted already must stay so.
	return `{"key":"` + key + `","value":"` + base64 + `"}` + "\n"
}

func TestCheckBackupAccepts(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat(`\"`, store.MaxKey)
	for name, test := range map[string]struct {
		raw  string
		want store.Summary
	}{
		"no records":  {sealed(header, 0, 0, 0), store.Summary{}},
		"two records": {sealed(header+line("a", "")+line("b", "AAE="), 2, 2, 7), store.Summary{Records: 2, Bytes: 2, Revision: 7}},
		"the longest line": {
			sealed(header+line(longest, strings.Repeat("AAAA", store.MaxValue/3)+"AA=="), 1, store.MaxValue, 1),
			store.Summary{Records: 1, Bytes: store.MaxValue, Revision: 1},
		},
	} {
		got, err := store.CheckBackup(iotest.HalfReader(strings.NewReader(test.raw)))
		got.SHA256 = ""
		if err != nil || got != test.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, test.want)
		}
	}
}

func TestCheckBackupRefuses(t *testing.T) {
	t.Parallel()
	good := sealed(header+line("a", "AAAA")+line("b", "AAE="), 2, 5, 7)
	for name, test := range map[string]struct{ raw, want string }{
		"nothing":                  {"", "line 1: the backup ends here"},
		"another file":             {"hello\n", "line 1: no backup of azattest"},
		"another format":           {`{"format":"tar","version":1}` + "\n", "line 1: no backup of azattest"},
		"a newer version":          {`{"format":"azattest-backup","version":2}` + "\n", "line 1: a backup of version 2, this program reads version 1"},
		"more in the header":       {sealed(`{"format":"azattest-backup","version":1,"x":1}`+"\n", 0, 0, 0), "line 1: not in the one spelling"},
		"no last line":             {header + line("a", ""), "line 3: the backup ends here"},
		"half a line":              {good[:len(good)-1], "line 4: the backup ends here"},
		"another count":            {sealed(header+line("a", ""), 2, 0, 1), "line 3: the last line speaks of 2 records"},
		"another size":             {sealed(header+line("a", ""), 1, 1, 1), "line 3: the last line speaks of"},
		"a revision below zero":    {sealed(header, 0, 0, -1), "line 2: the last line speaks of"},
		"a value that was changed": {strings.Replace(good, "AAE=", "AAI=", 1), "line 4: the last line speaks of"},
		"a key that was changed":   {strings.Replace(good, `"b"`, `"c"`, 1), "line 4: the last line speaks of"},
		"a record less":            {strings.Replace(good, line("a", "AAAA"), "", 1), "line 3: the last line speaks of"},
		"something at the end":     {good + "x", "line 5: something follows"},
		"two of them":              {good + good, "line 5: something follows"},
		"keys out of order":        {sealed(header+line("b", "")+line("a", ""), 2, 0, 1), "line 3: the record a after b"},
		"a key twice":              {sealed(header+line("a", "")+line("a", ""), 2, 0, 1), "line 3: the record a after a"},
		"no key":                   {sealed(header+line("", ""), 1, 0, 1), "line 2: no record that a store keeps: key"},
		"a key with a space":       {sealed(header+line("a b", ""), 1, 0, 1), "line 2: no record that a store keeps: key"},
		"a value too large":        {sealed(header+line("a", strings.Repeat("AAAA", store.MaxValue/3+1)), 1, 3*(store.MaxValue/3+1), 1), "line 2: no record that a store keeps: value"},
		"a line without end":       {header + strings.Repeat("x", 3<<20), "line 2: more than"},
		"no value":                 {sealed(header+`{"key":"a","value":null}`+"\n", 1, 0, 1), "line 2: a record without a value"},
		"a member twice":           {sealed(header+`{"key":"a","key":"a","value":""}`+"\n", 1, 0, 1), "line 2: not in the one spelling"},
		"a space":                  {sealed(header+`{"key":"a", "value":""}`+"\n", 1, 0, 1), "line 2: not in the one spelling"},
		"base64 with a line break": {sealed(header+line("a", `AA\nAA`), 1, 3, 1), "line 2: not in the one spelling"},
		"base64 with spare bits":   {sealed(header+line("a", `AB==`), 1, 1, 1), "line 2: not in the one spelling"},
		"an incomplete store":      {sealed(header+line("restore/incomplete", ""), 1, 0, 1), "line 2: made of a store whose restore was cut short"},
		"a carriage return":        {strings.ReplaceAll(good, "\n", "\r\n"), "line 1: not in the one spelling"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var bad *store.BackupError
			_, err := store.CheckBackup(strings.NewReader(test.raw))
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want a *BackupError with %q", err, test.want)
			}
			to := memory.New()
			if _, err := store.Restore(t.Context(), to, strings.NewReader(test.raw)); !errors.As(err, &bad) {
				t.Errorf("restore: error %v, want a *BackupError", err)
			}
			if revision, _ := to.Each(t.Context(), "", func(store.Record) error { return nil }); revision != 0 {
				t.Error("something was written of a bad backup")
			}
		})
	}
}

// changing is a file that is another one when it is read again.
type changing struct {
	io.ReadSeeker
	then io.ReadSeeker
	seen bool
}

func (c *changing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		c.ReadSeeker, c.seen = c.then, true
	}
	return c.ReadSeeker.Seek(offset, whence)
}

func TestRestoreOfAFileThatChangesIsIncomplete(t *testing.T) {
	t.Parallel()
	one, two := sealed(header+line("a", ""), 1, 0, 1), sealed(header+line("b", ""), 1, 0, 1)
	for name, then := range map[string]string{"another backup": two, "no backup": "x", "half a backup": one[:60]} {
		to := memory.New()
		file := &changing{ReadSeeker: strings.NewReader(one), then: strings.NewReader(then)}
		_, err := store.Restore(t.Context(), to, file)
		var incomplete *store.IncompleteError
		if !errors.As(err, &incomplete) || !file.seen {
			t.Errorf("%s: error %v, want a *IncompleteError", name, err)
		}
		if !errors.As(store.CheckComplete(t.Context(), to), &incomplete) {
			t.Errorf("%s: the store counts as complete", name)
		}
	}
}

func TestRestoreBeginsWhereTheFileStands(t *testing.T) {
	t.Parallel()
	file := strings.NewReader("before it\n" + sealed(header+line("a", ""), 1, 0, 1))
	if _, err := file.Seek(10, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := store.Restore(t.Context(), memory.New(), file); err != nil || got.Records != 1 {
		t.Errorf("%+v, %v, want one record", got, err)
	}
}

func TestBackupTellsOfAFullDisk(t *testing.T) {
	t.Parallel()
	s := memory.New()
	if _, err := s.Commit(t.Context(), store.Put("a", make([]byte, 100<<10), 0)); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space")
	if _, err := store.Backup(t.Context(), s, brokenWriter{full}); !errors.Is(err, full) {
		t.Errorf("error %v, want the writer's", err)
	}
	if _, err := store.CheckBackup(iotest.ErrReader(full)); !errors.Is(err, full) {
		t.Errorf("error %v, want the reader's", err)
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }

// FuzzCheckBackup holds that what is accepted is restored, and is then written
// again byte for byte but for the revision.
func FuzzCheckBackup(f *testing.F) {
	f.Add([]byte(sealed(header, 0, 0, 0)))
	f.Add([]byte(sealed(header+line("a", "AAAA")+line("b", ""), 2, 3, 9)))
	f.Add([]byte(header + line("a", "")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		want, err := store.CheckBackup(bytes.NewReader(raw))
		if err != nil {
			return
		}
		ctx := t.Context()
		s := memory.New()
		if got, err := store.Restore(ctx, s, bytes.NewReader(raw)); err != nil || got != want {
			t.Fatalf("restored %+v, %v, want %+v", got, err, want)
		}
		var again bytes.Buffer
		got, err := store.Backup(ctx, s, &again)
		if err != nil || got.SHA256 != want.SHA256 {
			t.Fatalf("backed up %+v, %v, want %+v", got, err, want)
		}
		end := bytes.LastIndexByte(raw[:len(raw)-1], '\n')
		if !bytes.HasPrefix(again.Bytes(), raw[:end+1]) {
			t.Fatal("written again otherwise than it was read")
		}
	})
}
