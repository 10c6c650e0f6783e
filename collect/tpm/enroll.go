package tpm

import (
	"context"
	"crypto/x509"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
)

// EnrollOptions are the optional parameters of [Enroll].
type EnrollOptions struct {
	// ClientOptions configure the requests, as those of the client library. The
	// default of APIVersion is 2022-08-01. Bodies are never logged: a secret is in one.
	ClientOptions azcore.ClientOptions
	// Algorithm is that of the endorsement key: RSA, which is the default, or ECC
	// (P-256, or P-384 where the TPM has that certificate alone).
	Algorithm Algorithm
	// Certificates are sent beside those that the TPM holds: the endorsement key's,
	// where the TPM does not hold it, and those of its issuers.
	Certificates []*x509.Certificate
}

// Enroll has a service certify an AIK. The service makes a secret that only the TPM
// can open which holds the endorsement key and this very AIK, and gives the
// certificate to who returns the secret. The AIK comes back with its certificates,
// which are kept in its file, too.
//
// This is an operation of azattest's service. Azure's has none: there AIKs are
// certified by Windows, or by the host of a virtual machine.
//
// The endpoint is an https URL, or http to this machine; the credential may be nil.
// A refusal of the service is an *azcore.ResponseError, an answer that is none an
// *[Error], as is what the TPM does not do.
func Enroll(ctx context.Context, endpoint string, credential azcore.TokenCredential, aik *AIK, o *EnrollOptions) (*AIK, error) {
	if aik == nil {
		return nil, &Error{Op: "enroll", Found: "no AIK", Expected: "one of TPM.AIK"}
	}
	if o == nil {
		o = new(EnrollOptions)
	}
	c, err := connect(endpoint, credential, &o.ClientOptions)
	if err != nil {
		return nil, err
	}
	ek, err := aik.key.tpm.endorsement(ctx, o.Algorithm, o.Certificates)
	if err != nil {
		return nil, err
	}
	offer, err := post(ctx, c, "/tpm/enroll", enrollRequest{
		EKCertificates: encodeAll(ek.certificates), EKPublic: encode(ek.public.Bytes()), AIKPublic: encode(aik.key.public.Bytes()),
	}, parseOffer)
	if err != nil {
		return nil, err
	}
	secret, err := ek.activate(ctx, aik, offer.idObject, offer.encryptedSecret)
	if err != nil {
		return nil, err
	}
	chain, err := post(ctx, c, "/tpm/activate", activateRequest{
		Context: offer.context, Secret: encode(secret), AIKPublic: encode(aik.key.public.Bytes()),
	}, func(text []byte) ([]*x509.Certificate, error) { return parseIssued(text, aik) })
	if err != nil {
		return nil, err
	}
	return aik.WithCertificates(chain)
}

// enrollRequest asks for a certificate. Bytes are base64url without padding.
type enrollRequest struct {
	EKCertificates []string `json:"ekCertificates"`     // DER, the key's own first
	EKPublic       string   `json:"ekPublic,omitempty"` // TPMT_PUBLIC
	AIKPublic      string   `json:"aikPublic"`          // TPMT_PUBLIC
}

// activateRequest returns the secret.
type activateRequest struct {
	Context   string `json:"context"`
	Secret    string `json:"secret"`
	AIKPublic string `json:"aikPublic"`
}

// String keeps the secret out of logs.
func (activateRequest) String() string { return "request with the secret of a credential" }

// offer is what comes of an enrollRequest.
type offer struct {
	idObject        []byte // content of a TPM2B_ID_OBJECT
	encryptedSecret []byte // content of a TPM2B_ENCRYPTED_SECRET
	context         string // base64url, for the service to know its secret again
}

func parseOffer(text []byte) (*offer, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	f := new(offer)
	if f.idObject, err = o.bytes("idObject", maxCredential); err != nil {
		return nil, err
	}
	if f.encryptedSecret, err = o.bytes("encryptedSecret", maxCredential); err != nil {
		return nil, err
	}
	if _, err := o.bytes("context", maxContext); err != nil {
		return nil, err
	}
	f.context, err = o.text("context")
	return f, err
}

// parseIssued reads certificates, the first of which must be the AIK's.
func parseIssued(text []byte, aik *AIK) ([]*x509.Certificate, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	ders, err := o.list("certificates", maxChain, maxCertificate)
	if err != nil {
		return nil, err
	}
	chain, err := chainFor(aik.key.public.Key, ders)
	if err != nil {
		return nil, fmt.Errorf("member %q: %w", "certificates", err)
	}
	return chain, nil
}

func encodeAll(list [][]byte) []string {
	texts := make([]string, len(list))
	for i, raw := range list {
		texts[i] = encode(raw)
	}
	return texts
}
