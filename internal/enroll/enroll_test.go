package enroll_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/testtpm"
	"github.com/azattest/azattest/internal/ticket"
)

const instance = "https://attest.example"

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

var secret = bytes.Repeat([]byte{1, 2, 3, 4}, 8)

// issuer is one for all that need no other.
var issuer = sync.OnceValues(func() (*enroll.Issuer, error) {
	return enroll.MakeIssuer(enroll.Template{Name: "test authority", Algorithm: enroll.ECDSA, Begin: noon.Add(-time.Hour), Lifetime: 24 * 365 * time.Hour})
})

func must[T any](tb testing.TB) func(T, error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func authoritiesOf(tb testing.TB, roots ...*x509.Certificate) *tpm.Authorities {
	tb.Helper()
	return must[*tpm.Authorities](tb)(tpm.NewAuthorities(tpm.Config{Roots: roots}))
}

// configOf is what an authority is made of that enrolls the TPMs of a vendor.
func configOf(tb testing.TB, now time.Time, roots ...*x509.Certificate) enroll.Config {
	tb.Helper()
	clock := func() time.Time { return now }
	return enroll.Config{
		Issuer: must[*enroll.Issuer](tb)(issuer()), EKs: authoritiesOf(tb, roots...), Lifetime: 30 * 24 * time.Hour, Clock: clock,
		Tickets: must[*ticket.Sealer](tb)(ticket.New(ticket.Config{Secrets: [][]byte{secret}, Lifetime: 5 * time.Minute, Clock: clock})),
	}
}

func authority(tb testing.TB, now time.Time, roots ...*x509.Certificate) *enroll.Authority {
	tb.Helper()
	return must[*enroll.Authority](tb)(enroll.New(configOf(tb, now, roots...)))
}

func softTPM(tb testing.TB) *testtpm.Soft {
	tb.Helper()
	return testtpm.NewSoft(tb, noon.AddDate(0, -1, 0), noon.AddDate(0, 1, 0))
}

func begun(tb testing.TB, a *enroll.Authority, s *testtpm.Soft, aik []byte) *enroll.Challenge {
	tb.Helper()
	return must[*enroll.Challenge](tb)(a.Begin(tb.Context(), instance, enroll.BeginRequest{EKCertificates: [][]byte{s.Certificate().Raw}, AIKPublic: aik}))
}

func TestEnrollment(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	a := authority(t, noon, s.Root())
	aik := s.NewAIK(t, testtpm.AIKAttributes)
	c := begun(t, a, s, aik)
	found := must[[]byte](t)(s.Activate(aik, c.IDObject, c.EncryptedSecret))
	if bytes.Contains(c.Context, found) || len(found) != 32 {
		t.Fatalf("a secret of %d bytes, which the context may show", len(found))
	}
	// Another replica goes on, four minutes later.
	b := authority(t, noon.Add(4*time.Minute), s.Root())
	enrolled := must[*enroll.Enrolled](t)(b.Activate(t.Context(), instance, enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: aik}))
	if len(enrolled.Chain) != 2 || !bytes.Equal(enrolled.Chain[1], a.Issuer().Certificate().Raw) {
		t.Fatalf("a chain of %d certificates", len(enrolled.Chain))
	}
	leaf := must[*x509.Certificate](t)(tpm.ParseCertificate(enrolled.Chain[0]))
	key := must[*tpm.AIK](t)(authoritiesOf(t, a.Issuer().Certificate()).VerifyAIK(leaf, nil, noon.Add(4*time.Minute)))
	public := must[*tpm.Public](t)(tpm.ParsePublic(aik))
	must[*tpm.AIK](t)(key.WithPublic(public))
	if !key.IsValidated() {
		t.Error("the AIK is not validated")
	}
	ekHash := sha256.Sum256(s.Certificate().Raw)
	want := enroll.Subject{AIKName: public.Name().String(), EKHash: hex.EncodeToString(ekHash[:])}
	if c.Subject != want || enrolled.Subject != want {
		t.Errorf("subjects %v and %v, want %v", c.Subject, enrolled.Subject, want)
	}
	// Once more, while the challenge lives: another certificate.
	again := must[*enroll.Enrolled](t)(a.Activate(t.Context(), instance, enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: aik}))
	if bytes.Equal(again.Chain[0], enrolled.Chain[0]) {
		t.Error("two certificates are the same")
	}
}

func TestBeginRefuses(t *testing.T) {
	t.Parallel()
	s, other := softTPM(t), softTPM(t)
	past := testtpm.NewSoft(t, noon.AddDate(0, -2, 0), noon.AddDate(0, -1, 0))
	future := testtpm.NewSoft(t, noon.AddDate(0, 1, 0), noon.AddDate(0, 2, 0))
	a := authority(t, noon, s.Root(), past.Root(), future.Root())
	aik, ek := s.NewAIK(t, testtpm.AIKAttributes), s.Certificate().Raw
	many := make([][]byte, 10)
	for i := range many {
		many[i] = ek
	}
	for name, tt := range map[string]struct {
		request enroll.BeginRequest
		stage   evidence.Stage
		code    evidence.Code
	}{
		"no certificate":       {enroll.BeginRequest{AIKPublic: aik}, evidence.StageParse, evidence.CodeMissing},
		"too many":             {enroll.BeginRequest{EKCertificates: many, AIKPublic: aik}, evidence.StageParse, evidence.CodeTooLarge},
		"no certificate's DER": {enroll.BeginRequest{EKCertificates: [][]byte{[]byte("hello")}, AIKPublic: aik}, evidence.StageParse, evidence.CodeMalformed},
		"trailing bytes":       {enroll.BeginRequest{EKCertificates: [][]byte{append(bytes.Clone(ek), 0)}, AIKPublic: aik}, evidence.StageParse, evidence.CodeMalformed},
		"a huge certificate":   {enroll.BeginRequest{EKCertificates: [][]byte{make([]byte, 17<<10)}, AIKPublic: aik}, evidence.StageParse, evidence.CodeTooLarge},
		"another vendor":       {enroll.BeginRequest{EKCertificates: [][]byte{other.Certificate().Raw}, AIKPublic: aik}, evidence.StageChain, evidence.CodeUntrustedRoot},
		"another vendor, sent along": {
			enroll.BeginRequest{EKCertificates: [][]byte{other.Certificate().Raw, other.Root().Raw}, AIKPublic: aik}, evidence.StageChain, evidence.CodeUntrustedRoot,
		},
		"expired":              {enroll.BeginRequest{EKCertificates: [][]byte{past.Certificate().Raw}, AIKPublic: aik}, evidence.StageChain, evidence.CodeExpired},
		"not yet valid":        {enroll.BeginRequest{EKCertificates: [][]byte{future.Certificate().Raw}, AIKPublic: aik}, evidence.StageChain, evidence.CodeNotYetValid},
		"an authority for EK":  {enroll.BeginRequest{EKCertificates: [][]byte{s.Root().Raw}, AIKPublic: aik}, evidence.StageChain, evidence.CodeMalformed},
		"an AIK's certificate": {enroll.BeginRequest{EKCertificates: [][]byte{enrolled(t, a, s).Chain[0]}, AIKPublic: aik}, evidence.StageChain, evidence.CodeMismatch},
		"another key's area":   {enroll.BeginRequest{EKCertificates: [][]byte{ek}, EKPublic: aik, AIKPublic: aik}, tpm.StageKey, evidence.CodeMismatch},
		"an empty area":        {enroll.BeginRequest{EKCertificates: [][]byte{ek}, EKPublic: []byte{}, AIKPublic: aik}, evidence.StageParse, evidence.CodeTruncated},
		"not restricted":       {enroll.BeginRequest{EKCertificates: [][]byte{ek}, AIKPublic: s.NewAIK(t, testtpm.SigningAttributes)}, tpm.StageKey, evidence.CodeMismatch},
		"made elsewhere":       {enroll.BeginRequest{EKCertificates: [][]byte{ek}, AIKPublic: s.NewAIK(t, testtpm.AIKAttributes&^(1<<5))}, tpm.StageKey, evidence.CodeMismatch},
		"no AIK":               {enroll.BeginRequest{EKCertificates: [][]byte{ek}}, evidence.StageParse, evidence.CodeTruncated},
		"half an AIK":          {enroll.BeginRequest{EKCertificates: [][]byte{ek}, AIKPublic: aik[:len(aik)-1]}, evidence.StageParse, evidence.CodeTruncated},
		"more than an AIK":     {enroll.BeginRequest{EKCertificates: [][]byte{ek}, AIKPublic: append(bytes.Clone(aik), 0)}, evidence.StageParse, evidence.CodeTrailingData},
		"a huge AIK":           {enroll.BeginRequest{EKCertificates: [][]byte{ek}, AIKPublic: make([]byte, 2<<10)}, evidence.StageParse, evidence.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := a.Begin(t.Context(), instance, tt.request)
			e, ok := errors.AsType[*evidence.Error](err)
			if !ok || c != nil || e.Stage != tt.stage || e.Code != tt.code {
				t.Errorf("got %v, want %s/%s", err, tt.stage, tt.code)
			}
		})
	}
}

// enrolled is a whole enrollment.
func enrolled(tb testing.TB, a *enroll.Authority, s *testtpm.Soft) *enroll.Enrolled {
	tb.Helper()
	aik := s.NewAIK(tb, testtpm.AIKAttributes)
	c := begun(tb, a, s, aik)
	found := must[[]byte](tb)(s.Activate(aik, c.IDObject, c.EncryptedSecret))
	return must[*enroll.Enrolled](tb)(a.Activate(tb.Context(), instance, enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: aik}))
}

func TestActivateRefuses(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	a := authority(t, noon, s.Root())
	aik, otherAIK := s.NewAIK(t, testtpm.AIKAttributes), s.NewAIK(t, testtpm.AIKAttributes)
	c := begun(t, a, s, aik)
	found := must[[]byte](t)(s.Activate(aik, c.IDObject, c.EncryptedSecret))
	if _, err := s.Activate(otherAIK, c.IDObject, c.EncryptedSecret); err == nil {
		t.Error("the credential opens beside another AIK")
	}
	flipped := bytes.Clone(found)
	flipped[31] ^= 1
	tickets := configOf(t, noon, s.Root()).Tickets
	challenge := must[[]byte](t)(tickets.Seal(ticket.Challenge, instance, []byte("a challenge of an attestation")))
	var wrong [][]byte
	for _, payload := range []string{"", "short", strings.Repeat("x", 65), strings.Repeat("x", 64) + "\x00more", strings.Repeat("x", 64) + "\x04more"} {
		wrong = append(wrong, must[[]byte](t)(tickets.Seal(ticket.Enrollment, instance, []byte(payload))))
	}
	good := enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: aik}
	with := func(change func(*enroll.ActivateRequest)) enroll.ActivateRequest {
		r := good
		change(&r)
		return r
	}
	tests := map[string]struct {
		at       time.Duration
		instance string
		request  enroll.ActivateRequest
		reason   enroll.Reason
	}{
		"another secret":      {0, instance, with(func(r *enroll.ActivateRequest) { r.Secret = flipped }), enroll.ReasonSecret},
		"no secret":           {0, instance, with(func(r *enroll.ActivateRequest) { r.Secret = nil }), enroll.ReasonSecret},
		"a part of it":        {0, instance, with(func(r *enroll.ActivateRequest) { r.Secret = found[:31] }), enroll.ReasonSecret},
		"more than it":        {0, instance, with(func(r *enroll.ActivateRequest) { r.Secret = append(bytes.Clone(found), 0) }), enroll.ReasonSecret},
		"another AIK":         {0, instance, with(func(r *enroll.ActivateRequest) { r.AIKPublic = otherAIK }), enroll.ReasonKey},
		"another instance":    {0, instance + "/b", good, enroll.ReasonContext},
		"too late":            {5 * time.Minute, instance, good, enroll.ReasonExpired},
		"another use":         {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = challenge }), enroll.ReasonContext},
		"no context":          {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = nil }), enroll.ReasonContext},
		"a changed context":   {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = append(bytes.Clone(c.Context), ' ') }), enroll.ReasonContext},
		"a huge context":      {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = make([]byte, 1<<20) }), enroll.ReasonContext},
		"a context of ours 0": {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = wrong[0] }), enroll.ReasonContext},
		"a context of ours 1": {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = wrong[1] }), enroll.ReasonContext},
		"a context of ours 2": {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = wrong[2] }), enroll.ReasonContext},
		"a context of ours 3": {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = wrong[3] }), enroll.ReasonContext},
		"a context of ours 4": {0, instance, with(func(r *enroll.ActivateRequest) { r.Context = wrong[4] }), enroll.ReasonContext},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := authority(t, noon.Add(tt.at), s.Root()).Activate(t.Context(), tt.instance, tt.request)
			e, ok := errors.AsType[*enroll.Error](err)
			if !ok || got != nil || e.Reason != tt.reason || e.Subject.AIKName == "" || len(err.Error()) > 400 {
				t.Fatalf("got %v, want %s", err, tt.reason)
			}
			for _, secret := range [][]byte{found, flipped} {
				if strings.Contains(err.Error(), hex.EncodeToString(secret[:8])) || bytes.Contains([]byte(err.Error()), secret[:8]) {
					t.Errorf("a secret is in the error: %v", err)
				}
			}
		})
	}
	for name, public := range map[string][]byte{
		"no AIK": nil, "trailing bytes": append(bytes.Clone(aik), 0), "not restricted": s.NewAIK(t, testtpm.SigningAttributes),
	} {
		_, err := a.Activate(t.Context(), instance, enroll.ActivateRequest{Context: c.Context, Secret: found, AIKPublic: public})
		if _, ok := errors.AsType[*evidence.Error](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Another service, with secrets of its own, has begun nothing of this.
func TestActivateIsForWhoHasBegun(t *testing.T) {
	t.Parallel()
	s := softTPM(t)
	c := configOf(t, noon, s.Root())
	c.Tickets = must[*ticket.Sealer](t)(ticket.New(ticket.Config{Lifetime: time.Minute, Clock: c.Clock}))
	stranger := must[*enroll.Authority](t)(enroll.New(c))
	aik := s.NewAIK(t, testtpm.AIKAttributes)
	challenge := begun(t, stranger, s, aik)
	found := must[[]byte](t)(s.Activate(aik, challenge.IDObject, challenge.EncryptedSecret))
	_, err := authority(t, noon, s.Root()).Activate(t.Context(), instance, enroll.ActivateRequest{Context: challenge.Context, Secret: found, AIKPublic: aik})
	if e, ok := errors.AsType[*enroll.Error](err); !ok || e.Reason != enroll.ReasonContext {
		t.Error(err)
	}
}
