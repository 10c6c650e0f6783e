package relyingparty_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// Every requirement of a report: met, missed, with its claim absent, and with its
// claim of another type; and what a report cannot have.
func TestReportRequirements(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	type config = relyingparty.Config
	type expected = relyingparty.Expected
	null := json.RawMessage("null")
	unbound := set{"x-ms-tpm-request-key": nil}
	certified := func(attributes, name int) set {
		return set{"x-ms-tpm-request-key": set{"jwk": confirmedJWK(), "info": set{"tpm_certify": set{"name_alg": name, "obj_attr": attributes, "auth_policy": ""}}}}
	}
	isResident := func(c *config) { c.RequireResidentKey = true }
	unboundToo := func(c *config) { c.AllowUnboundKey = true }
	nonce := expected{Nonce: "\x01\x02\x03\x04"}
	for name, c := range map[string]struct {
		config   func(*config) // nil for the usual one
		expected expected
		token    set
		missed   relyingparty.Requirement // "" for a token that is accepted
		claim    string
	}{
		"the default": {},

		"a type":                  {token: set{"x-ms-attestation-type": "tpm"}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"another type":            {token: set{"x-ms-attestation-type": "sgx"}, missed: relyingparty.RequirementType, claim: "x-ms-attestation-type"},
		"type null":               {token: set{"x-ms-attestation-type": null}, missed: relyingparty.RequirementClaims, claim: "x-ms-attestation-type"},
		"type in another case":    {token: set{"X-MS-Attestation-Type": "sgx"}, missed: relyingparty.RequirementClaims, claim: "X-MS-Attestation-Type"},
		"an enclave's claim":      {token: set{"x-ms-sgx-mrenclave": mrenclave}, missed: relyingparty.RequirementClaims, claim: "x-ms-sgx-mrenclave"},
		"an enclave's, in a case": {token: set{"x-MS-sgx-foo": 1}, missed: relyingparty.RequirementClaims, claim: "x-MS-sgx-foo"},
		"an enclave's data":       {token: set{"aas-ehd": "AQID"}, missed: relyingparty.RequirementClaims, claim: "aas-ehd"},
		"an enclave's collateral": {token: set{"maa-attestationcollateral": set{}}, missed: relyingparty.RequirementClaims, claim: "maa-attestationcollateral"},
		"a trust domain's":        {token: set{"tdx_mrtd": "00"}, missed: relyingparty.RequirementClaims, claim: "tdx_mrtd"},
		"a machine's of AMD":      {token: set{"x-ms-sevsnpvm-hostdata": "00"}, missed: relyingparty.RequirementClaims, claim: "x-ms-sevsnpvm-hostdata"},
		"a guest's":               {token: set{"x-ms-azurevm-vmid": "00"}, missed: relyingparty.RequirementClaims, claim: "x-ms-azurevm-vmid"},
		"an isolation":            {token: set{"x-ms-isolation-tee": set{}}, missed: relyingparty.RequirementClaims, claim: "x-ms-isolation-tee"},
		"runtime data":            {token: set{"x-ms-runtime": set{}}, missed: relyingparty.RequirementClaims, claim: "x-ms-runtime"},
		"init-time data":          {token: set{"x-ms-inittime": set{}}, missed: relyingparty.RequirementClaims, claim: "x-ms-inittime"},
		"claims of a policy":      {token: set{"x-ms-policy": set{}}, missed: relyingparty.RequirementClaims, claim: "x-ms-policy"},
		"an answer about policy":  {token: set{"x-ms-policy-result": "Updated"}, missed: relyingparty.RequirementClaims, claim: "x-ms-policy-result"},
		"one nobody knows":        {token: set{"x-ms-new": 1}, missed: relyingparty.RequirementClaims, claim: "x-ms-new"},
		"issuer in another case":  {token: set{"ISS": fabrikam}, missed: relyingparty.RequirementClaims, claim: "ISS"},
		"rp_data in another case": {token: set{"Rp_Data": "AQIDBA"}, missed: relyingparty.RequirementClaims, claim: "Rp_Data"},
		"a policy's tee":          {token: set{"tee": "sgx", "is-debuggable": true, "svn": "x"}},
		"another version":         {token: set{"x-ms-ver": "2.0"}, missed: relyingparty.RequirementClaims, claim: "x-ms-ver"},
		"version absent":          {token: set{"x-ms-ver": nil}, missed: relyingparty.RequirementClaims, claim: "x-ms-ver"},
		"simulated":               {token: set{"x-azattest-simulated": true}, missed: relyingparty.RequirementNotSimulated, claim: "x-azattest-simulated"},
		"simulated, allowed":      {config: func(c *config) { c.AllowSimulated = true }, token: set{"x-azattest-simulated": true}},

		"policy in hexadecimal":    {config: func(c *config) { c.PolicyHashes = []string{hexOf(t, policyHash(healthPolicy))} }},
		"policy missed":            {token: set{"x-ms-policy-hash": defaultPolicyHash}, missed: relyingparty.RequirementPolicy, claim: "x-ms-policy-hash"},
		"any policy":               {config: func(c *config) { c.PolicyHashes, c.AllowAnyPolicy = nil, true }, token: set{"x-ms-policy-hash": defaultPolicyHash}},
		"any, beside one":          {config: func(c *config) { c.AllowAnyPolicy = true }, token: set{"x-ms-policy-hash": defaultPolicyHash}, missed: relyingparty.RequirementPolicy, claim: "x-ms-policy-hash"},
		"any policy, absent":       {config: func(c *config) { c.PolicyHashes, c.AllowAnyPolicy = nil, true }, token: set{"x-ms-policy-hash": nil}, missed: relyingparty.RequirementPolicy, claim: "x-ms-policy-hash"},
		"a claim missed":           {token: set{"secureBootEnabled": false}, missed: relyingparty.RequirementClaim, claim: "secureBootEnabled"},
		"a claim absent":           {token: set{"secureBootEnabled": nil}, missed: relyingparty.RequirementClaim, claim: "secureBootEnabled"},
		"a claim of text":          {token: set{"secureBootEnabled": "true"}, missed: relyingparty.RequirementClaim, claim: "secureBootEnabled"},
		"a claim of several":       {token: set{"secureBootEnabled": []bool{true, false}}, missed: relyingparty.RequirementClaim, claim: "secureBootEnabled"},
		"a claim in another case":  {token: set{"secureBootEnabled": nil, "SecureBootEnabled": true}, missed: relyingparty.RequirementClaim, claim: "secureBootEnabled"},
		"debuggable":               {token: set{"bootDebuggingDisabled": false}, missed: relyingparty.RequirementClaim, claim: "bootDebuggingDisabled"},
		"debuggable, allowed":      {config: func(c *config) { c.Claims, c.AllowDebuggable = c.Claims[:2], true }, token: set{"bootDebuggingDisabled": false}},
		"how the key is bound":     {config: claimOfKey("sha-256")},
		"how it is bound, missed":  {config: claimOfKey("sha-384"), missed: relyingparty.RequirementClaim, claim: "x-ms-tpm-request-key/info/tpm_quote/hash_alg"},
		"age missed":               {config: func(c *config) { c.MaxAge = time.Hour }, token: set{"iat": now.Add(-2 * time.Hour).Unix()}, missed: relyingparty.RequirementAge, claim: "iat"},
		"age":                      {config: func(c *config) { c.MaxAge = time.Hour }, token: set{"iat": now.Add(-time.Hour).Unix()}},
		"runtime claims of a call": {expected: expected{RuntimeClaims: []byte("{}")}, missed: relyingparty.RequirementRuntimeClaims, claim: "x-ms-runtime"},
		"held data of a call":      {expected: expected{HeldData: []byte("x")}, missed: relyingparty.RequirementHeldData, claim: "x-ms-sgx-ehd"},

		"nonce":                    {expected: nonce},
		"nonce of text":            {expected: expected{Nonce: "4711"}, token: set{"nonce": "NDcxMQ", "rp_data": "NDcxMQ"}},
		"nonce missed":             {expected: expected{Nonce: "\x01\x02\x03\x05"}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce as it is written":   {expected: expected{Nonce: "AQIDBA"}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce that is padded":     {expected: nonce, token: set{"nonce": "AQIDBA==", "rp_data": "AQIDBA=="}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce absent":             {expected: nonce, token: set{"nonce": nil, "rp_data": nil}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"nonce nobody expects":     {},
		"nonce in rp_data alone":   {expected: nonce, token: set{"nonce": nil}, missed: relyingparty.RequirementNonce, claim: "rp_data"},
		"rp_data absent":           {expected: nonce, token: set{"rp_data": nil}, missed: relyingparty.RequirementNonce, claim: "rp_data"},
		"rp_data differs":          {token: set{"rp_data": "AQIDBB"}, missed: relyingparty.RequirementNonce, claim: "rp_data"},
		"nonce of another type":    {token: set{"nonce": 1}, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"rp_data of another type":  {token: set{"rp_data": []string{"AQIDBA"}}, missed: relyingparty.RequirementNonce, claim: "rp_data"},
		"nonce required":           {config: func(c *config) { c.RequireNonce = true }, expected: nonce},
		"nonce required, none":     {config: func(c *config) { c.RequireNonce = true }, missed: relyingparty.RequirementNonce, claim: "nonce"},
		"neither nonce nor a need": {token: set{"nonce": nil, "rp_data": nil}},

		"key":                         {expected: expected{ConfirmedKey: heldRSA().Public()}},
		"key of another":              {expected: expected{ConfirmedKey: aikKey().Public()}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"key of another type":         {expected: expected{ConfirmedKey: curvedKey().Public()}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"key that is private":         {expected: expected{ConfirmedKey: heldRSA()}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"key that is nil":             {expected: expected{ConfirmedKey: (*nilKey)(nil)}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"key of nothing":              {expected: expected{ConfirmedKey: new(nilKey)}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"no key":                      {token: set{"cnf": nil, "x-ms-tpm-request-key": nil}},
		"no key, null":                {token: set{"cnf": null, "x-ms-tpm-request-key": nil}},
		"no key, one expected":        {expected: expected{ConfirmedKey: heldRSA().Public()}, token: set{"cnf": nil, "x-ms-tpm-request-key": nil}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"no key, resident":            {config: isResident, token: set{"cnf": nil, "x-ms-tpm-request-key": nil}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"a binding of no key":         {token: set{"cnf": nil}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"private":                     {token: set{"cnf": set{"jwk": rsaJWK(set{"d": "AQAB"})}}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf/jwk"},
		"weak":                        {config: unboundToo, token: set{"cnf": set{"jwk": rsaJWK(set{"n": weakModulus()})}, "x-ms-tpm-request-key": nil}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf/jwk"},
		"two":                         {token: set{"cnf": set{"jwk": ecJWK(t, elliptic.P256(), nil)}}, missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key"},
		"unbound":                     {token: unbound, missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
		"unbound, allowed":            {config: unboundToo, token: unbound},
		"unbound, allowed, expected":  {config: unboundToo, token: unbound, expected: expected{ConfirmedKey: aikKey().Public()}, missed: relyingparty.RequirementConfirmedKey, claim: "cnf"},
		"bound by nothing":            {token: set{"x-ms-tpm-request-key": set{"jwk": confirmedJWK()}}, missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
		"quoted, to be resident":      {config: isResident, missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
		"certified":                   {token: certified(50, 11)},
		"resident":                    {config: isResident, token: certified(50|1<<18, 12)},
		"certified, may leave":        {token: certified(50&^2, 11), missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
		"certified, made elsewhere":   {token: certified(50&^32, 11), missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
		"certified, moves to another": {config: isResident, token: certified(50&^16, 11), missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
		"certified, name by SHA-1":    {token: certified(50, 4), missed: relyingparty.RequirementConfirmedKey, claim: "x-ms-tpm-request-key/info"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := healthConfig(t, i)
			if c.config != nil {
				c.config(&settings)
			}
			r, err := mustNew(t, settings).Verify(t.Context(), i.reportOf(t, c.token), c.expected)
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
			if r.SigningCertificate == nil || r.SigningCertificate.KeyID != i.reportKeyID() {
				t.Errorf("result %+v lacks the certificate of reports", r)
			}
		})
	}
}

// claimOfKey requires of the service's own claim how the key is bound.
func claimOfKey(hash string) func(*relyingparty.Config) {
	return func(c *relyingparty.Config) {
		c.Claims = append(c.Claims, relyingparty.Claim{Within: []string{"x-ms-tpm-request-key", "info", "tpm_quote"}, Name: "hash_alg", OneOf: []any{hash}})
	}
}

// What a report is, is told by the ID of the key that signed it.
func TestReportsAndOtherTokensAreToldApart(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	report, enclave := reportClaims(contoso).JSON(t), enclaveClaims(contoso).JSON(t)
	both := enclaveClaims(contoso).With(set{"x-ms-policy": nil}).JSON(t)
	tpms := healthConfig(t, i)
	enclaves := tpms
	enclaves.Types, enclaves.PolicyHashes, enclaves.Claims, enclaves.MRENCLAVE = nil, nil, nil, []string{mrenclave}
	for name, c := range map[string]struct {
		config relyingparty.Config
		token  string
		claim  string
	}{
		"an enclave's token with a report's claims":      {tpms, i.sign(t, report), ""},
		"an enclave's token":                             {tpms, i.sign(t, enclave), "x-ms-attestation-type"},
		"a report with an enclave's claims":              {tpms, i.signReport(t, enclave), "x-ms-attestation-type"},
		"a report, of an enclave":                        {enclaves, i.signReport(t, report), "x-ms-attestation-type"},
		"a report whose policy says that it is enclaves": {enclaves, i.signReport(t, both), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mustNew(t, c.config).Verify(t.Context(), c.token, relyingparty.Expected{})
			wantMissed(t, err, relyingparty.RequirementType, c.claim)
		})
	}
	if _, err := mustNew(t, enclaves).Verify(t.Context(), i.sign(t, enclave), relyingparty.Expected{}); err != nil {
		t.Errorf("an enclave of an instance that attests TPMs too: %v", err)
	}
}

// Microsoft's service signs reports with a key of their own, of a CA, which it
// publishes beside the others under the hash of its certificate.
func TestReportUnderAKeyOfACA(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []token.Algorithm{token.RS256, token.ES256} {
		enclaves, reports := newInstance(t, contoso, algorithm), newInstance(t, contoso, algorithm)
		ca, err := x509Chain(reports)
		if err != nil {
			t.Fatal(err)
		}
		kty := map[token.Algorithm]string{token.RS256: "RSA", token.ES256: "EC"}[algorithm]
		jwks := set{"keys": []set{
			{"kid": enclaves.Key.ID(), "kty": kty, "x5c": [][]byte{enclaves.Key.Certificate().Raw}},
			{"kid": ca.keyID, "kty": kty, "x5c": ca.chain},
		}}
		source, err := azattestation.NewKeySource(contoso, jwks.JSON(t))
		if err != nil {
			t.Fatal(err)
		}
		c := healthConfig(t, enclaves)
		c.Sources = []*azattestation.KeySource{source}
		raw := reportClaims(contoso).JSON(t)
		header := set{"alg": algorithm, "kid": ca.keyID, "typ": "JWT", "x5c": ca.chain}
		r, err := mustNew(t, c).Verify(t.Context(), reports.Sign(t, header, raw), relyingparty.Expected{})
		if err != nil || len(r.SigningCertificate.Chain) != 2 {
			t.Errorf("%s: %v", algorithm, err)
		}
		_, err = mustNew(t, c).Verify(t.Context(), enclaves.sign(t, raw), relyingparty.Expected{})
		wantMissed(t, err, relyingparty.RequirementType, "")
	}
}

// The two reports that were published are of the form that is accepted: signed
// anew, for their signatures are not known, and with a key of ours where theirs is
// cut short.
func TestPublishedReports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nonce   string
		claim   string
		binding relyingparty.KeyBinding
	}{
		"tpm-docs-2022-10.json":           {"REPLACE WITH RP NONCE", "", relyingparty.KeyBindingQuote},
		"tpm-healthattestation-2021.json": {"\x01\x02\x03\x04", "secureBootEnabled", relyingparty.KeyBindingNone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var published struct{ Payload set }
			if err := json.Unmarshal(corpus.Read(t, "maa", "tokens", name), &published); err != nil {
				t.Fatal(err)
			}
			said := published.Payload
			url, ok := said["iss"].(string)
			if !ok {
				t.Fatal("no issuer")
			}
			if c.binding == relyingparty.KeyBindingQuote {
				said["cnf"] = set{"jwk": confirmedJWK()}
				said["x-ms-tpm-request-key"] = set{"jwk": confirmedJWK(), "info": set{"tpm_quote": set{"hash_alg": "sha-256"}}}
			}
			i := newInstance(t, url, token.ES256)
			compact := i.signReport(t, said.JSON(t))
			settings := healthConfig(t, i)
			settings.PolicyHashes, settings.Claims, settings.AllowDebuggable = []string{said["x-ms-policy-hash"].(string)}, nil, true
			settings.MaxAge = time.Minute
			settings.Now = func() time.Time { return issuedAt(t, compact) }
			if c.claim != "" {
				settings.Claims = []relyingparty.Claim{{Name: c.claim, FromPolicy: true, OneOf: []any{true}}}
			}
			expected := relyingparty.Expected{Nonce: c.nonce}
			r, err := mustNew(t, settings).Verify(t.Context(), compact, expected)
			if c.binding == relyingparty.KeyBindingNone {
				wantMissed(t, err, relyingparty.RequirementConfirmedKey, "x-ms-tpm-request-key/info")
				settings.AllowUnboundKey = true
				r, err = mustNew(t, settings).Verify(t.Context(), compact, expected)
			}
			if err != nil {
				t.Fatal(err)
			}
			key, err := r.ConfirmedKey()
			if err != nil || key.Binding != c.binding || key.IsBound() != (c.binding == relyingparty.KeyBindingQuote) {
				t.Errorf("key %+v, %v", key, err)
			}
		})
	}
}

// Every key of a CA that Microsoft's service has published is under the ID of
// reports, and no other is.
func TestEveryRecordedKeyOfReports(t *testing.T) {
	t.Parallel()
	for _, k := range recordedKeys(t) {
		isHash := k.KeyID == keyIDOf(k.X5C[0])
		if isOfCA := len(k.X5C) > 1; isOfCA != isHash {
			t.Errorf("key %s: of a CA %t, under the hash of its certificate %t", k.KeyID, isOfCA, isHash)
		}
	}
}

// The nonce that the caller encoded himself is told from one that is wrong, and
// neither error shows it.
func TestReportNonceErrorsHelp(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	v := mustNew(t, healthConfig(t, i))
	for nonce, want := range map[string]string{
		"AQIDBA": "do not encode it", "geheim": "want the base64url of the one of this call", base64.StdEncoding.EncodeToString(nonceBytes): "another",
	} {
		_, err := v.Verify(t.Context(), i.reportOf(t), relyingparty.Expected{Nonce: nonce})
		e, ok := errors.AsType[*relyingparty.RequirementError](err)
		if !ok || !strings.Contains(e.Error(), want) || strings.Contains(e.Error(), nonce) {
			t.Errorf("%q: error %v, want %q", nonce, err, want)
		}
	}
}
