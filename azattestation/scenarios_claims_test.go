package azattestation_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// claimCases are the claims that the REST API names, each with a value and where it
// goes.
func claimCases() map[string]struct {
	value string
	field func(*azattestation.AttestationResult) any
	want  any
} {
	type result = *azattestation.AttestationResult
	cert := certificateOf(ecKey(), "policy signer")
	key := `{"alg":"ES256","kty":"EC","use":"sig","x5c":["` + base64.StdEncoding.EncodeToString(cert.Raw) + `"]}`
	jwk := &azattestation.JSONWebKey{Algorithm: new("ES256"), KeyType: new("EC"), Use: new("sig"), Certificates: []*x509.Certificate{cert}}
	collateral := `{"qeidcertshash":"1","qeidcrlhash":"2","qeidhash":"3","quotehash":"4","tcbinfocertshash":"5","tcbinfocrlhash":"6","tcbinfohash":"7"}`
	digests := &azattestation.SGXCollateral{
		QEIDCertsHash: new("1"), QEIDCRLHash: new("2"), QEIDHash: new("3"), QuoteHash: new("4"), TCBInfoCertsHash: new("5"), TCBInfoCRLHash: new("6"), TCBInfoHash: new("7"),
	}
	date := new(time.Unix(1650000000, 0).UTC())
	return map[string]struct {
		value string
		field func(*azattestation.AttestationResult) any
		want  any
	}{
		"iss":                              {`"https://i"`, func(r result) any { return r.Issuer }, new("https://i")},
		"jti":                              {`"ab"`, func(r result) any { return r.UniqueID }, new("ab")},
		"iat":                              {`1650000000`, func(r result) any { return r.IssuedOn }, date},
		"exp":                              {`1650000000`, func(r result) any { return r.ExpiresOn }, date},
		"nbf":                              {`1650000000`, func(r result) any { return r.NotBefore }, date},
		"nonce":                            {`"n"`, func(r result) any { return r.Nonce }, new("n")},
		"cnf":                              {`{"jwk":{"kty":"RSA","n":"AQ"}}`, func(r result) any { return r.Confirmation }, json.RawMessage(`{"jwk":{"kty":"RSA","n":"AQ"}}`)},
		"x-ms-ver":                         {`"1.0"`, func(r result) any { return r.Version }, new("1.0")},
		"x-ms-attestation-type":            {`"sgx"`, func(r result) any { return r.AttestationType }, new("sgx")},
		"x-ms-policy-hash":                 {`"-_8"`, func(r result) any { return r.PolicyHash }, []byte{0xFB, 0xFF}},
		"x-ms-policy-signer":               {key, func(r result) any { return r.PolicySigner }, jwk},
		"x-ms-policy":                      {`{"a":1,"b":[true]}`, func(r result) any { return r.PolicyClaims }, map[string]json.RawMessage{"a": json.RawMessage("1"), "b": json.RawMessage("[true]")}},
		"x-ms-runtime":                     {`{"keys":[9007199254740993]}`, func(r result) any { return r.RuntimeClaims }, json.RawMessage(`{"keys":[9007199254740993]}`)},
		"x-ms-inittime":                    {`[1]`, func(r result) any { return r.InitTimeClaims }, json.RawMessage(`[1]`)},
		"x-ms-sgx-ehd":                     {`"AAH_"`, func(r result) any { return r.EnclaveHeldData }, []byte{0, 1, 0xFF}},
		"x-ms-sgx-is-debuggable":           {`true`, func(r result) any { return r.IsDebuggable }, new(true)},
		"x-ms-sgx-mrenclave":               {`"e"`, func(r result) any { return r.MREnclave }, new("e")},
		"x-ms-sgx-mrsigner":                {`"s"`, func(r result) any { return r.MRSigner }, new("s")},
		"x-ms-sgx-product-id":              {`65535`, func(r result) any { return r.ProductID }, new(int32(65535))},
		"x-ms-sgx-svn":                     {`0`, func(r result) any { return r.SVN }, new(int32(0))},
		"x-ms-sgx-report-data":             {`"00"`, func(r result) any { return r.ReportData }, new("00")},
		"x-ms-sgx-collateral":              {collateral, func(r result) any { return r.SGXCollateral }, digests},
		"x-ms-sgx-config-id":               {`"c"`, func(r result) any { return r.ConfigID }, new("c")},
		"x-ms-sgx-config-svn":              {`3`, func(r result) any { return r.ConfigSVN }, new(int32(3))},
		"x-ms-sgx-isv-extended-product-id": {`"x"`, func(r result) any { return r.ISVExtendedProductID }, new("x")},
		"x-ms-sgx-isv-family-id":           {`"f"`, func(r result) any { return r.ISVFamilyID }, new("f")},
		"ver":                              {`"1.0"`, func(r result) any { return r.Deprecated.Version }, new("1.0")},
		"is-debuggable":                    {`false`, func(r result) any { return r.Deprecated.IsDebuggable }, new(false)},
		"maa-attestationcollateral":        {collateral, func(r result) any { return r.Deprecated.SGXCollateral }, digests},
		"aas-ehd":                          {`"AA"`, func(r result) any { return r.Deprecated.EnclaveHeldData }, []byte{0}},
		"maa-ehd":                          {`"AQ=="`, func(r result) any { return r.Deprecated.EnclaveHeldData2 }, []byte{1}},
		"product-id":                       {`1`, func(r result) any { return r.Deprecated.ProductID }, new(int32(1))},
		"sgx-mrenclave":                    {`"e"`, func(r result) any { return r.Deprecated.MREnclave }, new("e")},
		"sgx-mrsigner":                     {`"s"`, func(r result) any { return r.Deprecated.MRSigner }, new("s")},
		"svn":                              {`-1`, func(r result) any { return r.Deprecated.SVN }, new(int32(-1))},
		"tee":                              {`"sgx"`, func(r result) any { return r.Deprecated.TEE }, new("sgx")},
		"policy_signer":                    {`{"jwk":` + key + `}`, func(r result) any { return r.Deprecated.PolicySigner }, jwk},
		"policy_hash":                      {`"AA"`, func(r result) any { return r.Deprecated.PolicyHash }, []byte{0}},
		"rp_data":                          {`"bm9uY2U"`, func(r result) any { return r.Deprecated.RPData }, new("bm9uY2U")},
	}
}

// TestScenarioDotNetEveryClaim decodes one claim at a time: into its field, and
// into no other.
func TestScenarioDotNetEveryClaim(t *testing.T) {
	t.Parallel()
	cases := claimCases()
	if len(cases) != 39 {
		t.Errorf("%d claims", len(cases))
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r azattestation.AttestationResult
			if err := json.Unmarshal([]byte(`{"`+name+`":`+c.value+`}`), &r); err != nil {
				t.Fatal(err)
			}
			if got := c.field(&r); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%#v, want %#v", got, c.want)
			}
			if len(r.AdditionalClaims) != 0 {
				t.Errorf("additional claims %v", r.AdditionalClaims)
			}
			for other, o := range cases {
				if v := reflect.ValueOf(o.field(&r)); other != name && !v.IsNil() {
					t.Errorf("%s is set too: %v", other, v)
				}
			}
			var again azattestation.AttestationResult
			if err := json.Unmarshal([]byte(jsonOf(r)), &again); err != nil || !reflect.DeepEqual(again, r) {
				t.Errorf("written and read again: %s (%v)", jsonOf(again), err)
			}
		})
	}
}

// TestScenarioDotNetAdditionalClaims are those that no field is for: by their
// exact names, as they stand in the token.
func TestScenarioDotNetAdditionalClaims(t *testing.T) {
	t.Parallel()
	const claims = `{"iss":"a","ISS":"b","X-MS-SGX-SVN":7,"x-ms-sgx-svn":1,"x-ms-sevsnpvm-launchmeasurement":"m","big":12345678901234567890,"null":null,"":{"nested":[{}]},"ünï":"✓"}`
	var r azattestation.AttestationResult
	if err := json.Unmarshal([]byte(claims), &r); err != nil {
		t.Fatal(err)
	}
	want := map[string]json.RawMessage{
		"ISS": json.RawMessage(`"b"`), "X-MS-SGX-SVN": json.RawMessage(`7`), "x-ms-sevsnpvm-launchmeasurement": json.RawMessage(`"m"`),
		"big": json.RawMessage(`12345678901234567890`), "null": json.RawMessage(`null`), "": json.RawMessage(`{"nested":[{}]}`), "ünï": json.RawMessage(`"✓"`),
	}
	if !reflect.DeepEqual(r.AdditionalClaims, want) || *r.Issuer != "a" || *r.SVN != 1 {
		t.Errorf("additional claims %s, issuer %s, svn %d", jsonOf(r.AdditionalClaims), *r.Issuer, *r.SVN)
	}
	assertJSON(t, jsonOf(r), claims)
}

// TestScenarioDotNetNullClaims are absent ones.
func TestScenarioDotNetNullClaims(t *testing.T) {
	t.Parallel()
	for name, c := range claimCases() {
		var r azattestation.AttestationResult
		if err := json.Unmarshal([]byte(`{"`+name+`":null}`), &r); err != nil || !reflect.ValueOf(c.field(&r)).IsNil() {
			t.Errorf("%s: %v (%v)", name, c.field(&r), err)
		}
	}
}

// TestScenarioDotNetModels: models are structs that a test fills as it likes, and
// possible values are listed.
func TestScenarioDotNetModels(t *testing.T) {
	t.Parallel()
	r := azattestation.ClientAttestSGXEnclaveResponse{AttestationResult: azattestation.AttestationResult{Issuer: new("a"), SVN: new(int32(1))}}
	assertJSON(t, jsonOf(r), `{"iss":"a","x-ms-sgx-svn":1}`)
	m := azattestation.OpenIDMetadata{Issuer: new("a"), ClaimsSupported: []string{"cnf"}, AdditionalProperties: map[string]json.RawMessage{"more": json.RawMessage("1")}}
	assertJSON(t, jsonOf(m), `{"issuer":"a","claims_supported":["cnf"],"more":1}`)
	for list, want := range map[int]int{
		len(azattestation.PossibleAttestationTypeValues()): 6,
		len(azattestation.PossibleDataTypeValues()) + len(azattestation.PossiblePolicyModificationValues()) + len(azattestation.PossibleCertificateModificationValues()) + 1: 7,
	} {
		if list != want {
			t.Errorf("%d values, want %d", list, want)
		}
	}
}

// TestScenarioDotNetPolicyResult reads the claims of a change one at a time.
func TestScenarioDotNetPolicyResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims object
		part   string // of the answer that is wrong, "" if none
	}{
		"updated":          {object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": "AA"}, ""},
		"an unknown one":   {object{"x-ms-policy-result": "Adjourned"}, ""},
		"no result":        {object{}, ""},
		"result of number": {object{"x-ms-policy-result": 1}, ""},
		"hash of number":   {object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": 1}, "claim x-ms-policy-token-hash"},
		"hash of hex":      {object{"x-ms-policy-result": "Updated", "x-ms-policy-token-hash": "?"}, "claim x-ms-policy-token-hash"},
		"signer of text":   {object{"x-ms-policy-result": "Updated", "x-ms-policy-signer": "me"}, "claim x-ms-policy-signer"},
	} {
		_, tr := answering(t, signed("k", c.claims))
		r, err := adminOf(t, tokenIssuer, optionsFor(tr)).SetPolicy(t.Context(), kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{SkipConfirmation: true})
		if c.part != "" {
			if e := errorOf[*azattestation.AnswerError](t, err); e != nil && (e.Part != c.part || e.Operation != "AdministrationClient.SetPolicy") {
				t.Errorf("%s: %v", name, err)
			}
		} else if want, _ := c.claims["x-ms-policy-result"].(string); err != nil || (r.Resolution != nil) != (want != "") ||
			r.Resolution != nil && string(*r.Resolution) != want || r.Token == nil || r.PolicyToken == nil {
			t.Errorf("%s: %+v (%v)", name, r, err)
		}
	}
}
