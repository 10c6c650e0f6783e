package relyingparty_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// Every requirement: met, missed, with its claim absent, and with its claim of
// another type.
func TestRequirements(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	type config = relyingparty.Config
	type expected = relyingparty.Expected
	other := strings.Repeat("ab", 32)
	policyOf := func(c set) set { return set{"x-ms-policy": c} }
	for name, c := range map[string]struct {
		config   func(*config) // nil for the usual one
		expected expected
		token    set
		missed   relyingparty.Requirement // "" for a token that is accepted
		claim    string
	}{
		"the default": {},

		"type":                  {token: set{"x-ms-attestation-type": "tdxvm"}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"type in another case":  {token: set{"x-ms-attestation-type": "SGX"}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"type absent":           {token: set{"x-ms-attestation-type": nil}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"type null":             {token: set{"x-ms-attestation-type": json.RawMessage("null")}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"type of another type":  {token: set{"x-ms-attestation-type": 1}, missed: relyingparty.RequirementClaims, claim: "x-ms-attestation-type"},
		"type of several":       {token: set{"x-ms-attestation-type": []string{"sgx", "tdxvm"}}, missed: relyingparty.RequirementClaims, claim: "x-ms-attestation-type"},
		"type one of two":       {config: func(c *config) { c.MRENCLAVE, c.AllowAnyEnclave, c.Types = nil, true, []string{"tdxvm", "sgx"} }},
		"only the deprecated":   {token: set{"x-ms-attestation-type": nil, "tee": "sgx"}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"only in another case":  {token: set{"x-ms-attestation-type": nil, "X-MS-Attestation-Type": "sgx"}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"only what policy says": {token: set{"x-ms-attestation-type": nil, "x-ms-policy": set{"tee": "sgx"}}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},

		"simulated":               {token: set{"x-azattest-simulated": true}, missed: relyingparty.RequirementNotSimulated, claim: "x-azattest-simulated"},
		"simulated, allowed":      {config: func(c *config) { c.AllowSimulated = true }, token: set{"x-azattest-simulated": true}},
		"simulated and something": {token: set{"x-azattest-simulated": []any{true, "perhaps"}}, missed: relyingparty.RequirementNotSimulated, claim: "x-azattest-simulated"},
		"simulated, false":        {token: set{"x-azattest-simulated": false}, missed: relyingparty.RequirementNotSimulated, claim: "x-azattest-simulated"},
		"simulated, null":         {token: set{"x-azattest-simulated": json.RawMessage("null")}, missed: relyingparty.RequirementNotSimulated, claim: "x-azattest-simulated"},

		"debuggable":                 {token: set{"x-ms-sgx-is-debuggable": true}, missed: relyingparty.RequirementNotDebuggable, claim: "x-ms-sgx-is-debuggable"},
		"debuggable, allowed":        {config: func(c *config) { c.AllowDebuggable = true }, token: set{"x-ms-sgx-is-debuggable": true}},
		"debuggable absent":          {token: set{"x-ms-sgx-is-debuggable": nil}, missed: relyingparty.RequirementNotDebuggable, claim: "x-ms-sgx-is-debuggable"},
		"debuggable absent, allowed": {config: func(c *config) { c.AllowDebuggable = true }, token: set{"x-ms-sgx-is-debuggable": nil}},
		"debuggable null":            {token: set{"x-ms-sgx-is-debuggable": json.RawMessage("null")}, missed: relyingparty.RequirementNotDebuggable, claim: "x-ms-sgx-is-debuggable"},
		"debuggable of another type": {token: set{"x-ms-sgx-is-debuggable": "false"}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-is-debuggable"},
		"debuggable, policy says no": {token: set{"x-ms-sgx-is-debuggable": true, "is-debuggable": false}, missed: relyingparty.RequirementNotDebuggable, claim: "x-ms-sgx-is-debuggable"},

		"MRENCLAVE in capitals":     {config: func(c *config) { c.MRENCLAVE = []string{strings.ToUpper(mrenclave)} }},
		"MRENCLAVE, one of two":     {config: func(c *config) { c.MRENCLAVE = []string{other, mrenclave} }},
		"MRENCLAVE missed":          {config: func(c *config) { c.MRENCLAVE = []string{other} }, missed: relyingparty.RequirementEnclave, claim: "x-ms-sgx-mrenclave"},
		"MRENCLAVE absent":          {token: set{"x-ms-sgx-mrenclave": nil}, missed: relyingparty.RequirementEnclave, claim: "x-ms-sgx-mrenclave"},
		"MRENCLAVE empty":           {token: set{"x-ms-sgx-mrenclave": ""}, missed: relyingparty.RequirementEnclave, claim: "x-ms-sgx-mrenclave"},
		"MRENCLAVE with more":       {token: set{"x-ms-sgx-mrenclave": mrenclave + "00"}, missed: relyingparty.RequirementEnclave, claim: "x-ms-sgx-mrenclave"},
		"MRENCLAVE of another type": {token: set{"x-ms-sgx-mrenclave": []string{mrenclave}}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-mrenclave"},
		"MRENCLAVE of the policy":   {token: set{"x-ms-sgx-mrenclave": other, "sgx-mrenclave": mrenclave}, missed: relyingparty.RequirementEnclave, claim: "x-ms-sgx-mrenclave"},

		"signer":                     {config: func(c *config) { c.Signers = signers(mrsigner, 1, 4) }},
		"signer in capitals":         {config: func(c *config) { c.Signers = signers(strings.ToUpper(mrsigner), 1, 4) }},
		"signer of a later version":  {config: func(c *config) { c.Signers = signers(mrsigner, 1, 3) }},
		"signer, second of two":      {config: func(c *config) { c.Signers = append(signers(other, 1, 4), signers(mrsigner, 1, 4)...) }},
		"signer twice, two products": {config: func(c *config) { c.Signers = append(signers(mrsigner, 2, 9), signers(mrsigner, 1, 4)...) }},
		"signer missed":              {config: func(c *config) { c.Signers = signers(other, 1, 4) }, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-mrsigner"},
		"signer absent":              {config: func(c *config) { c.Signers = signers(mrsigner, 1, 4) }, token: set{"x-ms-sgx-mrsigner": nil}, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-mrsigner"},
		"signer of another type":     {token: set{"x-ms-sgx-mrsigner": 7}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-mrsigner"},
		"product missed":             {config: func(c *config) { c.Signers = signers(mrsigner, 2, 4) }, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-product-id"},
		"product absent":             {config: func(c *config) { c.Signers = signers(mrsigner, 1, 4) }, token: set{"x-ms-sgx-product-id": nil}, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-product-id"},
		"product absent, zero":       {config: func(c *config) { c.Signers = signers(mrsigner, 0, 0) }, token: set{"x-ms-sgx-product-id": nil}, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-product-id"},
		"product of another type":    {token: set{"x-ms-sgx-product-id": "1"}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-product-id"},
		"product beyond 16 bits":     {config: func(c *config) { c.Signers = signers(mrsigner, 1, 4) }, token: set{"x-ms-sgx-product-id": 65537}, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-product-id"},
		"SVN missed":                 {config: func(c *config) { c.Signers = signers(mrsigner, 1, 5) }, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-svn"},
		"SVN missed, others farther": {config: func(c *config) { c.Signers = append(signers(mrsigner, 1, 5), signers(mrsigner, 2, 0)...) }, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-svn"},
		"SVN absent":                 {config: func(c *config) { c.Signers = signers(mrsigner, 1, 0) }, token: set{"x-ms-sgx-svn": nil}, missed: relyingparty.RequirementSigner, claim: "x-ms-sgx-svn"},
		"SVN of another type":        {token: set{"x-ms-sgx-svn": 4.5}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-svn"},
		"signer but not enclave":     {config: func(c *config) { c.MRENCLAVE, c.Signers = []string{other}, signers(mrsigner, 1, 4) }, missed: relyingparty.RequirementEnclave, claim: "x-ms-sgx-mrenclave"},

		"policy":                 {config: func(c *config) { c.PolicyHashes = []string{defaultPolicyHash} }},
		"policy in hexadecimal":  {config: func(c *config) { c.PolicyHashes = []string{other, hexOf(t, defaultPolicyHash)} }},
		"policy missed":          {config: func(c *config) { c.PolicyHashes = []string{other} }, missed: relyingparty.RequirementPolicy, claim: "x-ms-policy-hash"},
		"policy absent":          {config: func(c *config) { c.PolicyHashes = []string{other} }, token: set{"x-ms-policy-hash": nil}, missed: relyingparty.RequirementPolicy, claim: "x-ms-policy-hash"},
		"policy short":           {config: func(c *config) { c.PolicyHashes = []string{other} }, token: set{"x-ms-policy-hash": "q6s"}, missed: relyingparty.RequirementPolicy, claim: "x-ms-policy-hash"},
		"policy of another type": {token: set{"x-ms-policy-hash": "=%"}, missed: relyingparty.RequirementClaims, claim: "x-ms-policy-hash"},

		"policy speaks for the service":        {token: policyOf(set{"x-ms-sgx-mrenclave": mrenclave}), missed: relyingparty.RequirementClaims, claim: "x-ms-policy/x-ms-sgx-mrenclave"},
		"policy speaks for it in capitals":     {token: policyOf(set{"X-MS-Runtime": set{}}), missed: relyingparty.RequirementClaims, claim: "x-ms-policy/X-MS-Runtime"},
		"policy speaks for another kind":       {token: policyOf(set{"tdx_mrtd": "00"}), missed: relyingparty.RequirementClaims, claim: "x-ms-policy/tdx_mrtd"},
		"policy says when":                     {token: policyOf(set{"iat": 0}), missed: relyingparty.RequirementClaims, claim: "x-ms-policy/iat"},
		"policy says simulated":                {config: func(c *config) { c.AllowSimulated = true }, token: policyOf(set{"x-azattest-simulated": false}), missed: relyingparty.RequirementClaims, claim: "x-ms-policy/x-azattest-simulated"},
		"policy's claims of another type":      {token: set{"x-ms-policy": "none"}, missed: relyingparty.RequirementClaims, claim: "x-ms-policy"},
		"claims that nobody asked for, strict": {token: set{"x-ms-sgx-config-svn": "0"}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-config-svn"},

		"age":               {config: func(c *config) { c.MaxAge = time.Hour }, token: issued(-time.Hour)},
		"age, with slack":   {config: func(c *config) { c.MaxAge = time.Hour }, token: issued(-time.Hour - time.Minute)},
		"age missed":        {config: func(c *config) { c.MaxAge = time.Hour }, token: issued(-time.Hour - time.Minute - time.Second), missed: relyingparty.RequirementAge, claim: "iat"},
		"age without slack": {config: func(c *config) { c.MaxAge, c.TimeSlack = time.Hour, -1 }, token: issued(-time.Hour - time.Second), missed: relyingparty.RequirementAge, claim: "iat"},
		"age to come":       {config: func(c *config) { c.MaxAge = time.Hour }, token: set{"iat": now.Add(2 * time.Minute).Unix()}, missed: relyingparty.RequirementAge, claim: "iat"},
		"age absent":        {config: func(c *config) { c.MaxAge = time.Hour }, token: set{"iat": nil}, missed: relyingparty.RequirementAge, claim: "iat"},
		"age of another type": {
			config: func(c *config) { c.MaxAge = time.Hour }, token: set{"iat": "yesterday"}, missed: relyingparty.RequirementClaims, claim: "iat",
		},

		"nonce":                 {expected: expected{Nonce: "n1"}, token: set{"nonce": "n1"}},
		"nonce nobody expects":  {token: set{"nonce": "n1"}},
		"nonce missed":          {expected: expected{Nonce: "n1"}, token: set{"nonce": "n2"}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce absent":          {expected: expected{Nonce: "n1"}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce of another type": {expected: expected{Nonce: "1"}, token: set{"nonce": 1}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce only in rp_data": {expected: expected{Nonce: "n1"}, token: set{"rp_data": "n1"}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce required":        {config: func(c *config) { c.RequireNonce = true }, expected: expected{Nonce: "n1"}, token: set{"nonce": "n1"}},
		"nonce required, the call has none": {
			config: func(c *config) { c.RequireNonce = true }, token: set{"nonce": "n1"}, missed: relyingparty.RequirementNonce, claim: "nonce",
		},
		"nonce required, neither has one": {
			config: func(c *config) { c.RequireNonce = true }, token: set{"nonce": ""}, missed: relyingparty.RequirementNonce, claim: "nonce",
		},

		"held data":                   {expected: expected{HeldData: []byte("key")}, token: set{"x-ms-sgx-ehd": "a2V5"}},
		"held data missed":            {expected: expected{HeldData: []byte("key")}, token: set{"x-ms-sgx-ehd": "a2V6"}, missed: relyingparty.RequirementHeldData, claim: "x-ms-sgx-ehd"},
		"held data absent":            {expected: expected{HeldData: []byte("key")}, missed: relyingparty.RequirementHeldData, claim: "x-ms-sgx-ehd"},
		"held data, empty and absent": {expected: expected{HeldData: []byte{}}, missed: relyingparty.RequirementHeldData, claim: "x-ms-sgx-ehd"},
		"held data only deprecated":   {expected: expected{HeldData: []byte("key")}, token: set{"aas-ehd": "a2V5", "maa-ehd": "a2V5"}, missed: relyingparty.RequirementHeldData, claim: "x-ms-sgx-ehd"},
		"held data of another type":   {expected: expected{HeldData: []byte("key")}, token: set{"x-ms-sgx-ehd": set{}}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-ehd"},
		"runtime claims":              {expected: expected{RuntimeClaims: []byte(` {"b":[1,{"c":null}],"a":"x"} `)}, token: set{"x-ms-runtime": json.RawMessage(`{"a":"\u0078","b":[1,{"c":null}]}`)}},
		"runtime claims missed":       {expected: expected{RuntimeClaims: []byte(`{"a":1}`)}, token: set{"x-ms-runtime": set{"a": "1"}}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"runtime claims with more":    {expected: expected{RuntimeClaims: []byte(`{"a":1}`)}, token: set{"x-ms-runtime": set{"a": 1, "b": 1}}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"runtime claims, big numbers": {expected: expected{RuntimeClaims: []byte(`{"a":9007199254740993}`)}, token: set{"x-ms-runtime": json.RawMessage(`{"a":9007199254740992}`)}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"runtime claims absent":       {expected: expected{RuntimeClaims: []byte(`{}`)}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"runtime claims twice":        {expected: expected{RuntimeClaims: []byte(`{"a":{"b":2}}`)}, token: set{"x-ms-runtime": json.RawMessage(`{"a":{"b":1,"b":2}}`)}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"runtime claims, bottomless":  {expected: expected{RuntimeClaims: []byte(`{}`)}, token: set{"x-ms-runtime": json.RawMessage(strings.Repeat("[", 100) + strings.Repeat("]", 100))}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"runtime claims of another type": {
			expected: expected{RuntimeClaims: []byte(`{}`)}, token: set{"x-ms-runtime": "{}"}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := i.config(t)
			if c.config != nil {
				c.config(&settings)
			}
			r, err := mustNew(t, settings).Verify(t.Context(), i.token(t, c.token), c.expected)
			if c.missed != "" {
				if r != nil {
					t.Errorf("a result beside error %v", err)
				}
				wantMissed(t, err, c.missed, c.claim)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Claims.Token == nil || r.SigningCertificate == nil || r.SigningCertificate.KeyID != i.Key.ID() {
				t.Errorf("result %+v lacks the token or the key's certificate", r)
			}
			if _, simulated := c.token["x-azattest-simulated"]; r.Simulated != simulated {
				t.Errorf("simulated %t, want %t", r.Simulated, simulated)
			}
		})
	}
}

func signers(hash string, product, svn uint16) []relyingparty.Signer {
	return []relyingparty.Signer{{MRSIGNER: hash, ProductID: product, MinSVN: svn}}
}

func issued(ago time.Duration) set {
	return set{"iat": now.Add(ago).Unix(), "nbf": now.Add(ago).Unix()}
}

// What a token does not hold by is the client library's to say.
func TestTokensThatDoNotHold(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	next := i.neighbor(t, fabrikam)
	stranger := newInstance(t, contoso, token.ES256)
	good := i.token(t)
	header := func(changes set) string {
		h := set{"alg": "ES256", "kid": i.Key.ID(), "typ": "JWT"}
		return i.Sign(t, h.With(changes), enclaveClaims(contoso).JSON(t))
	}
	for name, c := range map[string]struct {
		token string
		check azattestation.TokenCheck
	}{
		"empty":               {"", azattestation.TokenCheckFormat},
		"three words":         {"a.b.c", azattestation.TokenCheckFormat},
		"another's signature": {i.token(t, set{"jti": "1"})[:strings.LastIndex(i.token(t, set{"jti": "1"}), ".")] + good[strings.LastIndex(good, "."):], azattestation.TokenCheckSignature},
		"no claims":           {"eyJhbGciOiJub25lIn0..", azattestation.TokenCheckIssuer},
		"unsigned":            {header(set{"alg": "none"}), azattestation.TokenCheckAlgorithm},
		"another alg":         {header(set{"alg": "RS256"}), azattestation.TokenCheckAlgorithm},
		"no kid":              {header(set{"kid": ""}), azattestation.TokenCheckSigningKey},
		// Whoever shares the key shares its kid: only iss tells them apart.
		"of a neighbor":          {next.token(t), azattestation.TokenCheckIssuer},
		"of no issuer":           {i.token(t, set{"iss": nil}), azattestation.TokenCheckIssuer},
		"issuer is a slash":      {i.token(t, set{"iss": "/"}), azattestation.TokenCheckIssuer},
		"issuer is longer":       {i.token(t, set{"iss": contoso + ".evil.example"}), azattestation.TokenCheckIssuer},
		"of a stranger":          {stranger.token(t), azattestation.TokenCheckSigningKey},
		"with a jku of his own":  {stranger.Sign(t, set{"alg": "ES256", "kid": i.Key.ID(), "jku": fabrikam + "/certs"}, claimsOf(t, good)), azattestation.TokenCheckSignature},
		"expired":                {i.token(t, set{"exp": now.Add(-2 * time.Minute).Unix()}), azattestation.TokenCheckExpiration},
		"without an end":         {i.token(t, set{"exp": nil}), azattestation.TokenCheckExpiration},
		"to come":                {i.token(t, set{"nbf": now.Add(2 * time.Minute).Unix()}), azattestation.TokenCheckNotBefore},
		"a claim that is twice":  {i.sign(t, []byte(`{"iss":"`+contoso+`","iss":"`+contoso+`"}`)), azattestation.TokenCheckFormat},
		"claims that are a list": {i.sign(t, []byte(`[]`)), azattestation.TokenCheckFormat},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mustNew(t, i.config(t)).Verify(t.Context(), c.token, relyingparty.Expected{})
			wantInvalid(t, err, c.check)
		})
	}
}

// A token is held against the keys of its own instance, and of no other trusted
// one.
func TestSeveralInstances(t *testing.T) {
	t.Parallel()
	a, b := newInstance(t, contoso, token.ES256), newInstance(t, fabrikam, token.ES256)
	c := a.config(t)
	c.Sources = append(c.Sources, b.Source(t))
	v := mustNew(t, c)
	for _, text := range []string{a.token(t), b.token(t), b.token(t, set{"iss": fabrikam + "/"})} {
		if _, err := v.Verify(t.Context(), text, relyingparty.Expected{}); err != nil {
			t.Error(err)
		}
	}
	_, err := v.Verify(t.Context(), b.token(t, set{"iss": contoso}), relyingparty.Expected{})
	wantInvalid(t, err, azattestation.TokenCheckSigningKey)
}

func TestExpectedRuntimeClaimsAreNoJSON(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	for _, text := range []string{"", "{", "{}{}", `{"a":1,"a":1}`, `{1:2}`, `[1,`, `{"a"`} {
		_, err := mustNew(t, i.config(t)).Verify(t.Context(), i.token(t, set{"x-ms-runtime": set{}}), relyingparty.Expected{RuntimeClaims: []byte(text)})
		if err == nil || !strings.HasPrefix(err.Error(), "relyingparty: Expected.RuntimeClaims: ") {
			t.Errorf("%q: error %v, want one about the argument", text, err)
		}
	}
}

// Errors are of one line, bounded, and say no nonce.
func TestRequirementErrorsAreFitForALog(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	v := mustNew(t, i.config(t))
	for name, c := range map[string]struct {
		token    set
		expected relyingparty.Expected
		want     string
	}{
		"control characters": {
			token: set{"x-ms-attestation-type": "a\n\x1b[31m\xff"},
			want:  "relyingparty: token is not what is wanted: attestation type: claim x-ms-attestation-type: a\uFFFD\uFFFD[31m\uFFFD, want sgx",
		},
		"long": {
			token: set{"x-ms-sgx-mrenclave": strings.Repeat("x", 1000)},
			want:  "relyingparty: token is not what is wanted: enclave: claim x-ms-sgx-mrenclave: " + strings.Repeat("x", 100) + "…, want " + mrenclave,
		},
		"nonce": {
			token: set{"nonce": "secret"}, expected: relyingparty.Expected{Nonce: "geheim"},
			want: "relyingparty: token is not what is wanted: nonce: claim nonce: another, want the one of this call",
		},
		"cause": {
			token: set{"x-ms-sgx-svn": "one"},
			want:  `relyingparty: token is not what is wanted: claims: claim x-ms-sgx-svn: "one", want an integer of 32 bits`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(t.Context(), i.token(t, c.token), c.expected)
			if err == nil || err.Error() != c.want {
				t.Errorf("error %v\nwant  %s", err, c.want)
			}
		})
	}
}
