package conformance_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/testattest"
)

const attestTPM = "/attest/Tpm" + tpmVersion

// Whoever lacks the role is told 401, as everywhere; the real service knows no 403.
func TestTPMAttestationAsksForReader(t *testing.T) {
	t.Parallel()
	none := func(*testing.T, *machine) string { return "" }
	made := func(*testing.T, *machine) string { return "no.such.bearer" }
	with := func(role auth.Role) func(*testing.T, *machine) string {
		return func(t *testing.T, m *machine) string {
			t.Helper()
			return m.bearer(t, role)
		}
	}
	for name, test := range map[string]struct {
		bearer     func(t *testing.T, m *machine) string
		isRoleless bool
		status     int
	}{
		"no bearer":        {none, false, http.StatusUnauthorized},
		"no such bearer":   {made, false, http.StatusUnauthorized},
		"a role elsewhere": {with(auth.Contributor), true, http.StatusUnauthorized},
		"reader":           {with(auth.Reader), false, http.StatusOK},
		"contributor":      {with(auth.Contributor), false, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{wrapping: keyring.GenerateWrappingKey()})
			m.setPolicy(t, permitAll)
			answer := `{"payload":{"request":"` + string(m.challenged(t).V2(t)) + `"}}`
			if test.isRoleless {
				m = m.at(t, &deployment{settings: m.settings, store: m.store, keys: m.keys, wrapping: m.wrapping, isRoleless: true})
			}
			for _, message := range []string{initMessage, answer} {
				w := m.send(t, http.MethodPost, attestTPM, envelope(message), test.bearer(t, m))
				if test.status != http.StatusOK {
					wantRefusal(t, w.Code, w.Body.Bytes(), test.status, "Unauthorized", "")
				} else if w.Code != test.status {
					t.Errorf("status %d: %s", w.Code, w.Body)
				}
				if (w.Header().Get("WWW-Authenticate") != "") != (test.status == http.StatusUnauthorized) {
					t.Errorf("status %d with WWW-Authenticate %q", w.Code, w.Header().Get("WWW-Authenticate"))
				}
			}
		})
	}
}

// Without a policy there is no attestation of TPMs, in whatever mode, and neither
// message is looked at.
func TestTPMAttestationNeedsAPolicy(t *testing.T) {
	t.Parallel()
	const says = "A VBS attestation policy has not been set on the attestation provider."
	for _, mode := range []instance.Mode{instance.AAD, instance.Shared} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{settings: instance.Settings{Name: "tpm", URL: "https://tpm.example", Mode: mode}})
			for _, message := range []string{initMessage, `{"payload":{"request":"e30.e30.e30"}}`, "no message"} {
				w := m.post(t, message)
				wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, "Bad request", says)
			}
		})
	}
	t.Run("reset between the messages", func(t *testing.T) {
		t.Parallel()
		m := newMachine(t, &deployment{})
		m.setPolicy(t, permitAll)
		request := m.challenged(t)
		reset := m.send(t, http.MethodPost, "/policies/Tpm:reset"+tpmVersion, "eyJhbGciOiJub25lIn0..", m.bearer(t, auth.Contributor))
		if reset.Code != http.StatusOK {
			t.Fatalf("reset: %s", reset.Body)
		}
		w := m.answer(t, request.V2(t))
		wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, "Bad request", says)
	})
}

// What is refused of the evidence says so as that of enclaves does; nothing of it
// becomes a report.
func TestTPMRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	stranger := func(t *testing.T) *machine {
		t.Helper()
		return newMachine(t, &deployment{})
	}
	for name, test := range map[string]struct {
		edit func(t *testing.T, m *machine, r *testattest.Request)
		code string
		says string
	}{
		"AIK without a certificate": {func(_ *testing.T, _ *machine, r *testattest.Request) { r.Certificate = nil }, "InvalidQuote", "(chain/missing)"},
		"AIK that somebody else certified": {func(t *testing.T, _ *machine, r *testattest.Request) {
			t.Helper()
			r.Certificate = stranger(t).certificate
		}, "InvalidQuote", "(chain/untrusted-root)"},
		"log of another boot": {func(_ *testing.T, m *machine, r *testattest.Request) {
			r.Banks = []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: withOther(m.pcrs, 7)}}
		}, "InvalidQuote", "(log/"},
		"SHA-1 alone": {func(t *testing.T, m *machine, r *testattest.Request) {
			t.Helper()
			r.Banks = []tpm.Bank{testattest.Replay(t, m.log, tpm.SHA1)}
		}, "InvalidQuote", "the bank of SHA-1 does not count"},
		"fewer PCRs than all": {func(_ *testing.T, m *machine, r *testattest.Request) {
			r.Banks = []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: m.pcrs.PCRs[:16]}}
		}, "InvalidQuote", "(quote/missing)"},
		"key that nothing binds": {func(_ *testing.T, _ *machine, r *testattest.Request) { r.IsFree = true }, "InvalidQuote", "the key must be bound by it or reside in the same TPM"},
		"key of another machine": {func(_ *testing.T, _ *machine, r *testattest.Request) {
			r.Public = testattest.Public(&requestKey().PublicKey, tpm.SensitiveDataOrigin)
		}, "InvalidQuote", "the key must be bound by it or reside in the same TPM"},
		"no context": {func(_ *testing.T, _ *machine, r *testattest.Request) {
			r.Edit = func(data map[string]any) { delete(data, "service_context") }
		}, "InvalidQuote", "service_context"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{})
			m.setPolicy(t, permitAll)
			request := m.challenged(t)
			test.edit(t, m, request)
			w := m.answer(t, request.V2(t))
			wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, test.code, test.says)
			if strings.Contains(w.Body.String(), "report\":") {
				t.Errorf("%s", w.Body)
			}
		})
	}
}

// withOther are the PCRs of a bank, of which one holds something else.
func withOther(b tpm.Bank, index int) []tpm.PCR {
	changed := append([]tpm.PCR{}, b.PCRs...)
	changed[index].Digest = make([]byte, len(changed[index].Digest))
	return changed
}

// Windows writes the path in lower case, and says more than the payload.
func TestAMessageAsWindowsPostsIt(t *testing.T) {
	t.Parallel()
	m := newMachine(t, &deployment{})
	m.setPolicy(t, permitAll)
	message := `{"metadata":{"os_ver":"10.0.19041.541.amd64fre"},"payload":{"type":"aikcert"}}`
	w := m.send(t, http.MethodPost, "/attest/tpm"+tpmVersion, envelope(message), m.bearer(t, auth.Reader))
	var answer struct{ Payload map[string]string }
	if payloadOf(t, w, &answer); len(answer.Payload) != 2 {
		t.Errorf("%v", answer)
	}
}

// A log of 64 MiB gets no further than its bounds: that of bodies, and where the
// operator has raised it, that of requests and logs.
func TestALogOf64MiB(t *testing.T) {
	t.Parallel()
	raised := &deployment{}
	raised.config.Limits.BodyBytes = 1 << 30
	for name, test := range map[string]struct {
		deployment *deployment
		size       int
		status     int
		code, says string
	}{
		"body":    {&deployment{}, 64 << 20, http.StatusRequestEntityTooLarge, "RequestBodyTooLarge", ""},
		"request": {raised, 64 << 20, http.StatusBadRequest, "InvalidQuote", "(parse/too-large)"},
		"log":     {raised, 17 << 20, http.StatusBadRequest, "InvalidQuote", "logs[0].log"},
	} {
		t.Run(name, func(t *testing.T) {
			// One after the other: each takes some hundred megabytes.
			d := *test.deployment
			m := newMachine(t, &d)
			m.setPolicy(t, permitAll)
			request := m.challenged(t)
			request.Log = make([]byte, test.size)
			w := m.answer(t, request.V2(t))
			wantRefusal(t, w.Code, w.Body.Bytes(), test.status, test.code, test.says)
		})
	}
}
