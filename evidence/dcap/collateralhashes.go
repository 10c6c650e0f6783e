package dcap

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
)

// CollateralHashes are SHA-256 digests of collateral, 64 lower-case hexadecimal
// digits each, as Azure Attestation computes them for its tokens (found by
// recomputing recorded tokens): over the JSON documents as delivered, over PEM
// with LF for certificates and for the root CA's list, each followed by one NUL
// byte. The lists that stand for TCB info and QE identity are one and the same.
type CollateralHashes struct {
	TCBInfo, TCBInfoIssuerChain, TCBInfoCRL          string
	QEIdentity, QEIdentityIssuerChain, QEIdentityCRL string
}

func hashCollateral(p CollateralParts) (CollateralHashes, error) {
	tcbChain, err := hashChain(p.TCBInfoIssuerChain)
	if err != nil {
		return CollateralHashes{}, err
	}
	qeChain, err := hashChain(p.QEIdentityIssuerChain)
	if err != nil {
		return CollateralHashes{}, err
	}
	list, err := ParseCRL(p.RootCACRL)
	if err != nil {
		return CollateralHashes{}, err
	}
	crl := hashWithNUL(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list.Raw}))
	return CollateralHashes{
		TCBInfo: hashWithNUL(p.TCBInfo), TCBInfoIssuerChain: tcbChain, TCBInfoCRL: crl,
		QEIdentity: hashWithNUL(p.QEIdentity), QEIdentityIssuerChain: qeChain, QEIdentityCRL: crl,
	}, nil
}

func hashChain(pemText []byte) (string, error) {
	certs, err := ParseCertificates(pemText)
	if err != nil {
		return "", err
	}
	return hashWithNUL(normalizedPEM(certs)), nil
}

func hashWithNUL(b []byte) string {
	h := sha256.New()
	h.Write(b)
	h.Write([]byte{0})
	return hex.EncodeToString(h.Sum(nil))
}
