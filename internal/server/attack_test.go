package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
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
	f := newFixture(t)
	var rounds atomic.Int64
	f.verifier.verify = func(context.Context) error {
		if rounds.Add(1) == 1 {
			f.setPolicy(t, denying)
		}
		return nil
	}
	s := f.server(t)
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusBadRequest, "PolicyEvaluationError")
	if rounds.Load() != 2 {
		t.Errorf("verified %d times, want once under each policy", rounds.Load())
	}
}

func TestEvidenceIsNotVerifiedForEver(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var rounds atomic.Int64
	f.verifier.verify = func(context.Context) error {
		f.setPolicy(t, numbered(string(rune('a'+rounds.Add(1)))))
		return nil
	}
	s := f.server(t)
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusServiceUnavailable, "ServiceUnavailable")
	if n := rounds.Load(); n < 2 || n > 8 {
		t.Errorf("verified %d times, want a few", n)
	}
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
