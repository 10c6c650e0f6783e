package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/internal/ticket"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// denying is a policy that permits nobody.
const denying = "version=1.0;authorizationrules{=>deny();};issuancerules{};"

// sendSlowly sends the first half of an attestation, lets change happen, and sends
// the rest.
func sendSlowly(tb testing.TB, s http.Handler, change func()) *httptest.ResponseRecorder {
	tb.Helper()
	reader, writer := io.Pipe()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, sgxPath, reader)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeHTTP(w, r)
	}()
	// The pipe has no buffer: once this is written, the handler reads the body.
	if _, err := io.WriteString(writer, body[:4]); err != nil {
		tb.Fatal(err)
	}
	change()
	if _, err := io.WriteString(writer, body[4:]); err != nil {
		tb.Fatal(err)
	}
	_ = writer.Close()
	<-done
	return w
}

// Whoever keeps requests open must not be served by a policy that is gone.
func TestASlowBodyIsJudgedByThePolicyOfItsEnd(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	w := sendSlowly(t, s, func() { f.setPolicy(t, denying) })
	wantRefusal(t, w, http.StatusBadRequest, "PolicyEvaluationError")
}

func TestASlowBodyNeedsTheRoleThatIsWantedByNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	s := f.server(t)
	w := sendSlowly(t, s, func() {
		f.settings.AttestationNeedsReader = true
		if err := f.instances.Update(t.Context(), f.settings); err != nil {
			t.Fatal(err)
		}
	})
	wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized")
}

func TestASlowBodyFindsAnInstanceThatIsGone(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, f *fixture){
		"deleted": func(t *testing.T, f *fixture) {
			t.Helper()
			if err := f.instances.Delete(t.Context(), f.settings.Name); err != nil {
				t.Fatal(err)
			}
		},
		"another issuer": func(t *testing.T, f *fixture) {
			t.Helper()
			f.settings.URL = "https://fabrikam.example"
			if err := f.instances.Update(t.Context(), f.settings); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			s := f.server(t)
			w := sendSlowly(t, s, func() { change(t, f) })
			wantRefusal(t, w, http.StatusNotFound, "NotFound")
		})
	}
}

func TestEvidenceThatTakesLongIsJudgedByThePolicyOfItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var rounds atomic.Int64
		f.verifier.verify = func(context.Context) error {
			if rounds.Add(1) == 1 {
				time.Sleep(2 * time.Second)
				f.setPolicy(t, denying)
			}
			return nil
		}
		s := f.server(t)
		wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusBadRequest, "PolicyEvaluationError")
		if rounds.Load() != 2 {
			t.Errorf("verified %d times, want once under each policy", rounds.Load())
		}
	})
}

func TestEvidenceThatTakesLongIsVerifiedOnceIfNothingChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var rounds atomic.Int64
		f.verifier.verify = func(context.Context) error {
			rounds.Add(1)
			time.Sleep(5 * time.Second)
			return nil
		}
		s := f.server(t)
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
		if rounds.Load() != 1 {
			t.Errorf("verified %d times, want once", rounds.Load())
		}
	})
}

func TestEvidenceIsNotVerifiedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var rounds atomic.Int64
		f.verifier.verify = func(context.Context) error {
			time.Sleep(2 * time.Second)
			f.setPolicy(t, numbered(string(rune('a'+rounds.Add(1)))))
			return nil
		}
		s := f.server(t)
		wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusServiceUnavailable, "ServiceUnavailable")
		if n := rounds.Load(); n < 2 || n > 8 {
			t.Errorf("verified %d times, want a few", n)
		}
	})
}

// setPolicy changes the policy of the first instance, as a caller with the role.
func (f *fixture) setPolicy(tb testing.TB, text string) {
	tb.Helper()
	jws, err := policytoken.Parse([]byte(policytoken.Unsigned(text)))
	if err != nil {
		tb.Error(err)
		return
	}
	change := instance.PolicyChange{Instance: f.settings.Name, Type: attest.SGXEnclave, Token: jws, By: string(auth.Contributor)}
	if _, err := f.instances.SetPolicy(context.WithoutCancel(tb.Context()), change); err != nil {
		tb.Error(err)
	}
}

// tardy is a store whose commits take until nobody waits any more.
type tardy struct{ store.Store }

func (s tardy) Commit(ctx context.Context, changes ...store.Change) (int64, error) {
	revision, err := s.Store.Commit(ctx, changes...)
	if _, hasEnd := ctx.Deadline(); hasEnd {
		<-ctx.Done()
	}
	return revision, err
}

// trail returns the records of an audit trail that a test lets the server keep, once
// everything was sent.
func (f *fixture) trail(t *testing.T) func() []audit.Record {
	t.Helper()
	dir := t.TempDir()
	trail, err := audit.Open(audit.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- trail.Run(ctx) }()
	f.config.Audit = trail
	return func() []audit.Record {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := trail.Close(); err != nil {
			t.Fatal(err)
		}
		var records []audit.Record
		if _, err := audit.Verify(dir, audit.Expect{}, func(e audit.Entry) error {
			records = append(records, e.Record)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return records
	}
}

// Once the disk is full nothing is changed and nobody attests any more: strangers
// must not be able to fill it.
func TestStrangersDoNotFillTheTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.AuditAttestations = true
	records := f.trail(t)
	s := f.server(t)
	const flood = 2000
	for range flood {
		wantRefusal(t, do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", ""), http.StatusUnauthorized, "Unauthorized")
		wantRefusal(t, do(t, s, http.MethodPost, sgxPath, "{}"), http.StatusBadRequest, "InvalidParameter")
	}
	// Whoever has a name is recorded all the same, and so is who attests.
	name, value := bearer(t, auth.Reader)
	do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", "", name, value)
	do(t, s, http.MethodPost, sgxPath, body)
	var strangers, others int
	for _, r := range records() {
		if r.ResultType == audit.Failed && r.Identity.CallerID == "" {
			strangers++
		} else {
			others++
		}
	}
	if strangers == 0 || strangers > flood || others != 2 {
		t.Errorf("%d records of strangers and %d of others, want some of %d, and 2", strangers, others, 2*flood)
	}
}

// A change that was made must stand in the trail, also if it took all the time that
// there is for it.
func TestAChangeThatTookLongIsRecordedAndTold(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	// Directory.Create has no deadline.
	f.records = tardy{memory.New()}
	f.config.Limits.Request = 500 * time.Millisecond // a busy machine has to come to the commit in it
	records := f.trail(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	w := do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", policytoken.Unsigned(denying), name, value)
	if _, claims := tokenOf(t, w); claims["x-ms-policy-result"] != "Updated" {
		t.Errorf("told %v", claims)
	}
	var changes int
	for _, r := range records() {
		if r.OperationName == "SetCurrentPolicy" && r.ResultType == audit.Succeeded {
			changes++
		}
	}
	if changes != 1 {
		t.Errorf("%d changes in the trail, want 1", changes)
	}
}

// What stands outside of all paths goes through the log and its headers as well.
func TestOptionsOfEverythingIsAnsweredAsEverythingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := plain(t)
		logged := f.logged(t)
		s := serve(t, f.server(t))
		c := s.connect(t)
		go func() { _, _ = io.WriteString(c, "OPTIONS * HTTP/1.1\r\nHost: contoso.example\r\n\r\n") }()
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound || response.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("status %d, header %v", response.StatusCode, response.Header)
		}
		_ = c.Close()
		if err := s.stop(); err != nil {
			t.Error(err)
		}
		if lines := logged(); len(lines) != 1 {
			t.Errorf("%d lines in the log, want 1", len(lines))
		}
	})
}

// What handlers use, keys in a device above all, is closed after Run.
func TestNoHandlerOutlivesAListenerThatBreaks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := plain(t)
		entered := make(chan struct{})
		var hasLeft atomic.Bool
		f.verifier.verify = func(ctx context.Context) error {
			close(entered)
			<-ctx.Done()
			time.Sleep(time.Second)
			hasLeft.Store(true)
			return ctx.Err()
		}
		s := serve(t, f.server(t))
		answered := make(chan answerOf, 1)
		go func() { answered <- s.attest() }()
		<-entered
		_ = s.listener.Close()
		if err := <-s.stopped; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if !hasLeft.Load() {
			t.Error("a handler still works after Run")
		}
		<-answered
		s.client.CloseIdleConnections()
		s.shutDown()
	})
}

// Who may only read must not get our signature under a statement of which policy is
// in force.
func TestAReaderGetsNoStatementAboutAPolicyOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := newFixture(t).server(t)
	name, value := bearer(t, auth.Reader)
	mine := policytoken.Unsigned(numbered("mine"))
	w := do(t, s, http.MethodPost, "/operations/policy/updatepolicy"+previewVersion+"&tee=SgxEnclave", mine, name, value)
	claims := bare(t, w.Code, w.Body.Bytes())
	for name, value := range claims {
		if strings.HasPrefix(name, "x-ms-") {
			t.Errorf("the service states %s: %v", name, value)
		}
	}
	// No more does a change that is refused.
	for _, method := range []string{http.MethodPut, http.MethodPost} {
		w := do(t, s, method, "/operations/policy/current"+previewVersion+"&tee=SgxEnclave", mine, name, value)
		wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized")
	}
}

// Whoever floods the service must not keep out who could tighten the policy.
func TestAFloodOfEvidenceKeepsNobodyOutWhoHasARole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	device := f.enrolling(t)
	machine := f.attestingTPM(t)
	close(machine.leave)
	f.config.Limits.Concurrent, f.config.Limits.Uploads = 1, 1
	entered, leave := make(chan struct{}), make(chan struct{})
	var others atomic.Bool
	f.verifier.verify = func(context.Context) error {
		if !others.Swap(true) {
			close(entered)
			<-leave
		}
		return nil
	}
	s := f.server(t)
	done := make(chan struct{}, 2)
	go func() {
		do(t, s, http.MethodPost, sgxPath, body)
		done <- struct{}{}
	}()
	<-entered
	reader, writer := io.Pipe()
	go func() {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, sgxPath, reader)
		r.Header.Set("Content-Type", "application/json")
		s.ServeHTTP(httptest.NewRecorder(), r)
		done <- struct{}{}
	}()
	// Once a byte beyond a small body is taken, so is the place.
	if _, err := io.WriteString(writer, strings.Repeat(" ", 16<<10+2)); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusTooManyRequests, "TooManyRequests")
	large := policytoken.Unsigned(denying + "//" + strings.Repeat("x", 32<<10))
	name, value := bearer(t, auth.Contributor)
	tokenOf(t, do(t, s, http.MethodPut, "/policies/SgxEnclave?api-version=2025-06-01", large, name, value))
	tokenOf(t, do(t, s, http.MethodPut, "/policies/Tpm?api-version=2025-06-01", permittingTPMs, name, value))
	name, value = bearer(t, auth.Reader)
	b := began(t, s, device, "")
	padded := strings.TrimSuffix(b.body(t), "}") + strings.Repeat(" ", 32<<10) + "}"
	membersOf(t, do(t, s, http.MethodPost, activatePath, padded, name, value))
	padded = strings.TrimSuffix(tpmRequest, "}") + strings.Repeat(" ", 32<<10) + "}"
	wantRefusal(t, do(t, s, http.MethodPost, tpmPath, padded, name, value), http.StatusBadRequest, "InvalidQuote")
	_ = writer.Close()
	close(leave)
	<-done
	<-done
}

// answering is evidence of a TPM that answers a challenge.
type answering struct {
	fakeEvidence
	challenge, context []byte
}

func (a answering) Challenge() (challenge, context []byte) { return a.challenge, a.context }

// fakeTPM refuses everything, and counts how much of it at once.
type fakeTPM struct {
	answering
	running, most atomic.Int32
	entered       chan struct{}
	leave         chan struct{}
}

func (v *fakeTPM) Parse([]byte) (evidence.Evidence, error) { return v.answering, nil }

func (v *fakeTPM) Verify(ctx context.Context, _ evidence.Evidence, _ evidence.Requirements) (*evidence.Result, error) {
	n := v.running.Add(1)
	defer v.running.Add(-1)
	for most := v.most.Load(); n > most; most = v.most.Load() {
		if v.most.CompareAndSwap(most, n) {
			break
		}
	}
	select {
	case v.entered <- struct{}{}:
	default:
	}
	select {
	case <-v.leave:
	case <-ctx.Done():
	}
	return nil, &evidence.Error{Stage: "quote", Code: evidence.CodeMismatch, Part: "nonce", Offset: -1}
}

const tpmPath = "/attest/Tpm?api-version=2025-06-01"

var (
	tpmRequest     = `{"data":"` + b64([]byte(`{"payload":{"request":"a.b.c"}}`)) + `"}`
	permittingTPMs = policytoken.Unsigned("version=1.0; authorizationrules { => permit(); };")
)

// attestingTPM lets a TPM attest that answers a challenge, once the fixture seals them.
func (f *fixture) attestingTPM(tb testing.TB) *fakeTPM {
	tb.Helper()
	v := &fakeTPM{leave: make(chan struct{}), entered: make(chan struct{}, 64), answering: answering{fakeEvidence: fakeEvidence{enclave()}}}
	v.challenge = []byte("a challenge")
	var err error
	if v.context, err = f.tickets.Seal(ticket.Challenge, contoso, v.challenge); err != nil {
		tb.Fatal(err)
	}
	f.tpms = v
	return v
}

// Megabytes of logs become ten times that: no more TPMs are judged at once than
// there are processors, and the others wait.
func TestTPMsAreJudgedInTurn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sealing(t)
	v := f.attestingTPM(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	tokenOf(t, do(t, s, http.MethodPut, "/policies/Tpm?api-version=2025-06-01", permittingTPMs, name, value))
	name, value = bearer(t, auth.Reader)
	processors := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for range processors + 3 {
		all.Go(func() {
			wantRefusal(t, do(t, s, http.MethodPost, tpmPath, tpmRequest, name, value), http.StatusBadRequest, "InvalidQuote")
		})
	}
	for range processors {
		<-v.entered
	}
	// One that waits may go.
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, tpmPath, strings.NewReader(tpmRequest))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 499 {
		t.Errorf("one that went while it waited: status %d: %s", w.Code, w.Body)
	}
	// Others have no turn to wait for.
	tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
	close(v.leave)
	all.Wait()
	if got := int(v.most.Load()); got != processors {
		t.Errorf("%d at once, want %d", got, processors)
	}
}

// Those that wait hold what they brought, so few may.
func TestTheQueueOfTPMsIsBounded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.sealing(t)
	v := f.attestingTPM(t)
	s := f.server(t)
	name, value := bearer(t, auth.Contributor)
	tokenOf(t, do(t, s, http.MethodPut, "/policies/Tpm?api-version=2025-06-01", permittingTPMs, name, value))
	name, value = bearer(t, auth.Reader)
	var all sync.WaitGroup
	var busy atomic.Int32
	refused := make(chan struct{}, 64)
	const sent = 64
	for range sent {
		all.Go(func() {
			w := do(t, s, http.MethodPost, tpmPath, tpmRequest, name, value)
			if w.Code == http.StatusTooManyRequests {
				busy.Add(1)
				refused <- struct{}{}
			}
		})
	}
	most := 8 * runtime.GOMAXPROCS(0)
	for range max(0, sent-most) {
		<-refused
	}
	close(v.leave)
	all.Wait()
	if got := int(busy.Load()); got != max(0, sent-most) {
		t.Errorf("%d of %d were told to come again, want %d", got, sent, max(0, sent-most))
	}
}
