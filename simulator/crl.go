package simulator

import (
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
)

// reasonKeyCompromise is the reason that Intel's lists give (RFC 5280, 5.3.1).
const reasonKeyCompromise = 1

// crlDraft is a revocation list before it is signed.
type crlDraft struct {
	issuer     string
	key        *ecdsa.PublicKey // the issuer's, named in the list
	signer     *ecdsa.PrivateKey
	valid      window
	revoked    []*big.Int
	extensions []pkix.Extension
}

func newCRL(issuer string, key *ecdsa.PrivateKey, valid window, revoked ...*big.Int) *crlDraft {
	return &crlDraft{issuer: issuer, key: &key.PublicKey, signer: key, valid: valid, revoked: revoked}
}

// sign returns the list as DER.
func (d *crlDraft) sign() ([]byte, error) {
	issuer, err := distinguishedName(d.issuer)
	if err != nil {
		return nil, err
	}
	id, err := keyID(d.key)
	if err != nil {
		return nil, err
	}
	template := &x509.RevocationList{
		SignatureAlgorithm: x509.ECDSAWithSHA256, Number: big.NewInt(1),
		ThisUpdate: d.valid.from, NextUpdate: d.valid.to, ExtraExtensions: d.extensions,
	}
	for _, serial := range d.revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries, x509.RevocationListEntry{
			SerialNumber: serial, RevocationTime: d.valid.from, ReasonCode: reasonKeyCompromise,
		})
	}
	// As with certificates, the issuer is only a name, and no source of
	// randomness makes the signature deterministic.
	parent := &x509.Certificate{RawSubject: issuer, SubjectKeyId: id, KeyUsage: x509.KeyUsageCRLSign}
	der, err := x509.CreateRevocationList(nil, template, parent, d.signer)
	if err != nil {
		return nil, fmt.Errorf("simulator: issuing the revocation list of %q: %w", d.issuer, err)
	}
	return der, nil
}
