package azattestation_test

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// TestScenarioTokenCreate makes tokens with and without key and body, and reads
// them back.
func TestScenarioTokenCreate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key       crypto.Signer
		algorithm string
	}{"unsecured": {nil, "none"}, "secured RSA": {rsaKey(), "RS256"}, "secured EC": {ecKey(), "ES256"}} {
		for _, policy := range []string{"a policy", "", "naïve → \x00 ☃"} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				t.Parallel()
				var key *azattestation.SigningKey
				if c.key != nil {
					key = signingKeyOf(c.key, "creator")
				}
				p, err := azattestation.NewPolicyToken(policy, key)
				if err != nil {
					t.Fatal(err)
				}
				token := parse(t, p.String())
				again, err := azattestation.ParsePolicyToken(p.String())
				if err != nil || again.Policy() != policy || token.Algorithm() != c.algorithm || again.SHA256() != p.SHA256() {
					t.Errorf("policy %q, alg %s (%v)", again.Policy(), token.Algorithm(), err)
				}
				assertJSON(t, string(token.Payload()), jsonOf(object{"AttestationPolicy": b64([]byte(policy))}))
				if key == nil {
					if string(token.Header()) != `{"alg":"none"}` || len(token.Signature()) != 0 || len(p.Signer()) != 0 {
						t.Errorf("header %s", token.Header())
					}
					checkToken(t, p.VerifySignature(), azattestation.TokenCheckAlgorithm)
					return
				}
				if signer, err := token.VerifySigner(); err != nil || !signer[0].Equal(key.Certificate()) {
					t.Errorf("signer %v (%v)", signer, err)
				}
			})
		}
	}
}

// TestScenarioTokenEmptyBody: the token of a reset has none, and no property of
// it panics.
func TestScenarioTokenEmptyBody(t *testing.T) {
	t.Parallel()
	const reset = "eyJhbGciOiJub25lIn0.."
	token := parse(t, reset)
	into := map[string]any{"kept": true}
	if err := token.Claims(&into); err != nil || len(into) != 1 {
		t.Errorf("claims %v (%v)", into, err)
	}
	if len(token.Payload()) != 0 || token.Issuer() != "" || !token.ExpiresOn().IsZero() || !token.NotBefore().IsZero() || !token.IssuedOn().IsZero() || token.KeyID() != "" {
		t.Errorf("token %+v", token)
	}
	checkToken(t, token.Validate(t.Context(), source(t), nil), azattestation.TokenCheckAlgorithm)
	p, err := azattestation.ParsePolicyToken(reset)
	if err != nil || p.Policy() != "" || p.String() != reset {
		t.Errorf("policy %q (%v)", p.Policy(), err)
	}
	signedEmpty := parse(t, compact(`{"alg":"RS256","kid":"k"}`, "", rs256(rsaKey())))
	checkToken(t, signedEmpty.Validate(t.Context(), source(t), nil), azattestation.TokenCheckExpiration)
}

func TestScenarioTokenWrongKeyForCertificate(t *testing.T) {
	t.Parallel()
	_, err := azattestation.NewSigningKey(rsaKey(), certificateOf(otherRSAKey(), "another"))
	if e := errorOf[*azattestation.ArgumentError](t, err); e != nil && e.Argument != "certificate" {
		t.Errorf("error %v", err)
	}
	// A token whose x5c is another key's does not hold either.
	header := jsonOf(object{"alg": "RS256", "x5c": jwk("", certificateOf(otherRSAKey(), "x"))["x5c"]})
	_, err = parse(t, compact(header, "", rs256(rsaKey()))).VerifySigner()
	checkToken(t, err, azattestation.TokenCheckSignature)
}

func TestScenarioTokenWeakKey(t *testing.T) {
	t.Parallel()
	cert := certificateOf(weakRSAKey(), "weak")
	_, err := azattestation.NewSigningKey(weakRSAKey(), cert)
	if e := errorOf[*azattestation.ArgumentError](t, err); e != nil && e.Found != "RSA of 1024 bits" {
		t.Errorf("error %v", err)
	}
	err = parse(t, compact(`{"alg":"RS256","kid":"weak"}`, claimsOf(nil), rs256(weakRSAKey()))).Validate(t.Context(), source(t, jwk("weak", cert)), nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
	header := jsonOf(object{"alg": "RS256", "x5c": jwk("", cert)["x5c"]})
	_, err = parse(t, compact(header, "", rs256(weakRSAKey()))).VerifySigner()
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
}

// TestScenarioTokenTimes holds exp and nbf against the clock: outside and inside
// the slack, exactly at its end, and with the check left out.
func TestScenarioTokenTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	const slack = 10 * time.Second
	none := azattestation.TokenCheck("")
	for name, c := range map[string]struct {
		exp, nbf time.Duration // relative to at
		slack    time.Duration
		skip     azattestation.TokenCheck
		fails    azattestation.TokenCheck
	}{
		"valid":                           {time.Hour, -time.Hour, slack, none, none},
		"expired":                         {-time.Hour, -2 * time.Hour, slack, none, azattestation.TokenCheckExpiration},
		"expired, not checked":            {-time.Hour, -2 * time.Hour, slack, azattestation.TokenCheckExpiration, none},
		"expired, only nbf left out":      {-time.Hour, -2 * time.Hour, slack, azattestation.TokenCheckNotBefore, azattestation.TokenCheckExpiration},
		"expired inside the slack":        {-9 * time.Second, -time.Hour, slack, none, none},
		"expired at the slack":            {-slack, -time.Hour, slack, none, none},
		"expired a second beyond":         {-slack - time.Second, -time.Hour, slack, none, azattestation.TokenCheckExpiration},
		"no slack, now":                   {0, 0, -1, none, none},
		"no slack, a second ago":          {-time.Second, -time.Hour, -1, none, azattestation.TokenCheckExpiration},
		"no slack, in a second":           {time.Hour, time.Second, -1, none, azattestation.TokenCheckNotBefore},
		"default slack":                   {-time.Minute, -time.Hour, 0, none, none},
		"beyond the default slack":        {-time.Minute - time.Second, -time.Hour, 0, none, azattestation.TokenCheckExpiration},
		"slack of a day":                  {-23 * time.Hour, -48 * time.Hour, 24 * time.Hour, none, none},
		"beyond a slack of a day":         {-25 * time.Hour, -48 * time.Hour, 24 * time.Hour, none, azattestation.TokenCheckExpiration},
		"slack of 90 seconds still ends":  {-time.Hour, -2 * time.Hour, 90 * time.Second, none, azattestation.TokenCheckExpiration},
		"not yet valid":                   {2 * time.Hour, time.Hour, slack, none, azattestation.TokenCheckNotBefore},
		"not yet valid, not checked":      {2 * time.Hour, time.Hour, slack, azattestation.TokenCheckNotBefore, none},
		"not yet valid, only exp left":    {2 * time.Hour, time.Hour, slack, azattestation.TokenCheckExpiration, azattestation.TokenCheckNotBefore},
		"not yet valid, inside the slack": {time.Hour, 9 * time.Second, slack, none, none},
		"not yet valid, at the slack":     {time.Hour, slack, slack, none, none},
		"not yet valid, beyond the slack": {time.Hour, slack + time.Second, slack, none, azattestation.TokenCheckNotBefore},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := &azattestation.TokenValidationOptions{At: at, TimeSlack: c.slack}
			if c.skip != "" {
				options.Skip = []azattestation.TokenCheck{c.skip}
			}
			token := parse(t, signed("k", object{"exp": at.Add(c.exp).Unix(), "nbf": at.Add(c.nbf).Unix()}))
			err := token.Validate(t.Context(), source(t), options)
			if c.fails == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			checkToken(t, err, c.fails)
		})
	}
}

func TestScenarioTokenDatesAbsentOrOdd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change object
		fails  azattestation.TokenCheck
	}{
		"no exp":        {object{"exp": nil}, azattestation.TokenCheckExpiration},
		"exp of text":   {object{"exp": "9999999999"}, azattestation.TokenCheckExpiration},
		"exp null":      {object{"exp": json.RawMessage("null")}, azattestation.TokenCheckExpiration},
		"exp true":      {object{"exp": true}, azattestation.TokenCheckExpiration},
		"exp list":      {object{"exp": []int{9999999999}}, azattestation.TokenCheckExpiration},
		"exp negative":  {object{"exp": -1}, azattestation.TokenCheckExpiration},
		"exp 1e300":     {object{"exp": json.RawMessage("1e300")}, azattestation.TokenCheckExpiration},
		"exp 1e999":     {object{"exp": json.RawMessage("1e999")}, azattestation.TokenCheckExpiration},
		"exp of 2^64":   {object{"exp": json.RawMessage("18446744073709551616")}, azattestation.TokenCheckExpiration},
		"exp in 9999":   {object{"exp": json.RawMessage("253402300799")}, ""},
		"exp of case":   {object{"exp": nil, "EXP": 9999999999}, azattestation.TokenCheckExpiration},
		"no nbf":        {object{"nbf": nil}, ""},
		"nbf of text":   {object{"nbf": "0"}, azattestation.TokenCheckNotBefore},
		"nbf null":      {object{"nbf": json.RawMessage("null")}, azattestation.TokenCheckNotBefore},
		"no iat":        {object{"iat": nil}, ""},
		"iat in future": {object{"iat": 9999999999}, ""}, // it says nothing of validity
	} {
		err := parse(t, signed("k", c.change)).Validate(t.Context(), source(t), nil)
		if c.fails == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.fails != "" {
			checkToken(t, err, c.fails)
		}
	}
}

// TestScenarioTokenFloatDates: services before April 2021 wrote fractions.
func TestScenarioTokenFloatDates(t *testing.T) {
	t.Parallel()
	token := parse(t, signed("k", object{"iat": json.RawMessage("1617920664.0"), "nbf": json.RawMessage("1.617920664e9"), "exp": json.RawMessage("1617949464.75")}))
	if token.IssuedOn() != time.Unix(1617920664, 0).UTC() || token.NotBefore() != token.IssuedOn() || token.ExpiresOn() != time.Unix(1617949464, 750_000_000).UTC() {
		t.Errorf("dates %s, %s, %s", token.IssuedOn(), token.NotBefore(), token.ExpiresOn())
	}
	at := time.Unix(1617949464, 500_000_000)
	for later, fails := range map[time.Duration]bool{0: false, 250 * time.Millisecond: false, 251 * time.Millisecond: true} {
		err := token.Validate(t.Context(), source(t), &azattestation.TokenValidationOptions{At: at.Add(later), TimeSlack: -1})
		if (err != nil) != fails {
			t.Errorf("after %s: %v", later, err)
		}
	}
	var r azattestation.AttestationResult
	if err := token.Claims(&r); err != nil || !r.IssuedOn.Equal(token.IssuedOn()) || r.IssuedOn.Location() != time.UTC {
		t.Errorf("issued on %v (%v)", r.IssuedOn, err)
	}
}

func TestScenarioTokenIssuer(t *testing.T) {
	t.Parallel()
	skip := []azattestation.TokenCheck{azattestation.TokenCheckIssuer}
	for name, c := range map[string]struct {
		claim    any
		expected string
		skip     []azattestation.TokenCheck
		fails    bool
	}{
		"match":                {tokenIssuer, "", nil, false},
		"match, slash":         {tokenIssuer + "/", "", nil, false},
		"match of the options": {"https://other.example", "https://other.example", nil, false},
		"mismatch":             {"https://other.example", "", nil, true},
		"mismatch of options":  {tokenIssuer, "https://other.example", nil, true},
		"mismatch, left out":   {"https://other.example", "", skip, false},
		"absent":               {nil, "", nil, true},
		"absent, left out":     {nil, "", skip, false},
		"empty":                {"", "", nil, true},
		"number":               {1, "", nil, true},
		"list":                 {[]string{tokenIssuer}, "", nil, true},
		"case":                 {strings.ToUpper(tokenIssuer), "", nil, true},
		"prefix":               {tokenIssuer + ".attacker.example", "", nil, true},
		"path":                 {tokenIssuer + "/other", "", nil, true},
		"http":                 {"http://issuer.example", "", nil, true},
		"NUL":                  {tokenIssuer + "\x00", "", nil, true},
	} {
		err := parse(t, signed("k", object{"iss": c.claim})).Validate(t.Context(), source(t), &azattestation.TokenValidationOptions{Issuer: c.expected, Skip: c.skip})
		if !c.fails && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c.fails {
			checkToken(t, err, azattestation.TokenCheckIssuer)
		}
	}
}

// TestScenarioTokenCallback is called once all else has passed, with the
// certificate of the key: its kid, and the instance as its subject.
func TestScenarioTokenCallback(t *testing.T) {
	t.Parallel()
	i := newInstance(t, modeAAD)
	rejected := errors.New("MRSIGNER is not ours")
	var calls int
	var result error
	options := &azattestation.TokenValidationOptions{Callback: func(ctx context.Context, token *azattestation.Token, signer *azattestation.SigningCertificate) error {
		calls++
		if ctx == nil || signer.KeyID != token.KeyID() || signer.KeyID != i.issuer.KeyID() || token.Issuer() != i.issuer.URL() || signer.Chain[0].Subject.CommonName != token.Issuer() {
			t.Errorf("callback with %+v of %s", signer, token.Issuer())
		}
		return result
	}}
	call := func() error {
		_, err := i.client(t).AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{TokenValidation: options})
		return err
	}
	if err := call(); err != nil || calls != 1 {
		t.Errorf("error %v after %d calls", err, calls)
	}
	result = rejected
	err := call()
	checkToken(t, err, azattestation.TokenCheckCallback)
	if !errors.Is(err, rejected) {
		t.Errorf("error %v", err)
	}
	calls = 0
	for _, bad := range []string{signed("k", object{"exp": 1}), signed("k", object{"iss": "x"}), signed("other", nil), compact(`{"alg":"none"}`, claimsOf(nil), noSignature)} {
		if err := parse(t, bad).Validate(t.Context(), source(t), options); err == nil || calls != 0 {
			t.Errorf("%d calls for a bad token (%v)", calls, err)
		}
	}
}

// TestScenarioTokenCallbackChangesNoKey: what it is given is its own.
func TestScenarioTokenCallbackChangesNoKey(t *testing.T) {
	t.Parallel()
	keys := source(t)
	options := &azattestation.TokenValidationOptions{Callback: func(_ context.Context, _ *azattestation.Token, signer *azattestation.SigningCertificate) error {
		signer.KeyID, signer.Chain[0] = "other", certificateOf(otherRSAKey(), "other")
		return nil
	}}
	for range 2 {
		if err := parse(t, signed("k", nil)).Validate(t.Context(), keys, options); err != nil {
			t.Error(err)
		}
	}
}

// TestScenarioTokenCallbackWithoutSignature is given no certificate.
func TestScenarioTokenCallbackWithoutSignature(t *testing.T) {
	t.Parallel()
	calls := 0
	options := &azattestation.TokenValidationOptions{
		Skip: []azattestation.TokenCheck{azattestation.TokenCheckSignature},
		Callback: func(_ context.Context, _ *azattestation.Token, signer *azattestation.SigningCertificate) error {
			if calls++; signer != nil {
				t.Errorf("signer %+v", signer)
			}
			return nil
		},
	}
	for _, text := range []string{compact(`{"alg":"none"}`, claimsOf(nil), noSignature), compact(`{"alg":"RS256","kid":"unknown"}`, claimsOf(nil), hs256(nil))} {
		if err := parse(t, text).Validate(t.Context(), source(t), options); err != nil {
			t.Error(err)
		}
	}
	i := newInstance(t, modeAAD)
	options.Skip = nil
	if _, err := i.client(t).AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{DraftPolicy: new(permitPolicy), TokenValidation: options}); err != nil || calls != 3 {
		t.Errorf("draft: %v, %d calls", err, calls)
	}
}

// TestScenarioTokenValidationOff leaves out all that can be left out, for the
// client or one call, with a bad token each.
func TestScenarioTokenValidationOff(t *testing.T) {
	t.Parallel()
	off := &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{
		azattestation.TokenCheckSignature, azattestation.TokenCheckExpiration, azattestation.TokenCheckNotBefore, azattestation.TokenCheckIssuer, azattestation.TokenCheckNonce,
	}}
	bad := compact(`{"alg":"HS256"}`, `{"x-ms-sgx-svn":3,"exp":"never"}`, noSignature)
	if err := parse(t, bad).Validate(t.Context(), nil, off); err != nil {
		t.Errorf("without a source: %v", err)
	}
	if err := parse(t, bad).Validate(t.Context(), nil, nil); errorOf[*azattestation.ArgumentError](t, err) == nil {
		t.Error("without a source, all is checked")
	}
	_, tr := answering(t, bad)
	options := optionsFor(tr)
	options.TokenValidation = off
	_, err := clientOf(t, tokenIssuer, options).AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{Nonce: new("n")})
	if e := errorOf[*azattestation.AnswerError](t, err); e != nil && e.Part != "claim exp" { // its claims must still be claims
		t.Errorf("error %v", err)
	}
	_, tr = answering(t, compact(`{"alg":"HS256"}`, `{"x-ms-sgx-svn":3}`, noSignature))
	client := clientOf(t, tokenIssuer, optionsFor(tr))
	r, err := client.AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{TokenValidation: off})
	if err != nil || *r.SVN != 3 {
		t.Errorf("per call: %v", err)
	}
	_, err = client.AttestSGXEnclave(t.Context(), evidence, nil)
	checkToken(t, err, azattestation.TokenCheckAlgorithm)
}
