// Package testattest makes requests of the TPM attestation protocol for tests, with
// keys in software where a TPM has its own.
//
// Which function do I want? [NewAIK] makes a key that quotes, and [NewAuthority]
// somebody who certifies it. [Replay] says what the PCRs hold after a log. Of these
// a [Request] is made, which [Request.V1] or [Request.V2] signs. Who writes another
// request by hand takes [JWK] and [PCRs] for its parts.
package testattest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// AIK is an attestation identity key in software: it signs what a TPM would, and
// whatever else a test wants.
type AIK struct {
	// Signer is RSA, which signs by RSASSA, or ECDSA on P-256.
	Signer crypto.Signer
}

// NewAIK returns the AIK of a key.
func NewAIK(signer crypto.Signer) *AIK { return &AIK{signer} }

// Numbers of the TPM library specification, part 2.
const (
	generatedValue = 0xff544347 // TPM_GENERATED_VALUE
	stAttestQuote  = 0x8018     // TPM_ST_ATTEST_QUOTE
	stCertify      = 0x8017     // TPM_ST_ATTEST_CERTIFY
)

var be = binary.BigEndian

// Quote signs a quote of banks, in their order, and returns a TPMS_ATTEST with its
// TPMT_SIGNATURE.
func (a *AIK) Quote(tb testing.TB, qualifying []byte, banks ...tpm.Bank) (attest, signature []byte) {
	tb.Helper()
	h := crypto.SHA256.New()
	b := header(stAttestQuote, qualifying)
	b = be.AppendUint32(b, uint32(len(banks))) //nolint:gosec // G115: a test has a few
	for _, bank := range banks {
		var selected uint32
		for _, p := range bank.PCRs {
			selected |= 1 << p.Index
			h.Write(p.Digest)
		}
		b = be.AppendUint16(b, uint16(bank.Algorithm))
		b = append(b, 3, byte(selected), byte(selected>>8), byte(selected>>16))
	}
	b = sized(b, h.Sum(nil))
	return b, a.sign(tb, b)
}

// Certify signs that the key of a TPMT_PUBLIC is in the same TPM.
func (a *AIK) Certify(tb testing.TB, qualifying, public []byte) (attest, signature []byte) {
	tb.Helper()
	p, err := tpm.ParsePublic(public)
	if err != nil {
		tb.Fatal(err)
	}
	b := sized(sized(header(stCertify, qualifying), p.Name()), p.Name())
	return b, a.sign(tb, b)
}

// header is a TPMS_ATTEST up to what depends on the type.
func header(kind uint16, qualifying []byte) []byte {
	b := be.AppendUint16(be.AppendUint32(nil, generatedValue), kind)
	b = sized(b, append([]byte{0, 0x0b}, make([]byte, 32)...)) // qualifiedSigner
	b = sized(b, qualifying)
	b = be.AppendUint64(b, 1000)               // clock
	b = be.AppendUint32(b, 2)                  // resetCount
	b = append(be.AppendUint32(b, 3), 1)       // restartCount, safe
	return be.AppendUint64(b, 0x2019102300163) // firmwareVersion
}

// sized appends a TPM2B.
func sized(b, content []byte) []byte {
	return append(be.AppendUint16(b, uint16(len(content))), content...) //nolint:gosec // G115: some hundred bytes
}

// sign returns a TPMT_SIGNATURE.
func (a *AIK) sign(tb testing.TB, attest []byte) []byte {
	tb.Helper()
	h := crypto.SHA256.New()
	h.Write(attest)
	raw, err := a.Signer.Sign(rand.Reader, h.Sum(nil), crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	if _, ok := a.Signer.Public().(*rsa.PublicKey); ok {
		return sized(be.AppendUint16(be.AppendUint16(nil, uint16(tpm.RSASSA)), uint16(tpm.SHA256)), raw)
	}
	r, s := split(tb, raw)
	b := be.AppendUint16(be.AppendUint16(nil, uint16(tpm.ECDSA)), uint16(tpm.SHA256))
	return sized(sized(b, r.Bytes()), s.Bytes())
}

// split takes a signature of crypto/ecdsa apart.
func split(tb testing.TB, der []byte) (r, s *big.Int) {
	tb.Helper()
	var parts struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		tb.Fatal(err)
	}
	return parts.R, parts.S
}

// Replay returns all 24 PCRs of a bank as a log leaves them.
func Replay(tb testing.TB, log []byte, a tpm.Algorithm) tpm.Bank {
	tb.Helper()
	parsed, err := eventlog.Parse(log)
	if err != nil {
		tb.Fatal(err)
	}
	values, err := parsed.Replay(eventlog.Bank(a))
	if err != nil {
		tb.Fatal(err)
	}
	bank := tpm.Bank{Algorithm: a}
	for i := range 24 {
		digest := values[i]
		if digest == nil {
			digest = make([]byte, eventlog.Bank(a).Size())
		}
		bank.PCRs = append(bank.PCRs, tpm.PCR{Index: i, Digest: digest})
	}
	return bank
}
