package server_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/testtpm"
	"github.com/azattest/azattest/internal/ticket"
)

const (
	enrollPath   = "/tpm/enroll"
	activatePath = "/tpm/activate"
)

// enrolling lets the fixture enroll the TPMs of a vendor, of whom there is one.
func (f *fixture) enrolling(tb testing.TB) *testtpm.Soft {
	tb.Helper()
	s := testtpm.NewSoft(tb, at.AddDate(0, -1, 0), at.AddDate(0, 1, 0))
	eks, err := tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{s.Root()}})
	if err != nil {
		tb.Fatal(err)
	}
	f.sealing(tb)
	issuer, err := enroll.MakeIssuer(enroll.Template{Name: "authority", Algorithm: enroll.ECDSA, Begin: at.Add(-time.Hour), Lifetime: 24 * time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	if f.config.Enrollment, err = enroll.New(enroll.Config{Issuer: issuer, EKs: eks, Tickets: f.tickets, Lifetime: time.Hour, Clock: f.config.Clock}); err != nil {
		tb.Fatal(err)
	}
	return s
}

// sealing lets the fixture give out challenges.
func (f *fixture) sealing(tb testing.TB) {
	tb.Helper()
	var err error
	if f.tickets, err = ticket.New(ticket.Config{Lifetime: 5 * time.Minute, Clock: f.config.Clock}); err != nil {
		tb.Fatal(err)
	}
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// object writes members, each in base64url, but for lists.
func object(tb testing.TB, members map[string]any) string {
	tb.Helper()
	written := map[string]any{}
	for name, v := range members {
		switch v := v.(type) {
		case []byte:
			written[name] = b64(v)
		case [][]byte:
			list := []string{}
			for _, one := range v {
				list = append(list, b64(one))
			}
			written[name] = list
		}
	}
	text, err := json.Marshal(written)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

// membersOf reads an answer whose members are base64url, or lists of it.
func membersOf(tb testing.TB, w *httptest.ResponseRecorder) map[string][][]byte {
	tb.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-store" {
		tb.Fatalf("status %d, Cache-Control %q: %s", w.Code, w.Header().Get("Cache-Control"), w.Body)
	}
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		tb.Fatal(err)
	}
	found := map[string][][]byte{}
	for name, v := range answer {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, one := range list {
			text, _ := one.(string)
			raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
			if err != nil {
				tb.Fatalf("%s: %v", name, err)
			}
			found[name] = append(found[name], raw)
		}
	}
	return found
}

// beginning is an enrollment whose first message is answered.
type beginning struct {
	aik, context, secret []byte
}

// began sends the first message as a reader does.
func began(tb testing.TB, h http.Handler, s *testtpm.Soft, base string) beginning {
	tb.Helper()
	name, value := bearer(tb, auth.Reader)
	aik := s.NewAIK(tb, testtpm.AIKAttributes)
	got := membersOf(tb, do(tb, h, http.MethodPost, base+enrollPath, object(tb, map[string]any{"ekCertificates": [][]byte{s.Certificate().Raw}, "aikPublic": aik}), name, value))
	if len(got) != 3 {
		tb.Fatalf("%d members, want three", len(got))
	}
	secret, err := s.Activate(aik, got["idObject"][0], got["encryptedSecret"][0])
	if err != nil {
		tb.Fatal(err)
	}
	return beginning{aik: aik, context: got["context"][0], secret: secret}
}

func (b beginning) body(tb testing.TB) string {
	tb.Helper()
	return object(tb, map[string]any{"context": b.context, "secret": b.secret, "aikPublic": b.aik})
}

func TestEnrollment(t *testing.T) {
	t.Parallel()
	for _, mode := range instance.Modes() {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.settings.Mode = mode
			if mode == instance.Isolated {
				f.certificates = []*x509.Certificate{newIdentity(t, "policy signer").certificate}
			}
			f.settings.AttestationNeedsReader = mode == instance.Shared
			device := f.enrolling(t)
			s := f.server(t)
			for _, role := range []auth.Role{auth.Reader, auth.Contributor} {
				name, value := bearer(t, role)
				b := began(t, s, device, "")
				// A version of Azure's API is not asked for, and may be there.
				got := membersOf(t, do(t, s, http.MethodPost, "/TPM/Activate?api-version=2022-08-01", b.body(t), name, value))["certificates"]
				if len(got) != 2 {
					t.Fatalf("%d certificates, want two", len(got))
				}
				leaf, err := tpm.ParseCertificate(got[0])
				if err != nil {
					t.Fatal(err)
				}
				judges, err := tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{f.config.Enrollment.Issuer().Certificate()}})
				if err != nil {
					t.Fatal(err)
				}
				if aik, err := judges.VerifyAIK(leaf, nil, at); err != nil || !aik.IsValidated() {
					t.Error(err)
				}
			}
		})
	}
}

func TestEnrollmentNeedsTheRole(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	device := f.enrolling(t)
	s := f.server(t)
	b := began(t, s, device, "")
	for _, path := range []string{enrollPath, activatePath} {
		wantRefusal(t, do(t, s, http.MethodPost, path, b.body(t)), http.StatusUnauthorized, "Unauthorized")
		w := do(t, s, http.MethodPost, path, b.body(t), "Authorization", "Bearer x")
		wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized")
		if w.Header().Get("WWW-Authenticate") == "" {
			t.Error("no WWW-Authenticate")
		}
		w = do(t, s, http.MethodGet, path, "")
		wantRefusal(t, w, http.StatusMethodNotAllowed, "MethodNotAllowed")
		if got := w.Header().Get("Allow"); got != http.MethodPost {
			t.Errorf("%s: Allow %q", path, got)
		}
	}
	// A reader of another instance is none of this.
	f = newFixture(t)
	f.enrolling(t)
	f.config.Auth = authenticator(t, auth.Binding{Role: auth.Reader, Instances: []string{"fabrikam"}})
	name, value := bearer(t, auth.Reader)
	w := do(t, f.server(t), http.MethodPost, enrollPath, b.body(t), name, value)
	wantRefusal(t, w, http.StatusUnauthorized, "Unauthorized")
	if !strings.Contains(w.Body.String(), "lacks the role") {
		t.Error(w.Body)
	}
}

func TestEnrollmentWhereThereIsNone(t *testing.T) {
	t.Parallel()
	name, value := bearer(t, auth.Reader)
	f := newFixture(t)
	s := f.server(t)
	for _, path := range []string{enrollPath, activatePath} {
		w := do(t, s, http.MethodPost, path, `{}`, name, value)
		wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
		for _, key := range []string{"tpm.ekRootFiles", "tpm.enrollment.certificateFile", "tpm.enrollment.keyFile"} {
			if !strings.Contains(w.Body.String(), key) {
				t.Errorf("%s: %s does not name %s", path, w.Body, key)
			}
		}
	}
	f = newFixture(t)
	f.enrolling(t)
	f.settings.Types = []attest.Type{attest.SGXEnclave}
	w := do(t, f.server(t), http.MethodPost, enrollPath, `{}`, name, value)
	wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
	if !strings.Contains(w.Body.String(), "no enrollment for type Tpm") {
		t.Error(w.Body)
	}
}

func TestEnrollmentRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var later atomic.Int64
	f.config.Clock = func() time.Time { return at.Add(time.Duration(later.Load())) }
	f.others = []instance.Settings{{Name: "fabrikam", URL: contoso + "/fabrikam", Mode: instance.AAD, Algorithm: f.settings.Algorithm}}
	logged := f.logged(t)
	dir, records := f.audited(t)
	device := f.enrolling(t)
	f.config.Limits.BodyBytes = 100 << 10
	s := f.server(t)
	b := began(t, s, device, contoso)
	stranger := testtpm.NewSoft(t, at.AddDate(0, -1, 0), at.AddDate(0, 1, 0))
	wrong := bytes.Clone(b.secret)
	wrong[0] ^= 1
	enrollment := func(ek *x509.Certificate, aik []byte) string {
		return object(t, map[string]any{"ekCertificates": [][]byte{ek.Raw}, "aikPublic": aik})
	}
	activation := func(change func(*beginning)) string {
		changed := b
		change(&changed)
		return changed.body(t)
	}
	late := b.body(t)
	name, value := bearer(t, auth.Reader)
	for what, tt := range map[string]struct {
		path, body   string
		status       int
		code, reason string
		want         string
	}{
		"another vendor":   {enrollPath, enrollment(stranger.Certificate(), b.aik), 400, "InvalidParameter", "untrusted-root", "cannot be enrolled (chain/untrusted-root): certificate by"},
		"a signing key":    {enrollPath, enrollment(device.Certificate(), device.NewAIK(t, testtpm.SigningAttributes)), 400, "InvalidParameter", "mismatch", "(key/mismatch): AIK: objectAttributes"},
		"no member":        {enrollPath, `{"ekCertificates":["YQ"]}`, 400, "InvalidParameter", "", "aikPublic: missing"},
		"no certificate":   {enrollPath, `{"ekCertificates":["YQ"],"aikPublic":"YQ"}`, 400, "InvalidParameter", "malformed", "(parse/malformed): certificate"},
		"another secret":   {activatePath, activation(func(b *beginning) { b.secret = wrong }), 400, "InvalidParameter", "secret", "cannot be enrolled: the secret is not the one"},
		"another AIK":      {activatePath, activation(func(b *beginning) { b.aik = device.NewAIK(t, testtpm.AIKAttributes) }), 400, "InvalidParameter", "key", "begun for another AIK"},
		"another context":  {activatePath, activation(func(b *beginning) { b.context = []byte("{}") }), 400, "InvalidParameter", "context", "begin again: context: not made by this service"},
		"another instance": {"/fabrikam" + activatePath, b.body(t), 400, "InvalidParameter", "context", "another instance"},
		"no secret":        {activatePath, `{"context":"YQ","aikPublic":"YQ"}`, 400, "InvalidParameter", "", "secret: missing"},
		"too much":         {enrollPath, `{"x":"` + strings.Repeat("x", 101<<10) + `"}`, 413, "RequestBodyTooLarge", "", "102400 bytes"},
	} {
		w := do(t, s, http.MethodPost, contoso+tt.path+"?api-version=2025-06-01", tt.body, name, value)
		wantRefusal(t, w, tt.status, tt.code)
		if !strings.Contains(w.Body.String(), tt.want) || tt.reason != "" && !strings.Contains(w.Body.String(), `"innererror":{"code":"`+tt.reason+`"}`) {
			t.Errorf("%s: %s, want %s and %q", what, w.Body, tt.reason, tt.want)
		}
	}
	w := do(t, s, http.MethodPost, contoso+activatePath, b.body(t), name, value, "Content-Type", "text/plain")
	wantRefusal(t, w, http.StatusUnsupportedMediaType, "UnsupportedMediaType")
	later.Store(int64(5 * time.Minute))
	w = do(t, s, http.MethodPost, contoso+activatePath, late, name, value)
	wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
	if !strings.Contains(w.Body.String(), "begin again: context: expired at") {
		t.Errorf("too late: %s", w.Body)
	}
	records()
	all := strings.Join(segments(t, dir), "\n")
	for _, line := range logged() {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text) + "\n"
	}
	for _, secret := range [][]byte{b.secret, wrong, b.context} {
		for _, written := range []string{b64(secret), hex.EncodeToString(secret), string(secret)} {
			if strings.Contains(all, written) {
				t.Errorf("log or trail hold a secret: %.20s…", written)
			}
		}
	}
	if !strings.Contains(all, "aik_name") {
		t.Error("the log names no AIK")
	}
}

func TestEnrollmentWithTerseErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.TerseErrors = true
	device := f.enrolling(t)
	s := f.server(t)
	b := began(t, s, device, "")
	b.secret = []byte("wrong")
	name, value := bearer(t, auth.Reader)
	w := do(t, s, http.MethodPost, activatePath, b.body(t), name, value)
	wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
	if strings.Contains(w.Body.String(), "secret is not") || !strings.Contains(w.Body.String(), "The TPM cannot be enrolled") {
		t.Error(w.Body)
	}
}

// These routes are none of Azure's: whatever version a client names, it is told why.
func TestRefusalsOfEnrollmentsHaveOneShape(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.enrolling(t)
	s := f.server(t)
	name, value := bearer(t, auth.Reader)
	for _, path := range []string{enrollPath, activatePath} {
		for _, query := range []string{"", "?api-version=2020-10-01", "?api-version=2022-08-01", "?api-version=2025-06-01"} {
			w := do(t, s, http.MethodPost, path+query, `{"context":"YQ","secret":"YQ","aikPublic":"YQ","ekCertificates":["YQ"]}`, name, value)
			wantRefusal(t, w, http.StatusBadRequest, "InvalidParameter")
			if !strings.Contains(w.Body.String(), `"innererror":{"code":`) {
				t.Errorf("%s%s: %s, want why", path, query, w.Body)
			}
		}
	}
}

// The operator is at fault, not the TPM, and both are told.
func TestEnrollmentByAnAuthorityOutOfItsTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var later atomic.Int64
	f.config.Clock = func() time.Time { return at.Add(time.Duration(later.Load())) }
	lines := f.logged(t)
	device := f.enrolling(t)
	s := f.server(t)
	later.Store(int64(23*time.Hour - time.Minute)) // it ends in a minute
	b := began(t, s, device, "")
	later.Store(int64(23*time.Hour + time.Minute))
	name, value := bearer(t, auth.Reader)
	for path, request := range map[string]string{
		enrollPath:   object(t, map[string]any{"ekCertificates": [][]byte{device.Certificate().Raw}, "aikPublic": b.aik}),
		activatePath: b.body(t),
	} {
		w := do(t, s, http.MethodPost, path, request, name, value)
		wantRefusal(t, w, http.StatusBadRequest, "InvalidOperation")
		if !strings.Contains(w.Body.String(), "The operator makes another one: the certificate of authority") {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	found := 0
	for _, line := range lines() {
		if cause, _ := line["cause"].(string); strings.Contains(cause, "ended at") {
			found++
		}
	}
	if found != 2 {
		t.Errorf("%d lines of the log say why, want 2: %v", found, lines())
	}
}

func TestEnrollmentsStandInTheTrail(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, records := f.audited(t)
	f.config.AuditAttestations = false
	device := f.enrolling(t)
	s := f.server(t)
	b := began(t, s, device, "")
	name, value := bearer(t, auth.Reader)
	membersOf(t, do(t, s, http.MethodPost, activatePath, b.body(t), name, value))
	right := b.body(t)
	b.secret = []byte("wrong")
	wantRefusal(t, do(t, s, http.MethodPost, activatePath, b.body(t), name, value), http.StatusBadRequest, "InvalidParameter")
	wantRefusal(t, do(t, s, http.MethodPost, activatePath, right), http.StatusUnauthorized, "Unauthorized")

	found := records()
	got := found["ActivateTpmEnrollment"]
	if len(found) != 1 || len(got) != 3 {
		t.Fatalf("%d operations, %d activations, want 1 and 3", len(found), len(got))
	}
	public, err := tpm.ParsePublic(b.aik)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range got[:2] {
		d := e.Record.Properties.Details
		if d.AIKName != public.Name().String() || len(d.EKCertificateHash) != 64 || d.AttestationType != "Tpm" || e.Record.Category != audit.AuditEvent ||
			!strings.Contains(e.Record.Identity.CallerID, "development") {
			t.Errorf("record %d: %+v", i, e.Record)
		}
	}
	if got[0].Record.ResultType != audit.Succeeded || got[1].Record.ResultType != audit.Failed || got[2].Record.ResultSignature != "401" {
		t.Errorf("results %s, %s, %s", got[0].Record.ResultType, got[1].Record.ResultType, got[2].Record.ResultSignature)
	}
}

// A certificate is out in the world: none is given that the trail does not know.
func TestNothingIsEnrolledThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	trail, err := audit.Open(audit.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	device := f.enrolling(t)
	f.config.Audit = trail
	s := f.server(t)
	b := began(t, s, device, "") // of which no record is wanted
	if err := trail.Close(); err != nil {
		t.Fatal(err)
	}
	name, value := bearer(t, auth.Reader)
	w := do(t, s, http.MethodPost, activatePath, b.body(t), name, value)
	wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
	if strings.Contains(w.Body.String(), "change was made") {
		t.Error(w.Body)
	}

	// One that breaks once the request is under way.
	if trail, err = audit.Open(audit.Config{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	f.config.Audit = trail
	s = f.server(t)
	b = began(t, s, device, "")
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, activatePath, &breaking{strings.NewReader(b.body(t)), trail})
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(name, value)
	w = httptest.NewRecorder()
	s.ServeHTTP(w, r)
	wantRefusal(t, w, http.StatusServiceUnavailable, "ServiceUnavailable")
	if strings.Contains(w.Body.String(), "certificates") {
		t.Error(w.Body)
	}
}

// breaking closes a trail while a body is read.
type breaking struct {
	io.Reader
	trail *audit.Trail
}

func (b *breaking) Read(p []byte) (int, error) {
	if err := b.trail.Close(); err != nil {
		return 0, err
	}
	return b.Reader.Read(p)
}

func TestEnrollmentsCountAgainstLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Instance.PerSecond, f.config.Limits.Instance.Burst = 0.001, 2
	device := f.enrolling(t)
	s := f.server(t)
	name, value := bearer(t, auth.Reader)
	b := began(t, s, device, "")
	membersOf(t, do(t, s, http.MethodPost, activatePath, b.body(t), name, value))
	// The limit is that of attestations, not of what operators need.
	wantRefusal(t, do(t, s, http.MethodPost, activatePath, b.body(t), name, value), http.StatusTooManyRequests, "TooManyRequests")
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusTooManyRequests, "TooManyRequests")
	tokenOf(t, do(t, s, http.MethodGet, policyPath, "", name, value))
}
