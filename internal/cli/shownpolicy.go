package cli

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"

	"github.com/azattest/azattest/azattestation"
)

// policyDigest is what identifies a policy, and the token in which it was sent.
type policyDigest struct {
	// PolicyHash is x-ms-policy-hash of attestation tokens, absent where there is no
	// policy.
	PolicyHash    string `json:"policyHash,omitempty"`
	PolicyHashHex string `json:"policyHashHex,omitempty"`
	// PolicyToken is the token itself, PolicyTokenHash x-ms-policy-token-hash.
	PolicyToken        string `json:"policyToken"`
	PolicyTokenHash    string `json:"policyTokenHash"`
	PolicyTokenHashHex string `json:"policyTokenHashHex"`
	// Signer is the certificate that the token names, null of an unsigned one.
	Signed bool               `json:"signed"`
	Signer *publicCertificate `json:"signer"`
}

func newPolicyDigest(p *azattestation.PolicyToken, isPolicy bool) policyDigest {
	d := policyDigest{PolicyToken: p.String()}
	d.PolicyTokenHash, d.PolicyTokenHashHex = bothForms(p.SHA256())
	if isPolicy {
		d.PolicyHash, d.PolicyHashHex = bothForms(azattestation.PolicyHash(p.Policy()))
	}
	if chain := p.Signer(); len(chain) > 0 {
		d.Signed, d.Signer = true, newPublicCertificate(chain[0])
	}
	return d
}

// bothForms are a hash as it stands on the wire, and in hexadecimal.
func bothForms(hash [sha256.Size]byte) (base64URL, hexadecimal string) {
	return base64.RawURLEncoding.EncodeToString(hash[:]), hex.EncodeToString(hash[:])
}

// rows writes the hashes and the signer.
func (d *policyDigest) rows(t *table) {
	if d.PolicyHash != "" {
		t.row("policy hash", d.PolicyHash)
		t.row("  in hexadecimal", d.PolicyHashHex)
	}
	t.row("policy token hash", d.PolicyTokenHash)
	t.row("  in hexadecimal", d.PolicyTokenHashHex)
	if d.Signer == nil {
		t.row("signed by", "nobody")
		return
	}
	t.row("signed by", clean(d.Signer.Subject))
	t.row("  thumbprint", d.Signer.Thumbprint)
}

// publicCertificate is a certificate of a key that signs policies or tokens.
type publicCertificate struct {
	shownCertificate
	Key         string `json:"key"`
	Thumbprint  string `json:"thumbprint"`
	Certificate string `json:"certificate"`
}

func newPublicCertificate(c *x509.Certificate) *publicCertificate {
	return &publicCertificate{
		shownCertificate: *newShownCertificate(c), Key: keyInWords(c), Thumbprint: azattestation.Thumbprint(c), Certificate: certificatePEM(c),
	}
}

// rows writes what tells one certificate from another.
func (c *publicCertificate) rows(t *table, indent string) {
	t.row(indent+"subject", clean(c.Subject))
	if c.Issuer != c.Subject {
		t.row(indent+"issuer", clean(c.Issuer))
	}
	t.row(indent+"valid", c.NotBefore.Format("2006-01-02")+" to "+c.NotAfter.Format("2006-01-02"))
	t.row(indent+"key", c.Key)
}
