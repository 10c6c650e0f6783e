package attest_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

func TestTokenIsSignedAndSaysWhatTheResponseSays(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	c := newConfig(t, v)
	answer := mustAttest(t, newService(t, c), request())

	parsed, err := jose.ParseSignedCompact(answer.Token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := parsed.Verify(c.Issuer.Ring().Current().Certificate().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(answer.Claims.AppendJSON(nil)); got != string(payload) {
		t.Errorf("the response's claims are %s, the token's %s", got, payload)
	}
	if answer.Result != v.result {
		t.Error("the response does not hold the verifier's result")
	}
}

// The verifier's result may be shared between requests.
func TestAttestLeavesTheVerifiersResultAlone(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	nonce := "n"
	r := request()
	r.RuntimeData = &attest.Data{Bytes: []byte(runtime)}
	r.Nonce = &nonce
	answer := mustAttest(t, newService(t, newConfig(t, v)), r)
	answer.Claims.Put("x-ms-sgx-svn", claims.Integer(99))
	fresh := newResult()
	if !v.result.Claims.Equal(fresh.Claims) || !v.result.PolicyOnly.Equal(fresh.PolicyOnly) || !v.result.TokenOnly.Equal(fresh.TokenOnly) {
		t.Error("the result changed")
	}
}

func TestClockAndLifetime(t *testing.T) {
	t.Parallel()
	archived := time.Date(2022, time.November, 17, 0, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		change       func(*attest.Config)
		wantLifetime int64
		wantVerified time.Time
	}{
		"as it is":                 {func(*attest.Config) {}, 28800, at},
		"short tokens":             {func(c *attest.Config) { c.TokenLifetime = time.Minute }, 60, at},
		"a year":                   {func(c *attest.Config) { c.TokenLifetime = 365 * 24 * time.Hour }, 31536000, at},
		"archived, but issued now": {func(c *attest.Config) { c.VerifyAt = archived }, 28800, archived},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &fakeVerifier{result: newResult()}
			c := newConfig(t, v)
			tt.change(&c)
			answer := mustAttest(t, newService(t, c), request())
			for claim, want := range map[string]int64{"iat": at.Unix(), "nbf": at.Unix(), "exp": at.Unix() + tt.wantLifetime} {
				if got, _ := answer.Claims.First(claim); got != claims.Integer(want) {
					t.Errorf("%s = %s, want %d", claim, got, want)
				}
			}
			if got := v.lastAsked(t).At; !got.Equal(tt.wantVerified) {
				t.Errorf("verified as of %s, want %s", got, tt.wantVerified)
			}
		})
	}
}

// One reading of the clock serves a request, so that what was verified and what
// was issued speak of the same moment.
func TestClockIsReadOnce(t *testing.T) {
	t.Parallel()
	readings := 0
	v := &fakeVerifier{result: newResult()}
	c := newConfig(t, v)
	c.Clock = func() time.Time { readings++; return at.Add(time.Duration(readings) * time.Hour) }
	mustAttest(t, newService(t, c), request())
	if readings != 1 {
		t.Errorf("the clock was read %d times, want once", readings)
	}
}

func TestWithoutClockAndRandomTheRealOnesServe(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Clock, c.Random = nil, nil
	before := time.Now().Unix()
	answer := mustAttest(t, newService(t, c), request())
	iat, _ := answer.Claims.First("iat")
	if seconds, _ := iat.Int(); seconds < before || seconds > time.Now().Unix() {
		t.Errorf("iat = %s, want now", iat)
	}
	jti, _ := answer.Claims.First("jti")
	if text, _ := jti.Str(); text == strings.Repeat("0", 64) {
		t.Error("the token ID is all zeros")
	}
}

func TestTokenIDs(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Random = nil
	s := newService(t, c)
	seen := map[string]bool{}
	for range 64 {
		jti, _ := mustAttest(t, s, request()).Claims.First("jti")
		text, _ := jti.Str()
		if raw, err := hex.DecodeString(text); err != nil || len(raw) != 32 || text != strings.ToLower(text) {
			t.Fatalf("jti = %s, want 64 hexadecimal digits in lower case", jti)
		}
		if seen[text] {
			t.Fatalf("jti %s was given twice", text)
		}
		seen[text] = true
	}
}

func TestNoTokenWithoutRandomness(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Random = strings.NewReader("only 16 bytes...")
	answer, err := newService(t, c).Attest(t.Context(), request())
	if !errors.Is(err, io.ErrUnexpectedEOF) || answer != nil {
		t.Errorf("answer %v, error %v; want %v", answer, err, io.ErrUnexpectedEOF)
	}
}

func TestAttestConcurrently(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Random = nil
	s := newService(t, c)
	draft := policy.DefaultSEVSNP
	var mu sync.Mutex
	seen := map[claims.Value]bool{}
	var wg sync.WaitGroup
	const callers, each = 8, 10
	for i := range callers {
		wg.Go(func() {
			for range each {
				r := request()
				r.RuntimeData = &attest.Data{Bytes: []byte(runtime), JSON: i%2 == 0}
				if i%3 == 0 {
					r.DraftPolicy = &draft
				}
				answer, err := s.Attest(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				jti, _ := answer.Claims.First("jti")
				mu.Lock()
				seen[jti] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(seen) != callers*each {
		t.Errorf("%d token IDs for %d tokens", len(seen), callers*each)
	}
}

func TestContextEnds(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		v := &fakeVerifier{result: newResult()}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := newService(t, newConfig(t, v)).Attest(ctx, request()); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
		if len(v.asked) > 0 {
			t.Error("the evidence was verified although nobody waits")
		}
	})
	t.Run("in the verifier", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		v := &fakeVerifier{result: newResult(), verify: func(ctx context.Context) error { cancel(); return ctx.Err() }}
		if _, err := newService(t, newConfig(t, v)).Attest(ctx, request()); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	})
	for name, draft := range map[string]*string{"before signing": nil, "before a draft's token": new(policy.DefaultSGX)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			v := &fakeVerifier{result: newResult(), verify: func(context.Context) error { cancel(); return nil }}
			r := request()
			r.DraftPolicy = draft
			answer, err := newService(t, newConfig(t, v)).Attest(ctx, r)
			if !errors.Is(err, context.Canceled) || answer != nil {
				t.Errorf("answer %v, error %v; want %v", answer, err, context.Canceled)
			}
		})
	}
}

func TestVerifiersErrorsPassUnchanged(t *testing.T) {
	t.Parallel()
	refusal := &evidence.Error{Stage: evidence.StageSignature, Code: evidence.CodeBadSignature, Part: "quote", Offset: -1}
	unreachable := errors.New("collateral out of reach")
	tests := map[string]struct {
		verifier *fakeVerifier
		want     error
	}{
		"parse":     {&fakeVerifier{result: newResult(), parse: func([]byte) (evidence.Evidence, error) { return nil, refusal }}, refusal},
		"verify":    {&fakeVerifier{result: newResult(), verify: func(context.Context) error { return refusal }}, refusal},
		"undecided": {&fakeVerifier{result: newResult(), verify: func(context.Context) error { return unreachable }}, unreachable},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer, err := newService(t, newConfig(t, tt.verifier)).Attest(t.Context(), request())
			if err != tt.want || answer != nil { //nolint:errorlint // the very same error is what is asked for
				t.Errorf("answer %v, error %v; want %v", answer, err, tt.want)
			}
		})
	}
}

// Verifiers are trusted code, but a gap in what they say must not become a
// token.
func TestIncompleteResultsAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*evidence.Result)
		want   string
	}{
		"no type":                 {func(r *evidence.Result) { r.Type = "" }, "no attestation type"},
		"no claims":               {func(r *evidence.Result) { r.Claims = nil }, "no claims"},
		"empty claims":            {func(r *evidence.Result) { r.Claims = new(claims.Set) }, "no claims"},
		"no runtime binding":      {func(r *evidence.Result) { r.RuntimeBinding = nil }, "0 bytes to which runtime data"},
		"short runtime binding":   {func(r *evidence.Result) { r.RuntimeBinding = r.RuntimeBinding[:31] }, "31 bytes to which runtime data"},
		"short init-time binding": {func(r *evidence.Result) { r.InitTimeBinding = []byte{} }, "0 bytes to which init-time data"},
		"no TCB":                  {func(r *evidence.Result) { r.TCB = nil }, "no TCB"},
		"no TCB status":           {func(r *evidence.Result) { r.TCB.Status = "" }, "TCB statuses"},
		"unknown platform status": {func(r *evidence.Result) { r.TCB.Platform = "Fine" }, "TCB statuses"},
		"unknown QE status":       {func(r *evidence.Result) { r.TCB.QE = "ok" }, "TCB statuses"},
		"another type in the claims": {func(r *evidence.Result) {
			r.Claims.Put("x-ms-attestation-type", claims.String("tdxvm"))
		}, `attestation type "sgx"`},
		"two types in the claims": {func(r *evidence.Result) {
			r.Claims.Add("x-ms-attestation-type", claims.String("tdxvm"))
		}, `attestation type "sgx"`},
		"collateral older than demanded": {func(r *evidence.Result) { r.TCB.EvaluationDataNumber = 14 }, "number 14 where 15 was demanded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &fakeVerifier{result: newResult()}
			v.parse = func([]byte) (evidence.Evidence, error) { return fakeEvidence{newResult().Claims}, nil }
			tt.change(v.result)
			c := newConfig(t, v)
			c.AzureDefaultTCB = 15
			wantRefusal[error](t, newService(t, c), request(), tt.want)
		})
	}
	for name, v := range map[string]evidence.Verifier{
		"no result":               resultless{},
		"no evidence":             &fakeVerifier{parse: func([]byte) (evidence.Evidence, error) { return nil, nil }},
		"evidence without claims": &fakeVerifier{parse: func([]byte) (evidence.Evidence, error) { return fakeEvidence{}, nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal[error](t, newService(t, newConfig(t, v)), request(), name)
		})
	}
}

// resultless verifies and says nothing.
type resultless struct{}

func (resultless) Parse([]byte) (evidence.Evidence, error) {
	return fakeEvidence{newResult().Claims}, nil
}

func (resultless) Verify(context.Context, evidence.Evidence, evidence.Requirements) (*evidence.Result, error) {
	return nil, nil
}

func TestResultsWithoutOptionalPartsServe(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	v.result.PolicyOnly, v.result.TokenOnly, v.result.InitTimeBinding = nil, nil, nil
	v.result.Claims.Put("x-ms-attestation-type")
	answer := mustAttest(t, newService(t, newConfig(t, v)), request())
	for _, name := range []string{"x-ms-attestation-type", "tee"} { // the policy sees it, too
		if got, _ := answer.Claims.First(name); got != claims.String("sgx") {
			t.Errorf("%s = %s, want sgx", name, got)
		}
	}
}

func TestRequestsRefused(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	c := newConfig(t, v)
	delete(c.Verifiers, attest.OpenEnclave)
	s := newService(t, c)
	long, latin1 := strings.Repeat("n", 4<<10+1), "caf\xe9"
	tests := map[string]struct {
		request *attest.Request
		want    string
	}{
		"none":               {nil, "missing"},
		"type not served":    {&attest.Request{Type: attest.OpenEnclave}, `"OpenEnclave" is not served here`},
		"type unknown":       {&attest.Request{Type: "sgxenclave"}, "not served"},
		"no type":            {&attest.Request{}, "not served"},
		"runtime data long":  {&attest.Request{Type: attest.SGXEnclave, RuntimeData: &attest.Data{Bytes: make([]byte, 256<<10+1)}}, "runtime data: 262145 bytes"},
		"inittime data long": {&attest.Request{Type: attest.SGXEnclave, InitTimeData: &attest.Data{Bytes: make([]byte, 256<<10+1)}}, "init-time data: 262145 bytes"},
		"nonce long":         {&attest.Request{Type: attest.SGXEnclave, Nonce: &long}, "nonce: 4097 bytes"},
		"nonce not UTF-8":    {&attest.Request{Type: attest.SGXEnclave, Nonce: &latin1}, "not valid UTF-8"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRefusal[*attest.RequestError](t, s, tt.request, tt.want)
		})
	}
	t.Cleanup(func() {
		if len(v.asked) > 0 {
			t.Error("evidence was verified for a request that makes no sense")
		}
	})
}
