package azattestation_test

import (
	"bytes"
	"crypto"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// Policies of these tests.
const (
	permitPolicy  = `version=1.0; authorizationrules { => permit(); }; issuancerules { };`
	denyPolicy    = `version=1.0; authorizationrules { => deny(); }; issuancerules { };`
	noPermitRule  = `version=1.0; authorizationrules { }; issuancerules { };`
	minimalPolicy = "version= 1.0; authorizationrules{=> permit();}; issuancerules {};"
)

var evidence = []byte(evidenceForm + " SGX, made up")

// attestCase is one way to attest.
type attestCase struct {
	name    string
	runtime *azattestation.AttestationData
	draft   *string
	refused bool
}

var attestCases = []attestCase{
	{name: "plain"},
	{name: "BinaryRuntimeData", runtime: azattestation.NewBinaryData([]byte{0, 1, 0xFF, 0xFE})},
	{name: "JSONRuntimeData", runtime: azattestation.NewJSONData([]byte(`{"key": {"n": 12345678901234567890}}`))},
	{name: "DraftPermit", draft: new(permitPolicy)},
	{name: "DraftDeny", draft: new(denyPolicy), refused: true},
	{name: "DraftWithoutPermit", draft: new(noPermitRule), refused: true},
}

func (c *attestCase) attest(t *testing.T, client *azattestation.Client, kind azattestation.AttestationType) (azattestation.AttestationResult, error) {
	t.Helper()
	if kind == azattestation.AttestationTypeSgxEnclave {
		r, err := client.AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{RuntimeData: c.runtime, DraftPolicy: c.draft})
		return r.AttestationResult, err
	}
	r, err := client.AttestOpenEnclave(t.Context(), evidence, &azattestation.ClientAttestOpenEnclaveOptions{RuntimeData: c.runtime, DraftPolicy: c.draft})
	return r.AttestationResult, err
}

func (c *attestCase) check(t *testing.T, i *instance, r *azattestation.AttestationResult) {
	t.Helper()
	if want := map[bool]string{true: "none", false: "RS256"}[c.draft != nil]; r.Token.Algorithm() != want {
		t.Errorf("alg %s, want %s", r.Token.Algorithm(), want)
	}
	if *r.Issuer != i.issuer.URL() || *r.AttestationType != "sgx" || *r.MREnclave != mrEnclave || *r.IsDebuggable {
		t.Errorf("claims %s", r.Token.Payload())
	}
	text := defaultPolicy
	if c.draft != nil {
		text = *c.draft
	}
	if hash := azattestation.PolicyHash(text); !bytes.Equal(r.PolicyHash, hash[:]) {
		t.Errorf("policy hash %x, want %x", r.PolicyHash, hash)
	}
	// What the default policy issues is gone under a draft that issues nothing.
	if issued := r.Deprecated.ProductID != nil; issued != (c.draft == nil) {
		t.Errorf("product-id is issued: %t, with a draft: %t", issued, c.draft != nil)
	}
	switch {
	case c.runtime == nil:
		if r.EnclaveHeldData != nil || r.RuntimeClaims != nil {
			t.Errorf("runtime data %q %s, want none", r.EnclaveHeldData, r.RuntimeClaims)
		}
	case c.runtime.DataType == azattestation.DataTypeBinary:
		if !bytes.Equal(r.EnclaveHeldData, c.runtime.Data) || !bytes.Equal(r.Deprecated.EnclaveHeldData, c.runtime.Data) || r.RuntimeClaims != nil {
			t.Errorf("runtime data %q %s", r.EnclaveHeldData, r.RuntimeClaims)
		}
	default:
		var compact bytes.Buffer
		if err := json.Compact(&compact, c.runtime.Data); err != nil || string(r.RuntimeClaims) != compact.String() || r.EnclaveHeldData != nil {
			t.Errorf("runtime claims %s, want %s", r.RuntimeClaims, compact.String())
		}
	}
}

func TestScenarioCommonAttest(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds[:2] {
		for _, m := range modes {
			for _, c := range attestCases {
				t.Run(string(kind)+"/"+string(m)+"/"+c.name, func(t *testing.T) {
					t.Parallel()
					i := newInstance(t, m)
					r, err := c.attest(t, i.client(t), kind)
					if c.refused {
						checkRefused(t, err, http.StatusBadRequest, azattestation.ErrorCodePolicyEvaluationError)
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					c.check(t, i, &r)
				})
			}
		}
	}
}

// TestScenarioCommonAttestOverTLS is the same with a network between.
func TestScenarioCommonAttestOverTLS(t *testing.T) {
	t.Parallel()
	i, httpClient := newServedInstance(t, modeAAD)
	client := clientOf(t, i.issuer.URL(), optionsFor(httpClient))
	for _, c := range attestCases {
		r, err := c.attest(t, client, azattestation.AttestationTypeOpenEnclave)
		if c.refused {
			checkRefused(t, err, http.StatusBadRequest, azattestation.ErrorCodePolicyEvaluationError)
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		c.check(t, i, &r)
	}
}

func TestScenarioCommonAttestBadQuote(t *testing.T) {
	t.Parallel()
	i := newInstance(t, modeShared)
	_, err := i.client(t).AttestSGXEnclave(t.Context(), []byte("no quote"), nil)
	checkRefused(t, err, http.StatusBadRequest, azattestation.ErrorCodeInvalidQuote)
	if !strings.Contains(err.Error(), quoteInvalid) {
		t.Errorf("error %v does not say what the service said", err)
	}
}

func TestScenarioCommonOpenIDMetadata(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		i := newInstance(t, m)
		r, err := i.client(t).GetOpenIDMetadata(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if url := i.issuer.URL(); *r.Issuer != url || *r.JWKSURI != url+"/certs" || *r.RevocationEndpoint != url+"/revoke" ||
			len(r.ResponseTypesSupported) != 2 || len(r.IDTokenSigningAlgValuesSupported) != 1 || len(r.ClaimsSupported) == 0 {
			t.Errorf("%s: metadata %+v", m, r)
		}
	}
}

func TestScenarioCommonSigningCertificates(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		i := newInstance(t, m)
		r, err := i.client(t).GetSigningCertificates(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.SigningCertificates) != 1 || r.SigningCertificates[0].KeyID != i.issuer.KeyID() ||
			!r.SigningCertificates[0].Chain[0].Equal(i.issuer.Certificate()) || r.SigningCertificates[0].Chain[0].Subject.CommonName != i.issuer.URL() {
			t.Errorf("%s: certificates %+v", m, r.SigningCertificates)
		}
		if source, err := azattestation.NewKeySource(i.issuer.URL(), r.JWKS); err != nil || source.Issuer() != i.issuer.URL() {
			t.Errorf("%s: key source of the answer: %v", m, err)
		}
	}
}

// TestScenarioCommonTPM asks for the certificate of the attestation key, which
// needs a policy.
func TestScenarioCommonTPM(t *testing.T) {
	t.Parallel()
	const kind = azattestation.AttestationTypeTpm
	first := []byte(`{"payload":{"type":"aikcert"}}`)
	for _, m := range []mode{modeAAD, modeIsolated} {
		t.Run(string(m), func(t *testing.T) {
			t.Parallel()
			i := newInstance(t, m)
			client, admin := i.client(t), i.admin(t)
			_, err := client.AttestTPM(t.Context(), first, nil)
			checkRefused(t, err, http.StatusBadRequest, codeNoTPM)
			if _, err := admin.SetPolicy(t.Context(), kind, permitPolicy, &azattestation.AdministrationClientSetPolicyOptions{SigningKey: i.signerFor(nil)}); err != nil {
				t.Fatal(err)
			}
			r, err := client.AttestTPM(t.Context(), first, nil)
			if err != nil || string(r.Data) != tpmChallenge {
				t.Errorf("answer %q (%v)", r.Data, err)
			}
			if _, err := admin.ResetPolicy(t.Context(), kind, &azattestation.AdministrationClientResetPolicyOptions{SigningKey: i.signerFor(nil)}); err != nil {
				t.Fatal(err)
			}
			_, err = client.AttestTPM(t.Context(), first, nil)
			checkRefused(t, err, http.StatusBadRequest, codeNoTPM)
		})
	}
}

func TestScenarioCommonGetPolicy(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		admin := newInstance(t, m).admin(t)
		for _, kind := range kinds {
			r, err := admin.GetPolicy(t.Context(), kind, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := defaultPolicy
			if kind == azattestation.AttestationTypeTpm {
				want = ""
			}
			if r.Policy != want || r.PolicyToken.Policy() != want || len(r.PolicyToken.Signer()) != 0 {
				t.Errorf("%s/%s: policy %q, want %q", m, kind, r.Policy, want)
			}
		}
	}
}

// TestScenarioCommonSetGetResetPolicy changes a policy and changes it back,
// unsigned, signed by a key that nobody knows, and by one of the instance's.
func TestScenarioCommonSetGetResetPolicy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode mode
		key  crypto.Signer
	}{
		"AAD/unsigned":      {modeAAD, nil},
		"AAD/ephemeral/RSA": {modeAAD, otherRSAKey()},
		"AAD/ephemeral/EC":  {modeAAD, otherECKey()},
		"Isolated":          {modeIsolated, nil},
	} {
		for _, kind := range kinds {
			t.Run(name+"/"+string(kind), func(t *testing.T) {
				t.Parallel()
				i := newInstance(t, c.mode)
				setGetReset(t, i.admin(t), kind, i.signerFor(c.key))
			})
		}
	}
}

func TestScenarioCommonSetGetResetPolicyOverTLS(t *testing.T) {
	t.Parallel()
	i, httpClient := newServedInstance(t, modeIsolated)
	setGetReset(t, adminOf(t, i.issuer.URL(), optionsFor(httpClient)), azattestation.AttestationTypeSgxEnclave, i.key)
}

func setGetReset(t *testing.T, admin *azattestation.AdministrationClient, kind azattestation.AttestationType, key *azattestation.SigningKey) {
	t.Helper()
	ctx := t.Context()
	before, err := admin.GetPolicy(ctx, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	set, err := admin.SetPolicy(ctx, kind, minimalPolicy, &azattestation.AdministrationClientSetPolicyOptions{SigningKey: key})
	if err != nil {
		t.Fatal(err)
	}
	if hash := set.PolicyToken.SHA256(); *set.Resolution != azattestation.PolicyModificationUpdated || !bytes.Equal(set.PolicyTokenHash, hash[:]) {
		t.Errorf("result %s with hash %x, want %x", *set.Resolution, set.PolicyTokenHash, hash)
	}
	if (set.PolicySigner != nil) != (key != nil) || key != nil && !set.PolicySigner.Certificates[0].Equal(key.Certificate()) {
		t.Errorf("signer %+v", set.PolicySigner)
	}
	got, err := admin.GetPolicy(ctx, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Policy != minimalPolicy || got.PolicyToken.String() != set.PolicyToken.String() {
		t.Errorf("policy %q, token %s, want %s as it was set", got.Policy, got.PolicyToken, set.PolicyToken)
	}
	if err := got.PolicyToken.VerifySignature(); (err == nil) != (key != nil) {
		t.Errorf("signature of the stored policy: %v", err)
	}
	reset, err := admin.ResetPolicy(ctx, kind, &azattestation.AdministrationClientResetPolicyOptions{SigningKey: key})
	if err != nil {
		t.Fatal(err)
	}
	if *reset.Resolution != azattestation.PolicyModificationRemoved || reset.PolicyTokenHash != nil && len(reset.PolicyTokenHash) != 32 {
		t.Errorf("result %+v", reset)
	}
	after, err := admin.GetPolicy(ctx, kind, nil)
	if err != nil || after.Policy != before.Policy || after.Policy == minimalPolicy {
		t.Errorf("policy %q (%v) after the reset, want %q and not the minimal one", after.Policy, err, before.Policy)
	}
}

func TestScenarioCommonListCertificates(t *testing.T) {
	t.Parallel()
	for _, m := range modes {
		i := newInstance(t, m)
		r, err := i.admin(t).GetPolicyCertificates(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[mode]int{modeIsolated: 1}[m]; len(r.Certificates) != want || want == 1 && !r.Certificates[0].Certificates[0].Equal(i.key.Certificate()) {
			t.Errorf("%s: certificates %+v", m, r.Certificates)
		}
	}
}

// TestScenarioCommonAddRemoveCertificate adds one twice, finds it, and removes it
// twice.
func TestScenarioCommonAddRemoveCertificate(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]crypto.Signer{"RSA": otherRSAKey(), "EC": otherECKey()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInstance(t, modeIsolated)
			admin, added := i.admin(t), certificateOf(key, "second policy signer")
			for range 2 {
				r, err := admin.AddPolicyCertificate(t.Context(), added, i.key, nil)
				if err != nil {
					t.Fatal(err)
				}
				if *r.Resolution != azattestation.CertificateModificationIsPresent || *r.Thumbprint != azattestation.Thumbprint(added) {
					t.Errorf("result %s %s", *r.Resolution, *r.Thumbprint)
				}
				listed(t, admin, i.key.Certificate().Raw, added.Raw)
			}
			// The new key may change policies now.
			if _, err := admin.SetPolicy(t.Context(), kinds[0], permitPolicy, &azattestation.AdministrationClientSetPolicyOptions{
				SigningKey: must(azattestation.NewSigningKey(key, added)),
			}); err != nil {
				t.Error(err)
			}
			for range 2 {
				r, err := admin.RemovePolicyCertificate(t.Context(), added, i.key, nil)
				if err != nil {
					t.Fatal(err)
				}
				if *r.Resolution != azattestation.CertificateModificationIsAbsent || *r.Thumbprint != azattestation.Thumbprint(added) {
					t.Errorf("result %s %s", *r.Resolution, *r.Thumbprint)
				}
				listed(t, admin, i.key.Certificate().Raw)
			}
		})
	}
}

func listed(t *testing.T, admin *azattestation.AdministrationClient, want ...[]byte) {
	t.Helper()
	r, err := admin.GetPolicyCertificates(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Certificates) != len(want) {
		t.Fatalf("%d certificates, want %d", len(r.Certificates), len(want))
	}
	for n, k := range r.Certificates {
		if !bytes.Equal(k.Certificates[0].Raw, want[n]) {
			t.Errorf("certificate %d: %s", n, k.Certificates[0].Subject)
		}
	}
}
