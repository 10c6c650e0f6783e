// Package testvbs makes, for tests, reports of VBS enclaves and the measured boots
// that vouch for the keys which sign them.
//
// Which function do I want? A [Kernel] stands for Windows' secure kernel with its
// identity key for signing (IDKS). [Kernel.Sign] signs a [Report]. [Kernel.Boot]
// gives the events of a boot that measured the key, of which [Log] writes the log
// and [PCRs] says what a TPM then holds; whoever wants another boot changes the
// events. The quote over the PCRs is for the test to make, with a TPM or a key of
// its own.
//
// All of it is written after the declarations in Microsoft's headers (ntenclv.h,
// wbcl.h), by us. No report of a real enclave is among the project's own evidence;
// one that others published is named at [tpm.ParseEnclaveReport], and has the form
// that is written here.
package testvbs

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"testing"
	"unicode/utf16"

	"github.com/azattest/azattest/evidence/tpm"
)

// Kernel is a secure kernel: who signs reports of enclaves.
type Kernel struct {
	key *rsa.PrivateKey
}

// New makes a kernel with a key of so many bits; Windows' have 2048.
func New(tb testing.TB, bits int) *Kernel {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	return &Kernel{key}
}

// PublicKey is the key with which reports are verified.
func (k *Kernel) PublicKey() *rsa.PublicKey { return &k.key.PublicKey }

// Info is the key as a boot measures it: the data of tag VSM_IDKS_INFO
// (SIPAEVENT_VSM_IDK_INFO_PAYLOAD of wbcl.h), which is KeyAlgID 1, KeyBitLength,
// PublicExpLengthBytes and ModulusSizeBytes, little-endian and of 32 bits, then
// exponent and modulus, big-endian.
func (k *Kernel) Info() []byte {
	modulus, exponent := k.key.N.Bytes(), []byte{1, 0, 1}
	b := put32(nil, 1, k.key.N.BitLen(), len(exponent), len(modulus))
	return append(append(b, exponent...), modulus...)
}

// Report is what a kernel says of an enclave.
type Report struct {
	Identity tpm.EnclaveIdentity
	// Data is what the enclave gave.
	Data [64]byte
	// VariableData follows the fixed part; see [Report.AddModule].
	VariableData []byte
}

// NewReport is the report of an enclave that may be debugged and vouches for
// reportSigned, the text of a request's report_signed with both braces. Each byte
// of an identifier says which it is: OwnerID is f0…, UniqueID f1…, AuthorID f2…,
// FamilyID f3…, ImageID f4….
func NewReport(reportSigned []byte) *Report {
	r := &Report{Data: sha512.Sum512(reportSigned)}
	id := &r.Identity
	for i, dst := range [][]byte{id.OwnerID[:], id.UniqueID[:], id.AuthorID[:], id.FamilyID[:], id.ImageID[:]} {
		for j := range dst {
			dst[j] = byte(0xf0 + i)
		}
	}
	id.SVN, id.SecureKernelSVN, id.PlatformSVN = 1, 2, 3
	id.Flags, id.SigningLevel, id.Type = 1, 12, 0x10
	return r
}

// AddModule adds a VBS_ENCLAVE_REPORT_MODULE, which ends at a multiple of 8 bytes.
func (r *Report) AddModule(m tpm.EnclaveModule) {
	var body []byte
	for _, id := range [][]byte{m.UniqueID[:], m.AuthorID[:], m.FamilyID[:], m.ImageID[:]} {
		body = append(body, id...)
	}
	body = put32(body, int(m.SVN))
	for _, c := range append(utf16.Encode([]rune(m.Name)), 0) {
		body = binary.LittleEndian.AppendUint16(body, c)
	}
	for len(body)%8 != 0 {
		body = append(body, 0)
	}
	r.VariableData = append(put32(r.VariableData, 1, 8+len(body)), body...)
}

// Sign gives the report as EnclaveGetAttestationReport does, signed by RSA-PSS with
// SHA-256.
func (k *Kernel) Sign(tb testing.TB, r *Report) []byte {
	tb.Helper()
	id := &r.Identity
	body := append([]byte{}, r.Data[:]...)
	for _, part := range [][]byte{id.OwnerID[:], id.UniqueID[:], id.AuthorID[:], id.FamilyID[:], id.ImageID[:]} {
		body = append(body, part...)
	}
	body = put32(body, int(id.SVN), int(id.SecureKernelSVN), int(id.PlatformSVN), int(id.Flags), int(id.SigningLevel), int(id.Type))
	body = append(body, r.VariableData...)
	statement := append(put32(nil, 8+len(body), 1), body...)
	digest := sha256.Sum256(statement)
	signature, err := rsa.SignPSS(rand.Reader, k.key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		tb.Fatal(err)
	}
	whole := put32(nil, 24+len(statement)+len(signature), 1, 1, len(statement), len(signature), 0)
	return append(append(whole, statement...), signature...)
}

// put32 appends numbers, little-endian.
func put32(b []byte, values ...int) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, uint32(v)) //nolint:gosec // G115: lengths and fields of a test's making
	}
	return b
}
