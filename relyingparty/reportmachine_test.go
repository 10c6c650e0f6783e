package relyingparty_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/internal/testvbs"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// healthPolicy says of a machine what relying parties of these tests ask for.
const healthPolicy = `version=1.0; authorizationrules{ => permit(); };
issuancerules{
  c:[type=="aikValidated", issuer=="AttestationService"] => issue(type="aikValidated", value=c.value);
  c:[type=="secureBootEnabled", issuer=="AttestationService"] => issue(type="secureBootEnabled", value=c.value);
  c:[type=="bootDebuggingDisabled", issuer=="AttestationService"] => issue(type="bootDebuggingDisabled", value=c.value);
  c:[type=="vbsEnabled", issuer=="AttestationService"] => issue(type="vbsEnabled", value=c.value);
};`

// Keys take longest to make, and no test cares whose it has.
var (
	aikKey     = sync.OnceValue(newRSAKey)
	curvedKey  = sync.OnceValue(newECKey)
	challenge  = []byte("0123456789abcdef")
	gaveOut    = []byte("what was given out beside it")
	nonceBytes = []byte{1, 2, 3, 4} // AQIDBA
)

func newRSAKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func newECKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// reporter is an instance that attests TPMs, and a machine that it attests.
type reporter struct {
	*instance
	service     *attest.Service
	aik         *testattest.AIK
	certificate *x509.Certificate
	log         []byte
	bank        tpm.Bank
}

// newReporter is an instance with a policy for TPMs; the machine has booted as it
// should.
func newReporter(t testing.TB, i *instance, text string) *reporter {
	t.Helper()
	authority := testattest.NewAuthority(t, now)
	aiks, err := tpm.NewAuthorities(tpm.Config{Roots: authority.Roots()})
	if err != nil {
		t.Fatal(err)
	}
	program, err := policy.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(i.URL, i.Ring(t))
	if err != nil {
		t.Fatal(err)
	}
	service, err := attest.New(attest.Config{
		Issuer:    issuer,
		Verifiers: map[attest.Type]evidence.Verifier{attest.TPM: tpm.NewVerifier(tpm.VerifierConfig{AIKs: aiks})},
		Policies:  map[attest.Type]*policy.Program{attest.TPM: program},
		Challenge: func(_, _ []byte) error { return nil },
		Clock:     clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &reporter{instance: i, service: service, aik: testattest.NewAIK(aikKey())}
	events := testvbs.New(t, 2048).Boot()
	r.log, r.certificate = testvbs.Log(events...), authority.Issue(t, r.aik)
	r.bank = tpm.Bank{Algorithm: tpm.SHA256}
	values := testvbs.PCRs(events...)
	for index := range 24 {
		r.bank.PCRs = append(r.bank.PCRs, tpm.PCR{Index: index, Digest: values[index]})
	}
	return r
}

// request is of a key that signs; the test changes it.
func (r *reporter) request(key crypto.Signer) *testattest.Request {
	return &testattest.Request{
		AIK: r.aik, Certificate: r.certificate, Key: key, Challenge: challenge, Context: gaveOut,
		RPData: base64.RawURLEncoding.EncodeToString(nonceBytes), Log: r.log, Banks: []tpm.Bank{r.bank},
	}
}

// report is the service's answer to a request.
func (r *reporter) report(t testing.TB, request []byte) string {
	t.Helper()
	answer, err := r.service.Attest(t.Context(), &attest.Request{Type: attest.TPM, Evidence: request})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Token
}

// resident makes the AIK certify the request's key, with attributes.
func resident(r *testattest.Request, attributes tpm.Attributes) *testattest.Request {
	key, ok := r.Key.Public().(*rsa.PublicKey)
	if !ok {
		panic("only RSA keys are certified here")
	}
	r.Public = testattest.Public(key, attributes)
	return r
}

const inTPM = tpm.FixedTPM | tpm.FixedParent | tpm.SensitiveDataOrigin

// healthConfig requires of the instance's reports that the machine is healthy.
func healthConfig(t testing.TB, i *instance) relyingparty.Config {
	t.Helper()
	return relyingparty.Config{
		Sources:      []*azattestation.KeySource{i.reportSource(t)},
		Types:        []string{"tpm"},
		PolicyHashes: []string{policyHash(healthPolicy)},
		Claims: []relyingparty.Claim{
			{Name: "aikValidated", FromPolicy: true, OneOf: []any{true}},
			{Name: "secureBootEnabled", FromPolicy: true, OneOf: []any{true}},
			{Name: "bootDebuggingDisabled", FromPolicy: true, OneOf: []any{true}},
		},
		Now: clock,
	}
}

func policyHash(text string) string {
	hash := azattestation.PolicyHash(text)
	return b64(hash[:])
}

func clock() time.Time { return now }

// reportSource is that of an instance that attests TPMs.
func (i *instance) reportSource(t testing.TB) *azattestation.KeySource {
	t.Helper()
	source, err := azattestation.NewKeySource(i.URL, i.Ring(t).ReportJWKS())
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// reportKeyID is the kid of the instance's reports.
func (i *instance) reportKeyID() string { return keyIDOf(i.Key.Certificate().Raw) }

// reportOf signs the claims of a report, with changes.
func (i *instance) reportOf(t testing.TB, changes ...set) string {
	t.Helper()
	return i.signReport(t, reportClaims(i.URL).With(changes...).JSON(t))
}

func (i *instance) signReport(t testing.TB, payload []byte) string {
	t.Helper()
	header := set{"alg": i.Key.Algorithm(), "kid": i.reportKeyID(), "typ": "JWT", "x5c": [][]byte{i.Key.Certificate().Raw}}
	return i.Sign(t, header, payload)
}

// reportClaims are what the service says of a healthy machine.
func reportClaims(url string) set {
	jwk := confirmedJWK()
	return set{
		"iss": url, "iat": now.Unix(), "nbf": now.Unix() - 300, "exp": now.Add(24 * time.Hour).Unix(), "jti": strings.Repeat("0", 40),
		"ver": "1.0", "x-ms-ver": "1.0", "nonce": "AQIDBA", "rp_data": "AQIDBA", "cnf": set{"jwk": jwk},
		"x-ms-tpm-request-key": set{"jwk": jwk, "info": set{"tpm_quote": set{"hash_alg": "sha-256"}}},
		"x-ms-policy-hash":     policyHash(healthPolicy),
		"aikValidated":         true, "secureBootEnabled": true, "bootDebuggingDisabled": true, "vbsEnabled": true,
	}
}

// confirmedJWK is heldRSA as reports have it.
func confirmedJWK() set {
	return rsaJWK(set{"kid": nil, "key_ops": nil})
}

// nilKey is the type of a key of which a caller may hand over nothing.
type nilKey = rsa.PublicKey

// weakModulus is that of an RSA key of 1024 bits.
func weakModulus() string {
	raw := make([]byte, 128)
	raw[0], raw[127] = 0x80, 1
	return b64(raw)
}

func keyIDOf(certificate []byte) string {
	sum := sha1.Sum(certificate)
	return b64(sum[:])
}

// chainOfCA is a key in a certificate of a CA, and the CA's.
type chainOfCA struct {
	keyID string
	chain [][]byte
}

func x509Chain(i *instance) (chainOfCA, error) {
	parent := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of a test"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: i.URL}, NotBefore: parent.NotBefore, NotAfter: parent.NotAfter}
	root, err := x509.CreateCertificate(rand.Reader, parent, parent, curvedKey().Public(), curvedKey())
	if err != nil {
		return chainOfCA{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, parent, i.Signer.Public(), curvedKey())
	if err != nil {
		return chainOfCA{}, err
	}
	return chainOfCA{keyIDOf(der), [][]byte{der, root}}, nil
}
