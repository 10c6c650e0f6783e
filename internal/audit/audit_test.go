package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// at is the time of all tests.
var at = time.Date(2026, time.November, 24, 12, 0, 0, 987654321, time.UTC)

func clock() time.Time { return at }

// running opens a trail and runs it for as long as the test does.
func running(tb testing.TB, c Config) *Trail {
	tb.Helper()
	if c.Clock == nil {
		c.Clock = clock
	}
	trail, err := Open(c)
	if err != nil {
		tb.Fatal(err)
	}
	stop := run(tb, trail)
	tb.Cleanup(func() {
		stop()
		// Tests that close it themselves, or let it fail, say so there.
		_ = trail.Close()
	})
	return trail
}

// run runs a trail until the function it returns is called.
func run(tb testing.TB, trail *Trail) func() {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it outlives the test's context, which ends before its cleanup
	var done sync.WaitGroup
	done.Go(func() {
		if err := trail.Run(ctx); err != nil {
			tb.Error(err)
		}
	})
	return func() { cancel(); done.Wait() }
}

// numbered is the n-th record of a test.
func numbered(n int) Record {
	return Record{
		Time: at.Add(time.Duration(n) * time.Second), ResourceID: "/instances/contoso", OperationName: fmt.Sprintf("Operation%d", n),
		Category: Operational, ResultType: Succeeded, Level: Informational,
	}
}

func mustAppend(tb testing.TB, trail *Trail, numbers ...int) {
	tb.Helper()
	for _, n := range numbers {
		if err := trail.Append(tb.Context(), numbered(n)); err != nil {
			tb.Fatal(err)
		}
	}
}

// operations are the names of a trail's records, which must hold.
func operations(tb testing.TB, dir string, e Expect) ([]string, Summary) {
	tb.Helper()
	var names []string
	s, err := Verify(dir, e, func(e Entry) error {
		names = append(names, e.Record.OperationName)
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return names, s
}

func numberedNames(count int) []string {
	var names []string
	for n := range count {
		names = append(names, fmt.Sprintf("Operation%d", n+1))
	}
	return names
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimFolder); dir != "" {
		victim(dir)
	}
	goleak.VerifyTestMain(m)
}

// The shape is that of recorded lines, with the chain before it.
func TestLineHasTheRecordedShape(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trail := running(t, Config{Dir: dir})
	r := Record{
		Time: at, ResourceID: "/instances/contoso", Region: "westus", OperationName: "AttestSgxEnclave",
		Category: Operational, ResultType: Failed, ResultSignature: "400", Duration: 636*time.Millisecond + 999*time.Microsecond,
		CallerIPAddress: "::ffff:192.0.2.1", URI: "https://u:p@contoso.example/attest/SgxEnclave?x=secret&api-version=2020-10-01#f",
		TraceContext: TraceContext{TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", ParentID: "00f067aa0ba902b7"},
		Identity:     Identity{CallerAADUPN: "a@contoso.example", CallerAADObjectID: "oid", CallerID: "app"},
		Level:        Informational, Location: "here",
		Properties: Properties{
			FailureDetails: "bad\n\x1b[31m\u202equote",
			InfoDataReceived: InfoDataReceived{
				Headers: Headers{UserAgent: "python"}, HeaderCount: 7, ContentType: "application/json", ContentLength: 9000, CookieCount: 1, TraceParent: "00-x",
			},
			Details: Details{Instance: "contoso", AttestationType: "SgxEnclave", Code: "InvalidParameter", EvidenceBytes: 4600},
		},
	}
	if err := trail.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "0000000000000001-20261124T120000Z.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"sequence":1,"previous":"` + strings.Repeat("0", 64) + `","Time":"2026-11-24T12:00:00.987654321Z","resourceId":"/instances/contoso",` +
		`"region":"westus","operationName":"AttestSgxEnclave","category":"Operational","resultType":"Failed","resultSignature":"400",` +
		`"durationMs":636,"callerIpAddress":"::ffff:192.0.2.1",` +
		`"traceContext":"{\"traceId\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"parentId\":\"00f067aa0ba902b7\"}",` +
		`"identity":"{\"callerAadUPN\":\"a@contoso.example\",\"callerAadObjectId\":\"oid\",\"callerId\":\"app\"}",` +
		`"uri":"https://contoso.example/attest/SgxEnclave?api-version=2020-10-01","level":"Informational","location":"here",` +
		`"properties":{"failureResourceId":"","failureCategory":"None","failureDetails":"bad��[31m�quote",` +
		`"infoDataReceived":{"Headers":{"User-Agent":"python"},"HeaderCount":7,"ContentType":"application/json","ContentLength":9000,"CookieCount":1,"TraceParent":"00-x"},` +
		`"azattest":{"instance":"contoso","attestationType":"SgxEnclave","code":"InvalidParameter","evidenceBytes":4600}}}` + "\n"
	if diff := cmp.Diff(want, string(raw)); diff != "" {
		t.Error(diff)
	}
	var read []Record
	if _, err := Verify(dir, Expect{}, func(e Entry) error { read = append(read, e.Record); return nil }); err != nil {
		t.Fatal(err)
	}
	r.Duration, r.Properties.FailureCategory, r.Properties.FailureDetails = 636*time.Millisecond, "None", "bad��[31m�quote"
	r.URI = "https://contoso.example/attest/SgxEnclave?api-version=2020-10-01"
	if diff := cmp.Diff([]Record{r}, read); diff != "" {
		t.Error(diff)
	}
}

// Of a URI nothing is kept that may be a secret.
func TestURIsAreStripped(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"":                   "",
		"/policies/Tpm":      "/policies/Tpm",
		"/a?api-version=x":   "/a?api-version=x",
		"/a?token=s":         "/a",
		"/a#s":               "/a",
		"/a?b=1#?":           "/a",
		"/a?api-version=s#f": "/a?api-version=s",
		"/a?api-version=" + strings.Repeat("1", 33): "/a",
		"/a?api-version=eyJhbGciOi":                 "/a",
		"/a?api-version=2020-10-01&api-version=s":   "/a?api-version=2020-10-01",
		"/a?API-VERSION=2020-10-01":                 "/a",
		"/a?%61pi-version=2020-10-01":               "/a",
		"https://user:pass@h:1/p@q?x":               "https://h:1/p@q",
		"https://user:pass@h":                       "https://h",
	} {
		if got := cleanURI(uri); got != want {
			t.Errorf("%q becomes %q, want %q", uri, got, want)
		}
	}
}

// Whatever clients send, a line stays within its bound.
func TestTheLongestLineFits(t *testing.T) {
	t.Parallel()
	for _, c := range []string{"<", `"`, "\\", "\x00", "\xff", "\u2028", "é"} {
		long := strings.Repeat(c, 10_000)
		var r Record
		fillTexts(t, &r, long)
		raw, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		line, _ := appendLine(nil, genesis, raw)
		if len(line) > maxLine {
			t.Errorf("%d bytes of %q, want at most %d", len(line), c, maxLine)
		}
		if !json.Valid(line) {
			t.Errorf("no JSON of %q", c)
		}
	}
}

func TestTrailGoesOnAfterReopening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for n := range 4 {
		trail, err := Open(Config{Dir: dir, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		if got := trail.Head().Sequence; got != int64(2*n) {
			t.Errorf("head %d, want %d", got, 2*n)
		}
		stop := run(t, trail)
		mustAppend(t, trail, 2*n+1)
		// What was only buffered is there after Close.
		if err := trail.AppendSoon(t.Context(), numbered(2*n+2)); err != nil {
			t.Fatal(err)
		}
		stop()
		if err := errors.Join(trail.Close(), trail.Close()); err != nil {
			t.Fatal(err)
		}
	}
	got, s := operations(t, dir, Expect{})
	if diff := cmp.Diff(numberedNames(8), got); diff != "" {
		t.Error(diff)
	}
	if s.Files != 1 || s.Records != 8 || s.Head.Sequence != 8 || !s.Last.Equal(at.Add(8*time.Second)) {
		t.Errorf("summary %+v", s)
	}
	info, err := os.Stat(filepath.Join(dir, "0000000000000001-20261124T120000Z.jsonl"))
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v (%v), want it readable by its owner only", info.Mode(), err)
	}
}

func TestNewFileBeginsBySizeAndByDay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := at
	trail := running(t, Config{Dir: dir, Segment: 1500, Clock: func() time.Time { return now }})
	mustAppend(t, trail, 1, 2, 3, 4)
	trail.writing.Lock()
	now = now.Add(24 * time.Hour)
	trail.writing.Unlock()
	mustAppend(t, trail, 5)
	var names []string
	files, err := segments(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range files {
		names = append(names, s.name)
	}
	want := []string{"0000000000000001-20261124T120000Z.jsonl", "0000000000000004-20261124T120000Z.jsonl", "0000000000000005-20261125T120000Z.jsonl"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if got, _ := operations(t, dir, Expect{Head: trail.Head()}); len(got) != 5 {
		t.Errorf("records %v", got)
	}
}

func TestSecondWriterIsKeptOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trail := running(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want %v", err, ErrInUse)
	}
	mustAppend(t, trail, 1)
	// A reader is none.
	if _, err := Verify(dir, Expect{}, nil); err != nil {
		t.Error(err)
	}
}

func TestClosedTrailTakesNothing(t *testing.T) {
	t.Parallel()
	trail := running(t, Config{Dir: t.TempDir()})
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	if err := trail.Append(t.Context(), numbered(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("Append: error %v, want %v", err, ErrClosed)
	}
	if err := trail.AppendSoon(t.Context(), numbered(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("AppendSoon: error %v, want %v", err, ErrClosed)
	}
}

func TestContextThatHasEndedAddsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	trail := running(t, Config{Dir: dir})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, add := range []func(context.Context, Record) error{trail.Append, trail.AppendSoon} {
		if err := add(ctx, numbered(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	}
	if got := trail.Head(); got != genesis {
		t.Errorf("head %v, want that of an empty trail", got)
	}
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]Config{
		"Dir": {}, "Segment": {Dir: "x", Segment: -1}, "Buffer": {Dir: "x", Buffer: 1}, "Flush": {Dir: "x", Flush: -1}, "Wait": {Dir: "x", Wait: -1},
	} {
		_, err := Open(c)
		if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != field {
			t.Errorf("error %v, want one of %s", err, field)
		}
	}
}

// Many write at once: nothing is lost, and the chain holds.
func TestManyWritersMakeOneChain(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 50
	dir := t.TempDir()
	trail := running(t, Config{Dir: dir, Segment: 20_000, Buffer: 2 * maxLine, Wait: time.Minute})
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				add := trail.AppendSoon
				if n%5 == 0 {
					add = trail.Append
				}
				if err := add(t.Context(), numbered(w*each+n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	got, s := operations(t, dir, Expect{Head: trail.Head()})
	for _, name := range got {
		seen[name] = true
	}
	if len(seen) != writers*each || s.Files < 2 || !s.HeadFound {
		t.Errorf("%d records in %d files, want %d in several", len(seen), s.Files, writers*each)
	}
}
