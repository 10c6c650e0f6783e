package relyingparty_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/token"
)

// A relying party says once what it wants, and verifies tokens against it. The
// service here is one key; that of a real one comes from a client's KeySource.
func Example() {
	service := exampleService("https://attest.example")
	verifier, err := relyingparty.New(relyingparty.Config{
		Sources: []*azattestation.KeySource{service.keys},
		Signers: []relyingparty.Signer{{
			MRSIGNER:  "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c",
			ProductID: 1,
			MinSVN:    2,
		}},
		MaxAge: 10 * time.Minute,
	})
	if err != nil {
		log.Fatal(err)
	}

	result, err := verifier.Verify(context.Background(), service.attest(2, false), relyingparty.Expected{Nonce: "a nonce of ours"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("MRENCLAVE:", *result.Claims.MREnclave)

	for _, compact := range []string{service.attest(1, false), service.attest(2, true)} {
		_, err = verifier.Verify(context.Background(), compact, relyingparty.Expected{Nonce: "a nonce of ours"})
		if missed, ok := errors.AsType[*relyingparty.RequirementError](err); ok {
			fmt.Printf("%s: %s, want %s\n", missed.Claim, missed.Found, missed.Expected)
		}
	}
	// Output:
	// MRENCLAVE: 292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e
	// x-ms-sgx-svn: 1, want at least 2
	// x-ms-sgx-is-debuggable: true, want false, or AllowDebuggable
}

// Only attested callers come to a handler, and it knows who they are.
func ExampleVerifier_Middleware() {
	service := exampleService("https://attest.example")
	verifier, err := relyingparty.New(relyingparty.Config{
		Sources:   []*azattestation.KeySource{service.keys},
		MRENCLAVE: []string{"292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e"},
	})
	if err != nil {
		log.Fatal(err)
	}
	handler := verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, _ := relyingparty.FromContext(r.Context())
		_, _ = fmt.Fprintln(w, "hello, enclave of version", *result.Claims.SVN)
	}), relyingparty.MiddlewareOptions{
		OnRefuse: func(_ *http.Request, err error) { fmt.Println("log:", err) },
	})

	for _, authorization := range []string{"Bearer " + service.attest(7, false), "Bearer " + service.attest(7, true), ""} {
		request := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		if authorization != "" {
			request.Header.Set("Authorization", authorization)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		fmt.Println(answer.Code, answer.Body)
	}
	// Output:
	// 200 hello, enclave of version 7
	//
	// log: relyingparty: token is not what is wanted: not debuggable: claim x-ms-sgx-is-debuggable: true, want false, or AllowDebuggable
	// 403 {"error":{"code":"RequirementNotMet","message":"What was attested does not meet the requirements."}}
	// log: the request carries no attestation token
	// 401 {"error":{"code":"TokenMissing","message":"An attestation token is required."}}
}

// A secret goes to the key that the enclave made, and to nobody who only shows its
// token.
func ExampleResult_EncryptionKey() {
	service := exampleService("https://attest.example")
	verifier, err := relyingparty.New(relyingparty.Config{
		Sources:   []*azattestation.KeySource{service.keys},
		MRENCLAVE: []string{"292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e"},
	})
	if err != nil {
		log.Fatal(err)
	}
	result, err := verifier.Verify(context.Background(), service.attest(1, false), relyingparty.Expected{})
	if err != nil {
		log.Fatal(err)
	}
	public, kid, err := result.EncryptionKey()
	if err != nil {
		log.Fatal(err)
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public, []byte("a secret"), nil)
	if err != nil {
		log.Fatal(err)
	}
	opened, err := rsa.DecryptOAEP(sha256.New(), nil, service.enclave, sealed, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("to %s: %s\n", kid, opened)
	// Output: to made-in-the-enclave: a secret
}

// exampleInstance is an attestation service, and an enclave that it attests.
type exampleInstance struct {
	issuer  *token.Issuer
	keys    *azattestation.KeySource
	enclave *rsa.PrivateKey
}

func exampleService(url string) *exampleInstance {
	signer, err := token.GenerateSigner(token.ES256, 0)
	if err != nil {
		log.Fatal(err)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: url})
	if err != nil {
		log.Fatal(err)
	}
	ring, err := token.NewRing(key)
	if err != nil {
		log.Fatal(err)
	}
	issuer, err := token.NewIssuer(url, ring)
	if err != nil {
		log.Fatal(err)
	}
	keys, err := azattestation.NewKeySource(url, ring.ReportJWKS())
	if err != nil {
		log.Fatal(err)
	}
	return &exampleInstance{issuer, keys, heldRSA()}
}

// attest does what the service does once it has verified an enclave's evidence.
func (s *exampleInstance) attest(svn int64, debuggable bool) string {
	n := base64.RawURLEncoding.EncodeToString(s.enclave.N.Bytes())
	runtime, err := claims.JSON([]byte(`{"keys":[{"kid":"made-in-the-enclave","kty":"RSA","key_ops":["encrypt"],"n":"` + n + `","e":"AQAB"}]}`))
	if err != nil {
		log.Fatal(err)
	}
	var c claims.Set
	c.Add("iss", claims.String(s.issuer.URL()))
	c.Add("iat", claims.Integer(time.Now().Unix()))
	c.Add("exp", claims.Integer(time.Now().Add(time.Hour).Unix()))
	c.Add("nonce", claims.String("a nonce of ours"))
	c.Add("x-ms-attestation-type", claims.String("sgx"))
	c.Add("x-ms-sgx-is-debuggable", claims.Boolean(debuggable))
	c.Add("x-ms-sgx-mrenclave", claims.String("292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e"))
	c.Add("x-ms-sgx-mrsigner", claims.String("4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c"))
	c.Add("x-ms-sgx-product-id", claims.Integer(1))
	c.Add("x-ms-sgx-svn", claims.Integer(svn))
	c.Add("x-ms-runtime", runtime)
	compact, err := s.issuer.Sign(context.Background(), &c)
	if err != nil {
		log.Fatal(err)
	}
	return compact
}
