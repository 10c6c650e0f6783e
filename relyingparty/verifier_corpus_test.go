package relyingparty_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

const (
	recordedAAD      = "https://cpgearamaattestationaad.wus.attest.azure.net"
	recordedIsolated = "https://cpgearamaattestationiso.wus.attest.azure.net"
)

// recordedAnswer is one recorded attestation of an enclave.
type recordedAnswer struct {
	Request struct {
		Body struct {
			RuntimeData struct{ Data, DataType string }
		}
	}
	Response struct {
		Status int
		Body   struct{ Token string }
	}
}

// recordedAttestations are the recorded answers with a token, signed or not, by
// their names.
func recordedAttestations(t testing.TB) map[string]recordedAnswer {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "exchanges", "*", "*_POST_attest_*Enclave.json"))
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]recordedAnswer{}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var a recordedAnswer
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		if a.Response.Body.Token != "" {
			answers[filepath.Base(filepath.Dir(path))] = a
		}
	}
	return answers
}

// recordedSource is that of an instance, from its recorded answers to GET /certs:
// of each such answer the first certificate names the instance.
func recordedSource(t testing.TB, issuer string) *azattestation.KeySource {
	t.Helper()
	for _, path := range recordedAnswers(t) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		leaf := publishedKeys(t, raw)[0]
		if parse(t, leaf.X5C[0]).Subject.CommonName != issuer || leaf.KeyID != recordedKeyID {
			continue
		}
		source, err := azattestation.NewKeySource(issuer, raw)
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
	t.Fatalf("no recorded keys of %s", issuer)
	return nil
}

// recordedKeyID is the one under which both recorded instances sign.
const recordedKeyID = "XxRc2vLh1E5FrsNawnRH3PzuFgqg3q7NvCdnjoJHBGE="

// issuedAt is the time that a token says it was issued.
func issuedAt(t testing.TB, compact string) time.Time {
	t.Helper()
	parsed, err := azattestation.ParseToken(compact)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.IssuedOn()
}

// recordedConfig requires of both instances everything that is known of the
// recorded enclave.
func recordedConfig(t testing.TB, at time.Time) relyingparty.Config {
	t.Helper()
	return relyingparty.Config{
		Sources:      []*azattestation.KeySource{recordedSource(t, recordedAAD), recordedSource(t, recordedIsolated)},
		MRENCLAVE:    []string{mrenclave},
		Signers:      signers(mrsigner, 1, 1),
		PolicyHashes: []string{defaultPolicyHash},
		MaxAge:       time.Minute,
		Now:          func() time.Time { return at },
	}
}

// Every recorded token verifies as of its time under the recorded keys, with
// everything required that is known of it. The enclave is a debuggable one: under
// the service's default policy it got its tokens all the same, and it is the
// relying party that has to refuse them.
func TestEveryRecordedToken(t *testing.T) {
	t.Parallel()
	accepted, drafts := 0, 0
	for name, a := range recordedAttestations(t) {
		compact := a.Response.Body.Token
		c := recordedConfig(t, issuedAt(t, compact))
		expected := a.expected(t)
		_, err := mustNew(t, c).Verify(t.Context(), compact, expected)
		if strings.Contains(name, "DraftPolicy") {
			wantInvalid(t, err, azattestation.TokenCheckAlgorithm)
			drafts++
			continue
		}
		wantMissed(t, err, relyingparty.RequirementNotDebuggable, "x-ms-sgx-is-debuggable")
		c.AllowDebuggable = true
		r, err := mustNew(t, c).Verify(t.Context(), compact, expected)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !*r.Claims.IsDebuggable || r.SigningCertificate.KeyID != recordedKeyID {
			t.Errorf("%s: debuggable %t, signed by %s", name, *r.Claims.IsDebuggable, r.SigningCertificate.KeyID)
		}
		accepted++
		a.refuseOthers(t, c)
	}
	if accepted != 12 || drafts != 4 {
		t.Errorf("%d tokens and %d of draft policies, want 12 and 4", accepted, drafts)
	}
}

// expected is what the request of the answer had for the enclave.
func (a *recordedAnswer) expected(t *testing.T) relyingparty.Expected {
	t.Helper()
	sent := a.Request.Body.RuntimeData
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(sent.Data, "="))
	if err != nil {
		t.Fatal(err)
	}
	switch sent.DataType {
	case "Binary":
		return relyingparty.Expected{HeldData: data}
	case "JSON":
		// The recorded program hashed the NUL behind its text too.
		return relyingparty.Expected{RuntimeClaims: bytes.TrimRight(data, "\x00")}
	}
	return relyingparty.Expected{}
}

// refuseOthers misses one requirement after the other.
func (a *recordedAnswer) refuseOthers(t *testing.T, c relyingparty.Config) {
	t.Helper()
	refuse := func(change func(*relyingparty.Config), e relyingparty.Expected, requirement relyingparty.Requirement, claim string) {
		t.Helper()
		missing := c
		if change != nil {
			change(&missing)
		}
		_, err := mustNew(t, missing).Verify(t.Context(), a.Response.Body.Token, e)
		wantMissed(t, err, requirement, claim)
	}
	type config = relyingparty.Config
	at := c.Now()
	refuse(func(c *config) { c.MRENCLAVE = []string{mrsigner} }, relyingparty.Expected{}, relyingparty.RequirementEnclave, "x-ms-sgx-mrenclave")
	refuse(func(c *config) { c.Signers = signers(mrenclave, 1, 1) }, relyingparty.Expected{}, relyingparty.RequirementSigner, "x-ms-sgx-mrsigner")
	refuse(func(c *config) { c.Signers = signers(mrsigner, 1, 2) }, relyingparty.Expected{}, relyingparty.RequirementSigner, "x-ms-sgx-svn")
	refuse(func(c *config) { c.PolicyHashes = []string{mrenclave} }, relyingparty.Expected{}, relyingparty.RequirementPolicy, "x-ms-policy-hash")
	refuse(func(c *config) { c.Now = func() time.Time { return at.Add(3 * time.Minute) } }, relyingparty.Expected{}, relyingparty.RequirementAge, "iat")
	refuse(nil, relyingparty.Expected{Nonce: "n"}, relyingparty.RequirementNonce, "nonce")
	refuse(nil, relyingparty.Expected{HeldData: []byte("another key")}, relyingparty.RequirementHeldData, "x-ms-sgx-ehd")
	refuse(nil, relyingparty.Expected{RuntimeClaims: []byte(`{"jwk":{}}`)}, relyingparty.RequirementRuntimeClaims, "x-ms-runtime")
}

// Both recorded instances sign with one key, under one kid. A token of one is no
// token of the other, whose policy another decides.
func TestRecordedNeighborsShareAKey(t *testing.T) {
	t.Parallel()
	tokens := recordedAttestations(t)
	compact := tokens["AttestationTests.SimpleAttest-SgxEnclave_Isolated"].Response.Body.Token
	c := recordedConfig(t, issuedAt(t, compact))
	c.AllowDebuggable = true
	c.Sources = c.Sources[:1]
	_, err := mustNew(t, c).Verify(t.Context(), compact, relyingparty.Expected{})
	wantInvalid(t, err, azattestation.TokenCheckIssuer)

	// The signature alone would have held.
	parsed, err := azattestation.ParseToken(compact)
	if err != nil {
		t.Fatal(err)
	}
	err = parsed.Validate(t.Context(), c.Sources[0], &azattestation.TokenValidationOptions{
		At: c.Now(), Skip: []azattestation.TokenCheck{azattestation.TokenCheckIssuer},
	})
	if err != nil {
		t.Errorf("the signature does not hold by the neighbor's key: %v", err)
	}
}

// A relying party can demand that an enclave holds the key of its tokens: those of
// the recorded instances do.
func TestRecordedTokensAreSignedInAnEnclave(t *testing.T) {
	t.Parallel()
	tokens := recordedAttestations(t)
	compact := tokens["AttestationTests.AttestWithRuntimeDataJson-SgxEnclave_Aad"].Response.Body.Token
	c := recordedConfig(t, issuedAt(t, compact))
	c.AllowDebuggable = true
	for name, identity := range map[string]func(*relyingparty.Identity) error{
		"Azure's": isAzures,
		"others":  func(*relyingparty.Identity) error { return errOutOfReach },
	} {
		c.SigningCertificate = enclaveCheck(c.Now(), identity)
		r, err := mustNew(t, c).Verify(t.Context(), compact, relyingparty.Expected{})
		if name == "others" {
			wantInvalid(t, err, azattestation.TokenCheckCallback)
			continue
		}
		if err != nil {
			t.Error(err)
		} else if *r.Claims.Issuer != recordedAAD {
			t.Errorf("issuer %s, want %s", *r.Claims.Issuer, recordedAAD)
		}
	}
}

// The service signs answers of its other interfaces with the same keys. They are
// no attestations.
func TestRecordedAnswersOfThePolicyInterfaceAreNoAttestations(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "tokens", "policyapi-*.jwt"))
	if err != nil {
		t.Fatal(err)
	}
	i := newInstance(t, contoso, token.ES256)
	tokens := 0
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		payload := map[string]any{}
		text := claimsOf(t, strings.TrimSpace(string(raw)))
		if err := json.Unmarshal(text, &payload); err != nil || payload["iss"] == nil {
			continue // a request
		}
		tokens++
		// Signed anew in the name of an instance that is trusted.
		payload["iss"], payload["exp"] = contoso, now.Unix()
		text, err = json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		c := i.config(t)
		c.MRENCLAVE, c.AllowAnyEnclave, c.AllowDebuggable = nil, true, true
		_, err = mustNew(t, c).Verify(t.Context(), i.sign(t, text), relyingparty.Expected{})
		if payload["x-ms-policy"] != nil {
			wantMissed(t, err, relyingparty.RequirementClaims, "x-ms-policy")
		} else {
			wantMissed(t, err, relyingparty.RequirementType, "x-ms-attestation-type")
		}
	}
	if tokens < 6 {
		t.Errorf("%d tokens, want those of the corpus", tokens)
	}
}

// What the service says of virtual machines, from published tokens whose keys are
// not: they are signed anew.
func TestPublishedClaimsOfMachines(t *testing.T) {
	t.Parallel()
	i := newInstance(t, contoso, token.ES256)
	for name, c := range map[string]struct {
		kind   string
		claims []relyingparty.Claim
		kid    string // of the key to encrypt to; "" for none
	}{
		"docs-sevsnp.json": {"sevsnpvm", []relyingparty.Claim{
			{Name: "x-ms-sevsnpvm-launchmeasurement", OneOf: []any{"04a170f39a3f702472ed0c7ecbda9babfc530e3caac475fdd607ff499177d14c278c5a15ad07ceacd5230ae63d507e9d"}},
			{Name: "x-ms-compliance-status", OneOf: []any{"azure-compliant-cvm"}},
			{Name: "x-ms-sevsnpvm-vmpl", OneOf: []any{0}},
			{Within: []string{"x-ms-runtime", "vm-configuration"}, Name: "secure-boot", OneOf: []any{true}},
		}, "HCLTransferKey"},
		"sevsnp-2025-sharedweu-testring.json": {"sevsnpvm", []relyingparty.Claim{
			{Name: "x-ms-sevsnpvm-migration-allowed", OneOf: []any{false}},
		}, ""},
		"docs-tdx.json": {"tdxvm", []relyingparty.Claim{
			{Name: "tdx_mrtd", OneOf: []any{"5be56d418d33661a6c21da77c9503a07e430b35eb92a0bd042a6b3c4e79b3c82bb1c594e770d0d129a0724669f1e953f"}},
			{Name: "attester_tcb_status", OneOf: []any{"UpToDate"}},
			{Name: "tdx_seamsvn", OneOf: []any{3, 4}},
		}, ""},
		"azureguest-ClientLibTests-1.json": {"azurevm", []relyingparty.Claim{
			{Name: "secureboot", OneOf: []any{true}},
			{Within: []string{"x-ms-isolation-tee"}, Name: "x-ms-compliance-status", OneOf: []any{"azure-compliant-cvm"}},
			{Within: []string{"x-ms-runtime", "client-payload"}, Name: "nonce", OneOf: []any{"QURFMDEwMQ=="}},
		}, "TpmEphemeralEncryptionKey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := publishedClaims(t, name)
			all["iss"], all["iat"], all["nbf"], all["exp"] = contoso, now.Unix(), now.Unix(), now.Unix()
			text, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			settings := i.config(t)
			settings.MRENCLAVE, settings.Types, settings.Claims = nil, []string{c.kind}, c.claims
			r, err := mustNew(t, settings).Verify(t.Context(), i.sign(t, text), relyingparty.Expected{})
			if err != nil {
				t.Fatal(err)
			}
			kid := ""
			if c.kid != "" {
				if _, kid, err = r.EncryptionKey(); err != nil {
					t.Error(err)
				}
			}
			if diff := cmp.Diff(c.kid, kid); diff != "" {
				t.Errorf("key to encrypt to (-want +got):\n%s", diff)
			}
			settings.Claims[0].OneOf = []any{"another"}
			if _, err = mustNew(t, settings).Verify(t.Context(), i.sign(t, text), relyingparty.Expected{}); err == nil {
				t.Errorf("another value of %s is accepted", settings.Claims[0].Name)
			}
		})
	}
}

// publishedClaims are those of a token of the corpus, with the header before them
// or without.
func publishedClaims(t *testing.T, name string) map[string]any {
	t.Helper()
	var all map[string]any
	d := json.NewDecoder(bytes.NewReader(corpus.Read(t, "maa", "tokens", name)))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	if inner, ok := all["payload"].(map[string]any); ok {
		return inner
	}
	return all
}
