package dcap

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
)

// CollateralParts is Intel's word on one family of platforms, each part exactly
// as it was delivered: signatures cover the bytes, so nothing may be
// reformatted. Nothing in it is trusted until a [Verifier] has checked it. A
// part that is missing is nil; the verifier refuses it by name.
type CollateralParts struct {
	// TCBInfo is the JSON answer {"tcbInfo":…,"signature":…}, version 2 or 3.
	TCBInfo []byte
	// TCBInfoIssuerChain is PEM: the TCB signing certificate and, usually, the
	// root.
	TCBInfoIssuerChain []byte
	// QEIdentity is the JSON answer {"enclaveIdentity":…,"signature":…}
	// (version 2) or {"qeIdentity":…,"signature":…} (version 1).
	QEIdentity []byte
	// QEIdentityIssuerChain is PEM, as TCBInfoIssuerChain.
	QEIdentityIssuerChain []byte
	// PCKCRL is the revocation list of the CA that issued the PCK certificate:
	// DER, PEM or hexadecimal DER.
	PCKCRL []byte
	// PCKCRLIssuerChain is PEM: that CA and, usually, the root. It may be nil;
	// the list is checked with the CA that stands in the quote.
	PCKCRLIssuerChain []byte
	// RootCACRL is the root's revocation list: DER, PEM or hexadecimal DER.
	RootCACRL []byte
}

// Collateral is an immutable [CollateralParts]. A verifier remembers what it
// has checked by its digest, so hand on the same *Collateral as long as the
// bytes are the same. Safe for concurrent use.
type Collateral struct {
	parts  CollateralParts
	digest [sha256.Size]byte
}

// NewCollateral copies p.
func NewCollateral(p CollateralParts) *Collateral {
	c := &Collateral{}
	h := sha256.New()
	for _, f := range []struct{ dst, src *[]byte }{
		{&c.parts.TCBInfo, &p.TCBInfo},
		{&c.parts.TCBInfoIssuerChain, &p.TCBInfoIssuerChain},
		{&c.parts.QEIdentity, &p.QEIdentity},
		{&c.parts.QEIdentityIssuerChain, &p.QEIdentityIssuerChain},
		{&c.parts.PCKCRL, &p.PCKCRL},
		{&c.parts.PCKCRLIssuerChain, &p.PCKCRLIssuerChain},
		{&c.parts.RootCACRL, &p.RootCACRL},
	} {
		*f.dst = bytes.Clone(*f.src)
		// The length keeps parts apart: no two sets share a digest by moving a
		// byte from one part to the next.
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(*f.src)))
		h.Write(length[:])
		h.Write(*f.src)
	}
	h.Sum(c.digest[:0])
	return c
}

// Parts returns the parts. Read them, do not change them.
func (c *Collateral) Parts() CollateralParts { return c.parts }

// Digest identifies the bytes of all parts.
func (c *Collateral) Digest() [sha256.Size]byte { return c.digest }
