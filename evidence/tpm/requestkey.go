package tpm

import (
	"crypto"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// requestKey is a key object of the protocol, not trusted: a public key, and how
// it is bound to the TPM.
type requestKey struct {
	path string
	key  crypto.PublicKey
	// text is the JWK byte for byte, which is what a quote binds.
	text []byte
	// bindingHash is the hash of a key that the quote binds, 0 without one;
	// hashName is what the request calls it.
	bindingHash Algorithm
	hashName    string
	certified   *certified // nil without
}

// certified is a TPM2_Certify of a key.
type certified struct {
	public    *Public
	attest    []byte
	signature *Signature
}

// bindingHashes are the names of hashes in tpm_quote, those of IANA's registry of
// named information.
var bindingHashes = map[string]Algorithm{"sha-256": SHA256, "sha-384": SHA384, "sha-512": SHA512}

func readKey(o object) (*requestKey, error) {
	k := &requestKey{path: o.path}
	var err error
	if k.key, k.text, err = readJWK(o, "jwk"); err != nil || k.key == nil {
		return nil, orMissing(err, o, "jwk", "a public key")
	}
	info, ok, err := o.object("info")
	if err != nil || !ok {
		return k, err
	}
	if quote, ok, err := info.object("tpm_quote"); err != nil {
		return nil, err
	} else if ok {
		if k.hashName, _, err = quote.text("hash_alg"); err != nil {
			return nil, err
		}
		if k.bindingHash, ok = bindingHashes[k.hashName]; !ok {
			return nil, jsonError(quote.pathOf("hash_alg"), evidence.CodeUnsupported, fmt.Sprintf("%.32q", k.hashName), "sha-256, sha-384 or sha-512")
		}
	}
	if certify, ok, err := info.object("tpm_certify"); err != nil {
		return nil, err
	} else if ok {
		if k.certified, err = readCertified(certify); err != nil {
			return nil, err
		}
	}
	if k.bindingHash != 0 && k.certified != nil {
		return nil, jsonError(info.path, evidence.CodeMalformed, "tpm_quote and tpm_certify", "one of them")
	}
	return k, nil
}

func readCertified(o object) (*certified, error) {
	c := new(certified)
	public, err := o.needed("public", maxPublic)
	if err != nil {
		return nil, err
	}
	if c.public, err = ParsePublic(public); err != nil {
		return nil, inRequest(err, o.pathOf("public"))
	}
	if c.attest, err = o.needed("certification", maxAttest); err != nil {
		return nil, err
	}
	c.signature, err = readSignature(o)
	return c, err
}

// verify checks that the AIK certified the key, if the request says so, and
// returns the object that policies read of it.
func (k *requestKey) verify(aik *AIK, want Requirements) (claims.Value, error) {
	if err := CheckKey(k.key); err != nil {
		return claims.Value{}, inRequest(err, k.path+".jwk")
	}
	var info string
	switch {
	case k.certified != nil:
		c, err := aik.VerifyCertification(k.certified.public, k.certified.attest, k.certified.signature, want)
		if err != nil {
			return claims.Value{}, inRequest(err, k.path+".info.tpm_certify")
		}
		if !c.IsOf(k.key) {
			return claims.Value{}, refuse(StageCertification, evidence.CodeMismatch, k.path+".info.tpm_certify.public", "another key", "the key of jwk")
		}
		info = `{"tpm_certify":` + c.Info() + `}`
	case k.bindingHash != 0:
		info = `{"tpm_quote":{"hash_alg":` + strconv.Quote(k.hashName) + `}}`
	}
	// The key as it was read, without whatever else its JWK says.
	jwk, err := NewJWK(k.key)
	if err != nil {
		return claims.Value{}, err
	}
	text, err := json.Marshal(jwk)
	if err != nil {
		return claims.Value{}, fmt.Errorf("tpm: %w", err)
	}
	whole := `{"jwk":` + string(text)
	if info != "" {
		whole += `,"info":` + info
	}
	return claims.JSON([]byte(whole + "}"))
}

// isBound reports whether the key is in the TPM that quotes, or the quote speaks
// for it.
func (k *requestKey) isBound() bool {
	return k.bindingHash != 0 || k.certified != nil && k.certified.public.Attributes.IsResident()
}
