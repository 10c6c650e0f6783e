package dcap

import (
	"bytes"
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

// hashCollateral computes the digests of collateral whose root CA list has been
// read already.
func hashCollateral(p CollateralParts, rootCRL []byte) (CollateralHashes, error) {
	tcbChain, err := hashChain(p.TCBInfoIssuerChain)
	if err != nil {
		return CollateralHashes{}, err
	}
	qeChain := tcbChain
	if !bytes.Equal(p.QEIdentityIssuerChain, p.TCBInfoIssuerChain) {
		if qeChain, err = hashChain(p.QEIdentityIssuerChain); err != nil {
			return CollateralHashes{}, err
		}
	}
	crl := hashWithNUL(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: rootCRL}))
	return CollateralHashes{
		TCBInfo: hashWithNUL(p.TCBInfo), TCBInfoIssuerChain: tcbChain, TCBInfoCRL: crl,
		QEIdentity: hashWithNUL(p.QEIdentity), QEIdentityIssuerChain: qeChain, QEIdentityCRL: crl,
	}, nil
}

// hashChain hashes a chain in one form, whatever its white space was.
func hashChain(pemText []byte) (string, error) {
	blocks, err := certificateBlocks(pemText)
	if err != nil {
		return "", err
	}
	var normal []byte
	for _, b := range blocks {
		normal = append(normal, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.der})...)
	}
	return hashWithNUL(normal), nil
}

func hashWithNUL(b []byte) string {
	h := sha256.New()
	h.Write(b)
	h.Write([]byte{0})
	return hex.EncodeToString(h.Sum(nil))
}
