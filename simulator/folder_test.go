package simulator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

const platformFile = "platform.json"

func save(tb testing.TB, p *simulator.Platform) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "made", "by", "save")
	if err := p.Save(dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func load(tb testing.TB, dir string) *simulator.Platform {
	tb.Helper()
	p, err := simulator.Load(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// wantSame checks that two platforms make the same bytes.
func wantSame(tb testing.TB, a, b *simulator.Platform) {
	tb.Helper()
	if !bytes.Equal(quoteOf(tb, a, simulator.Report{}), quoteOf(tb, b, simulator.Report{})) {
		tb.Error("the quotes differ")
	}
	o := simulator.CollateralOptions{}
	if collateralOf(tb, a, o).Digest() != collateralOf(tb, b, o).Digest() {
		tb.Error("the collateral differs")
	}
	if !a.Now().Equal(b.Now()) || a.Identity() != b.Identity() {
		tb.Errorf("%v of %v, want %v of %v", b, b.Now(), a, a.Now())
	}
}

func TestALoadedPlatformIsTheSavedOne(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]simulator.Config{
		"default": {},
		"everything": {
			CA: dcap.ProcessorCA, FMSPC: dcap.FMSPC{1, 2, 3, 4, 5, 6}, PCEID: [2]byte{7, 8}, Validity: 1000 * time.Hour,
			SVNs: simulator.SVNs{Components: [16]uint8{255, 1, 2, 3}, PCESVN: 65534}, QESVN: 65534,
			Now: time.Date(2031, 12, 31, 23, 59, 59, 999, time.FixedZone("west", -3600)),
		},
		"longest seed": {Seed: bytes.Repeat([]byte{0xff}, 1024)},
		"longest time": {Validity: 40 * 365 * 24 * time.Hour, Now: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlatform(t, c)
			wantSame(t, p, load(t, save(t, p)))
		})
	}
	t.Run("without a seed", func(t *testing.T) {
		t.Parallel()
		p, err := simulator.New(simulator.Config{})
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, p, load(t, save(t, p)))
	})
	t.Run("a fault is not kept", func(t *testing.T) {
		t.Parallel()
		p := newPlatform(t, simulator.Config{})
		again := load(t, save(t, withFault(t, p, simulator.FaultPCKExpired)))
		if again.Fault() != "" {
			t.Errorf("loaded with the fault %q", again.Fault())
		}
		wantSame(t, p, again)
	})
}

func TestOnlyTheOwnerReadsTheSeed(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("permissions are not in the mode of a file there")
	}
	dir := save(t, newPlatform(t, simulator.Config{}))
	for path, want := range map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, platformFile): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files (%v), want the platform alone", len(entries), err)
	}
}

func TestSavingAgain(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	dir := save(t, p)
	before, err := os.Stat(filepath.Join(dir, platformFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Save(dir); err != nil {
		t.Errorf("saving the same platform again: %v", err)
	}
	err = newPlatform(t, simulator.Config{Seed: []byte("another")}).Save(dir)
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("saving another platform: %v, want fs.ErrExist", err)
	}
	after, err := os.Stat(filepath.Join(dir, platformFile))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the file was replaced (%v)", err)
	}
	wantSame(t, p, load(t, dir))
}

func TestNoPlatform(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"empty folder": t.TempDir(), "no folder": filepath.Join(t.TempDir(), "none")} {
		if _, err := simulator.Load(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v, want fs.ErrNotExist", name, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := newPlatform(t, simulator.Config{}).Save(file); err == nil {
		t.Error("saved into a file")
	}
	folder := t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, platformFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := simulator.Load(folder); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("loading where the file is a folder: %v", err)
	}
	if err := newPlatform(t, simulator.Config{}).Save(folder); err == nil {
		t.Error("saved over a folder")
	}
}

// edit changes the JSON object of a saved platform, checksum and all.
func edit(t *testing.T, raw []byte, change func(map[string]any)) []byte {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	change(object)
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// seal gives a file the checksum that fits it: the SHA-256 of the object in
// compact form with an empty checksum.
func seal(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(b.String(), `"checksum":`)
	if !ok {
		t.Fatal("the file has no checksum")
	}
	sum := sha256.Sum256([]byte(head + `"checksum":""}`))
	return fmt.Appendf(nil, `%s"checksum":"%x"}`, head, sum)
}

func TestAFittingChecksumDoesNotMakeAPlatform(t *testing.T) {
	t.Parallel()
	dir := save(t, newPlatform(t, simulator.Config{Seed: []byte{0xab, 0xcd}}))
	whole, err := os.ReadFile(filepath.Join(dir, platformFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ old, changed, want string }{
		"as it was":      {`"warning"`, `"warning"`, ""},
		"another seed":   {`"abcd"`, `"abce"`, ""},
		"no seed":        {`"abcd"`, `""`, "seed is not hexadecimal"},
		"half a byte":    {`"abcd"`, `"abc"`, "seed is not hexadecimal"},
		"no hexadecimal": {`"abcd"`, `"wxyz"`, "seed is not hexadecimal"},
		"long seed":      {`"abcd"`, `"` + strings.Repeat("00", 1025) + `"`, "seed of 1025 bytes"},
		"FMSPC":          {`"53494d000000"`, `"53494d0000"`, "want 12 hexadecimal digits"},
		"CA":             {`"platform"`, `"root"`, `CA "root"`},
		"no validity":    {`315360000`, `0`, "validity of 0 seconds"},
		"validity":       {`315360000`, `9223372036854775807`, "validity of 9223372036854775807 seconds"},
		"short":          {`315360000`, `1`, "valid for 1s"},
		"PCESVN":         {`"pcesvn": 13`, `"pcesvn": 65535`, "PCESVN 65535"},
		"time":           {`2026-03-14`, `1026-03-14`, "year 1026"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(string(whole), tc.old) {
				t.Fatalf("the file does not say %s: %s", tc.old, whole)
			}
			dir := t.TempDir()
			raw := seal(t, bytes.Replace(whole, []byte(tc.old), []byte(tc.changed), 1))
			if err := os.WriteFile(filepath.Join(dir, platformFile), raw, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := simulator.Load(dir)
			if tc.want == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if _, ok := errors.AsType[*simulator.CorruptError](err); !ok || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want a *CorruptError that says %q", err, tc.want)
			}
		})
	}
}

func TestCorruptFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := save(t, newPlatform(t, simulator.Config{Seed: []byte{0xab, 0xcd, 0xef, 0xab, 0xcd, 0xef}}))
	whole, err := os.ReadFile(filepath.Join(dir, platformFile))
	if err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) []byte {
		return edit(t, whole, func(o map[string]any) {
			if _, ok := o[name]; !ok && name != "extra" {
				t.Fatalf("the file has no member %s", name)
			}
			o[name] = value
		})
	}
	for name, tc := range map[string]struct {
		raw  []byte
		want string
	}{
		"empty":           {nil, "no platform"},
		"half":            {whole[:len(whole)/2], "no platform"},
		"two":             {append(bytes.Clone(whole), whole...), "more than a platform"},
		"trailing":        {append(bytes.Clone(whole), "x"...), "more than a platform"},
		"too large":       {append(bytes.Clone(whole), bytes.Repeat([]byte(" "), 16<<10)...), "more than 16384 bytes"},
		"null":            {[]byte("null"), "version 0, want 1"},
		"a list":          {[]byte("[]"), "no platform"},
		"another version": {set("version", 2), "version 2, want 1"},
		"extra member":    {set("extra", 1), "unknown field"},
		"seed":            {set("seed", "abcdefabcdee"), "checksum"},
		"seed no hex":     {set("seed", "wxyz"), "checksum"},
		"now":             {set("now", "2026-03-14T15:09:27Z"), "checksum"},
		"now no time":     {set("now", "yesterday"), "no platform"},
		"validity":        {set("validitySeconds", 1), "checksum"},
		"FMSPC":           {set("fmspc", "53494d000001"), "checksum"},
		"CA":              {set("ca", "processor"), "checksum"},
		"PCESVN":          {set("pcesvn", 12), "checksum"},
		"PCESVN too high": {set("pcesvn", 65536), "no platform"},
		"QESVN":           {set("qesvn", 7), "checksum"},
		"components":      {set("components", []int{1, 2, 3}), "checksum"},
		"PCE ID":          {set("pceId", []int{0, 1}), "checksum"},
		"warning removed": {set("warning", ""), "checksum"},
		"checksum":        {set("checksum", strings.Repeat("0", 64)), "checksum"},
		"no checksum":     {edit(t, whole, func(o map[string]any) { delete(o, "checksum") }), "checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, platformFile)
			if err := os.WriteFile(path, tc.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			p, err := simulator.Load(dir)
			var corrupt *simulator.CorruptError
			if !errors.As(err, &corrupt) || p != nil {
				t.Fatalf("Load returned %v, %v; want a *CorruptError", p, err)
			}
			if corrupt.Path != path || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want it to name %s and %q", err, path, tc.want)
			}
			if strings.Contains(err.Error(), "abcdef") {
				t.Errorf("error %q shows the seed", err)
			}
			if p, err := simulator.Open(dir, simulator.Config{}); !errors.As(err, &corrupt) || p != nil {
				t.Errorf("Open returned %v, %v; want a *CorruptError", p, err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, tc.raw) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

func TestOpenKeepsWhatItMakes(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	c := simulator.Config{FMSPC: dcap.FMSPC{1}, Now: epoch}
	made, err := simulator.Open(dir, c)
	if err != nil {
		t.Fatal(err)
	}
	if made.Identity().FMSPC != c.FMSPC || !made.Now().Equal(epoch) {
		t.Errorf("made %v of %v, want what the configuration says", made, made.Now())
	}
	found, err := simulator.Open(dir, simulator.Config{FMSPC: dcap.FMSPC{2}})
	if err != nil {
		t.Fatal(err)
	}
	wantSame(t, made, found)
	if _, err := simulator.Open(filepath.Join(dir, "other"), simulator.Config{CA: "x"}); err == nil {
		t.Error("opened an empty folder with an invalid configuration")
	}
}

func TestWhoOpensAtOnceGetsTheSamePlatform(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	platforms := make([]*simulator.Platform, 16)
	var wg sync.WaitGroup
	for i := range platforms {
		wg.Go(func() {
			p, err := simulator.Open(dir, simulator.Config{Now: epoch})
			if err != nil {
				t.Error(err)
			}
			platforms[i] = p
		})
	}
	wg.Wait()
	for _, p := range platforms {
		if p == nil || platforms[0] == nil {
			t.Fatal("a platform is missing")
		}
		if !bytes.Equal(p.RootCertificatePEM(), platforms[0].RootCertificatePEM()) {
			t.Error("two of those who opened an empty folder at once have different platforms")
		}
	}
}

// FuzzLoad checks that whatever loads is worth saving: the platform saves as the
// same bytes, white space aside.
func FuzzLoad(f *testing.F) {
	dir := save(f, newPlatform(f, simulator.Config{}))
	whole, err := os.ReadFile(filepath.Join(dir, platformFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("{}"))
	f.Add([]byte(`{"version":1,"seed":"00","checksum":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, platformFile), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := simulator.Load(dir)
		if err != nil {
			if _, ok := errors.AsType[*simulator.CorruptError](err); !ok {
				t.Fatalf("error %v (%T), want a *CorruptError", err, err)
			}
			return
		}
		wantSame(t, p, load(t, save(t, p)))
	})
}
