package dcap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/azattest/azattest/evidence"
)

// intelRootKey is the public key of "Intel SGX Root CA", an uncompressed P-256
// point. Two certificates for it circulate (valid to 2033 and to 2049), which
// is why the key is pinned and not a certificate. Source: the certificate that
// Intel publishes with its provisioning certification service.
const intelRootKey = "04" +
	"0ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4e88e48b4458561a36e705525f5" +
	"67918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394"

// Root is a trust anchor: the key of a root CA, with the name under which that
// CA issues.
type Root struct {
	name      string
	key       *ecdsa.PublicKey
	simulated bool
}

// IntelRoot returns Intel's production root.
func IntelRoot() Root {
	raw, err := hex.DecodeString(intelRootKey)
	if err != nil {
		panic("dcap: intelRootKey is not hexadecimal: " + err.Error())
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), raw)
	if err != nil {
		panic("dcap: intelRootKey is no point on P-256: " + err.Error())
	}
	return Root{name: "Intel SGX Root CA", key: key}
}

// NewRoot returns a trust anchor other than Intel's: a test PKI or a simulator.
// The name is the common name by which the certificates below it name their
// issuer. Evidence under a simulated root is marked as such all the way to the
// token. It returns an error if the key is not on P-256.
func NewRoot(name string, key *ecdsa.PublicKey, simulated bool) (Root, error) {
	if name == "" {
		return Root{}, fmt.Errorf("dcap: root without a name, want the common name of the root CA")
	}
	if key == nil || key.Curve != elliptic.P256() {
		return Root{}, fmt.Errorf("dcap: root %q: want a key on P-256", name)
	}
	return Root{name: name, key: key, simulated: simulated}, nil
}

// RootFromPEM returns the trust anchor that a self-signed certificate stands
// for, the only one in the text.
func RootFromPEM(raw []byte, simulated bool) (Root, error) {
	certs, err := ParseCertificates(raw)
	if err != nil {
		return Root{}, fmt.Errorf("dcap: root certificate: %w", err)
	}
	if len(certs) != 1 {
		return Root{}, fmt.Errorf("dcap: root certificate: found %d certificates, want one", len(certs))
	}
	key, err := publicKey(certs[0])
	if err != nil {
		return Root{}, fmt.Errorf("dcap: root certificate: %w", err)
	}
	if err := issued(certs[0], certs[0].Subject.CommonName, key); err != nil {
		return Root{}, fmt.Errorf("dcap: root certificate is not self-signed: %w", err)
	}
	return NewRoot(certs[0].Subject.CommonName, key, simulated)
}

// isIntel reports whether r holds Intel's production key, however it was made:
// the name is not what makes a root.
func (r Root) isIntel() bool { return r.key.Equal(IntelRoot().key) }

// Name is the common name of the root CA.
func (r Root) Name() string { return r.name }

// IsSimulated reports whether evidence under this root proves nothing about
// hardware.
func (r Root) IsSimulated() bool { return r.simulated }

func untrusted(found string, roots []Root) error {
	names := make([]string, len(roots))
	for i, r := range roots {
		names[i] = r.name
	}
	return &evidence.Error{
		Stage: evidence.StageChain, Code: evidence.CodeUntrustedRoot, Part: "certificate chain", Offset: -1,
		Found: found, Expected: "a chain to the key of " + strings.Join(names, " or "),
	}
}
