package azattestation_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/big"

	"github.com/azattest/azattest/azattestation"
)

// Secure Key Release: a relying party hands a secret to an enclave, and to nobody
// on the way.
func Example_secureKeyRelease() {
	ctx, client := context.Background(), exampleClient()

	// In the enclave: make a key whose private half stays there, and have the
	// processor vouch for the public half. The hash of its JWK set goes into the quote.
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		log.Fatal(err)
	}
	runtimeData, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "kid": "enclave", "key_ops": []string{"encrypt"},
		"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
	}}})
	if err != nil {
		log.Fatal(err)
	}
	quote := exampleQuote(runtimeData)

	// Outside of it: have quote and key attested. This program need not be trusted.
	attested, err := client.AttestSGXEnclave(ctx, quote, &azattestation.ClientAttestSGXEnclaveOptions{
		RuntimeData: azattestation.NewJSONData(runtimeData),
	})
	if err != nil {
		log.Fatal(err)
	}

	// At the relying party: see the function below.
	encrypted, err := release(ctx, client.KeySource(), attested.Token.String(), []byte("the launch code"))
	if err != nil {
		log.Fatal(err)
	}

	// In the enclave again.
	secret, err := rsa.DecryptOAEP(sha256.New(), nil, key, encrypted, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", secret)

	// Output:
	// the launch code
}

// What the relying party knows beforehand.
const (
	trustedMREnclave = exampleMREnclave
	trustedPolicy    = examplePolicy
)

// release encrypts a secret to the key in a token, if the token is of an enclave
// that may have it. The keys in source are those of the instance that the relying
// party trusts, whatever the token says.
func release(ctx context.Context, source *azattestation.KeySource, compact string, secret []byte) ([]byte, error) {
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		return nil, err
	}
	if err := token.Validate(ctx, source, nil); err != nil {
		return nil, err
	}
	// From here on the claims are the instance's word. Is this an enclave to trust?
	var result azattestation.AttestationResult
	if err := token.Claims(&result); err != nil {
		return nil, err
	}
	policy := azattestation.PolicyHash(trustedPolicy)
	switch {
	case result.MREnclave == nil || *result.MREnclave != trustedMREnclave:
		return nil, errors.New("another enclave")
	case result.IsDebuggable == nil || *result.IsDebuggable:
		return nil, errors.New("its host can read its memory")
	case !bytes.Equal(result.PolicyHash, policy[:]):
		return nil, errors.New("judged by another policy")
	case result.AdditionalClaims["x-azattest-simulated"] != nil:
		return nil, errors.New("simulated hardware")
	}
	// So the key in it is one that only this enclave has.
	var held struct {
		Keys []azattestation.JSONWebKey `json:"keys"`
	}
	if err := json.Unmarshal(result.RuntimeClaims, &held); err != nil {
		return nil, err
	}
	if len(held.Keys) != 1 || held.Keys[0].N == nil || held.Keys[0].E == nil {
		return nil, errors.New("want one RSA key")
	}
	n, err := base64.RawURLEncoding.DecodeString(*held.Keys[0].N)
	if err != nil {
		return nil, err
	}
	e, err := base64.RawURLEncoding.DecodeString(*held.Keys[0].E)
	if err != nil {
		return nil, err
	}
	key := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	return rsa.EncryptOAEP(sha256.New(), rand.Reader, key, secret, nil)
}
