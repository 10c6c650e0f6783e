package wire

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// The messages with which a TPM's attestation key gets its certificate. They are
// this service's own: Azure's has no such routes. Requests are read as all others.

// The members of the requests.
const (
	EKCertificatesMember = "ekCertificates"
	EKPublicMember       = "ekPublic"
	AIKPublicMember      = "aikPublic"
	ContextMember        = "context"
	SecretMember         = "secret"
)

// EnrollRequest is the body of POST /tpm/enroll.
type EnrollRequest struct {
	// EKCertificates are DER, one at least, none of them empty: that of the
	// endorsement key first.
	EKCertificates [][]byte
	// EKPublic is a TPMT_PUBLIC, nil for none.
	EKPublic []byte
	// AIKPublic is a TPMT_PUBLIC, never empty.
	AIKPublic []byte
}

// ParseEnrollRequest reads the first message. It refuses with a *[RequestError].
func ParseEnrollRequest(body []byte) (*EnrollRequest, error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := new(EnrollRequest)
	if r.EKCertificates, err = parseCertificates(o, EKCertificatesMember); err != nil {
		return nil, err
	}
	if r.EKPublic, err = o.binary(EKPublicMember); err != nil {
		return nil, err
	}
	if r.AIKPublic, err = o.needed(AIKPublicMember); err != nil {
		return nil, err
	}
	return r, nil
}

// ActivateRequest is the body of POST /tpm/activate. Nothing in it is empty.
type ActivateRequest struct {
	// Context is that of the [EnrollChallenge].
	Context []byte
	// Secret is what the TPM found in it.
	Secret []byte
	// AIKPublic is a TPMT_PUBLIC.
	AIKPublic []byte
}

// ParseActivateRequest reads the second message. It refuses with a *[RequestError],
// which holds nothing of the secret.
func ParseActivateRequest(body []byte) (*ActivateRequest, error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := new(ActivateRequest)
	if r.Context, err = o.needed(ContextMember); err != nil {
		return nil, err
	}
	if r.Secret, err = o.needed(SecretMember); err != nil {
		return nil, err
	}
	if r.AIKPublic, err = o.needed(AIKPublicMember); err != nil {
		return nil, err
	}
	return r, nil
}

// EnrollChallenge is the answer to POST /tpm/enroll, in base64url.
type EnrollChallenge struct {
	// IDObject is the content of a TPM2B_ID_OBJECT, EncryptedSecret that of a
	// TPM2B_ENCRYPTED_SECRET.
	IDObject        string `json:"idObject"`
	EncryptedSecret string `json:"encryptedSecret"`
	// Context is to be sent back.
	Context string `json:"context"`
}

// NewEnrollChallenge writes what a TPM can answer.
func NewEnrollChallenge(idObject, encryptedSecret, context []byte) EnrollChallenge {
	return EnrollChallenge{encode(idObject), encode(encryptedSecret), encode(context)}
}

// Certificates is the answer to POST /tpm/activate: DER in base64url, that of the
// attestation key first and each signed by the next.
type Certificates struct {
	Certificates []string `json:"certificates"`
}

// NewCertificates writes a chain.
func NewCertificates(chain [][]byte) Certificates {
	c := Certificates{Certificates: []string{}}
	for _, der := range chain {
		c.Certificates = append(c.Certificates, encode(der))
	}
	return c
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// binary returns a member in base64url, decoded; nil if it is absent. An empty one
// is refused.
func (o object) binary(name string) ([]byte, error) {
	text, err := o.bytes(name)
	if err != nil || text == nil {
		return nil, err
	}
	return o.decoded(name, text)
}

// needed is binary of a member that must be there.
func (o object) needed(name string) ([]byte, error) {
	raw, err := o.binary(name)
	if err == nil && raw == nil {
		err = o.problem(name, "missing, want base64url", nil)
	}
	return raw, err
}

func (o object) decoded(name string, text []byte) ([]byte, error) {
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, o.problem(name, "want base64url", err)
	}
	if len(raw) == 0 {
		return nil, o.problem(name, "empty, want base64url", nil)
	}
	return raw, nil
}

// parseCertificates reads an array of strings in base64url, one at least.
func parseCertificates(o object, name string) ([][]byte, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, o.problem(name, "missing, want an array of certificates", nil)
	}
	if kind := kindOf(raw); kind != kindArray {
		return nil, o.problem(name, "want an array of strings, found "+kind, nil)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	// The text is valid JSON, as whoever made the object has found.
	if _, err := dec.Token(); err != nil {
		return nil, o.problem(name, "not valid JSON", err)
	}
	var all [][]byte
	for dec.More() {
		if len(all) == maxCertificates {
			return nil, o.problem(name, fmt.Sprintf("more than %d certificates", maxCertificates), nil)
		}
		var element json.RawMessage
		if err := dec.Decode(&element); err != nil {
			return nil, o.problem(name, "not valid JSON", err)
		}
		at := fmt.Sprintf("%s[%d]", name, len(all))
		one := object{path: o.path, members: map[string]json.RawMessage{Fold(at): element}}
		der, err := one.needed(at)
		if err != nil {
			return nil, err
		}
		all = append(all, der)
	}
	if len(all) == 0 {
		return nil, o.problem(name, "empty, want the certificate of the endorsement key, and those above it", nil)
	}
	return all, nil
}
