package relyingparty_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/relyingparty"
)

// A relying party that lets in healthy machines knows the policy that says so, and
// requires its claims. The nonce is what it gave the machine.
func Example_reportOfATPM() {
	const policy = `version=1.0; authorizationrules{ => permit(); };
issuancerules{
  c:[type=="secureBootEnabled", issuer=="AttestationService"] => issue(type="secureBootEnabled", value=c.value);
  c:[type=="bootDebuggingDisabled", issuer=="AttestationService"] => issue(type="bootDebuggingDisabled", value=c.value);
};`
	service := exampleTPMService("https://attest.example", policy)
	hash := azattestation.PolicyHash(policy)
	verifier, err := relyingparty.New(relyingparty.Config{
		Sources:      []*azattestation.KeySource{service.keys},
		Types:        []string{"tpm"},
		PolicyHashes: []string{base64.RawURLEncoding.EncodeToString(hash[:])},
		Claims: []relyingparty.Claim{
			{Name: "secureBootEnabled", FromPolicy: true, OneOf: []any{true}},
			{Name: "bootDebuggingDisabled", FromPolicy: true, OneOf: []any{true}},
		},
		RequireNonce: true,
		MaxAge:       10 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}

	nonce := rand.Text()
	result, err := verifier.Verify(context.Background(), service.attest(nonce, true), relyingparty.Expected{Nonce: nonce})
	if err != nil {
		log.Fatal(err)
	}
	key, err := result.ConfirmedKey()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("key bound by", key.Binding)
	fmt.Println("it never leaves the TPM:", key.IsResident())

	_, err = verifier.Verify(context.Background(), service.attest(nonce, false), relyingparty.Expected{Nonce: nonce})
	if missed, ok := errors.AsType[*relyingparty.RequirementError](err); ok {
		fmt.Printf("%s: %s, want %s\n", missed.Claim, missed.Found, missed.Expected)
	}
	// Output:
	// key bound by tpm_quote
	// it never leaves the TPM: false
	// secureBootEnabled: false (true or false), want true
}

// A server lets in the machine whose report it is, and nobody who has only seen it:
// the key of the report is that of the connection.
func Example_reportOverTLS() {
	service := exampleTPMService("https://attest.example", "version=1.0; authorizationrules{ => permit(); };")
	verifier, err := relyingparty.New(relyingparty.Config{
		Sources:         []*azattestation.KeySource{service.keys},
		Types:           []string{"tpm"},
		Claims:          []relyingparty.Claim{{Name: "secureBootEnabled", FromPolicy: true, OneOf: []any{true}}},
		AllowAnyPolicy:  true, // whoever sets it is trusted here
		AllowDebuggable: true, // it does not say
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, "hello, machine")
	}), relyingparty.MiddlewareOptions{
		Expected: func(r *http.Request) (relyingparty.Expected, error) {
			if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
				return relyingparty.Expected{}, &relyingparty.RequirementError{Requirement: relyingparty.RequirementConfirmedKey}
			}
			return relyingparty.Expected{ConfirmedKey: r.TLS.PeerCertificates[0].PublicKey}, nil
		},
	})

	another, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	for _, key := range []*ecdsa.PrivateKey{service.machine, another} {
		request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		request.Header.Set("Authorization", "Bearer "+service.attest("", true))
		// net/http has it from the handshake, in which the client proved the key.
		request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{PublicKey: key.Public()}}}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		fmt.Println(answer.Code, answer.Body)
	}
	// Output:
	// 200 hello, machine
	// 403 {"error":{"code":"RequirementNotMet","message":"What was attested does not meet the requirements."}}
}

// exampleTPM is an attestation service, and a machine that it attests.
type exampleTPM struct {
	*exampleInstance
	policy  string
	machine *ecdsa.PrivateKey
}

func exampleTPMService(url, policy string) *exampleTPM {
	service := exampleService(url)
	machine, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	hash := azattestation.PolicyHash(policy)
	return &exampleTPM{service, base64.RawURLEncoding.EncodeToString(hash[:]), machine}
}

// attest does what the service does once it has verified a machine's evidence.
func (s *exampleTPM) attest(nonce string, secureBoot bool) string {
	jwk, err := tpm.NewJWK(s.machine.Public())
	if err != nil {
		log.Fatal(err)
	}
	text := fmt.Sprintf(`{"jwk":{"kty":%q,"crv":%q,"x":%q,"y":%q}`, jwk.Kty, jwk.Crv, jwk.X, jwk.Y)
	confirmation, err := claims.JSON([]byte(text + `}`))
	if err != nil {
		log.Fatal(err)
	}
	bound, err := claims.JSON([]byte(text + `,"info":{"tpm_quote":{"hash_alg":"sha-256"}}}`))
	if err != nil {
		log.Fatal(err)
	}
	var c claims.Set
	c.Add("iss", claims.String(s.issuer.URL()))
	c.Add("iat", claims.Integer(time.Now().Unix()))
	c.Add("exp", claims.Integer(time.Now().Add(time.Hour).Unix()))
	c.Add("x-ms-ver", claims.String("1.0"))
	c.Add("nonce", claims.String(base64.RawURLEncoding.EncodeToString([]byte(nonce))))
	c.Add("rp_data", claims.String(base64.RawURLEncoding.EncodeToString([]byte(nonce))))
	c.Add("cnf", confirmation)
	c.Add("x-ms-tpm-request-key", bound)
	c.Add("x-ms-policy-hash", claims.String(s.policy))
	c.Add("secureBootEnabled", claims.Boolean(secureBoot))
	c.Add("bootDebuggingDisabled", claims.Boolean(true))
	compact, err := s.issuer.SignReport(context.Background(), &c, false)
	if err != nil {
		log.Fatal(err)
	}
	return compact
}
