package tpm

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// minSecret is the least secret that a credential carries, in bytes: nobody shall
// guess what only the TPM can tell.
const minSecret = 16

// Credential is what TPM2_ActivateCredential opens, in the TPM that holds both the
// EK and the AIK that it names.
type Credential struct {
	// IDObject is the content of a TPM2B_ID_OBJECT, EncryptedSecret that of a
	// TPM2B_ENCRYPTED_SECRET.
	IDObject, EncryptedSecret []byte
}

// MakeCredential encrypts a secret so that a TPM which holds the EK opens it only
// if it also holds the AIK, whose public area must be known: its name, under which
// the secret is protected, stands for its attributes (part 1, 24). Who returns the
// secret has proved that the AIK is what [NewAIK] checked; see [CheckSecret].
//
// The secret has 16 bytes or more, up to the digest of the EK's name: 32, or 48 for
// the keys of the high range.
func (e *EK) MakeCredential(aik *AIK, secret []byte) (*Credential, error) {
	const part = "credential"
	if aik.public == nil {
		return nil, refuse(StageCredential, evidence.CodeMissing, part, "an AIK without its TPMT_PUBLIC", "one by NewAIK or WithPublic")
	}
	size := e.nameAlgorithm.size()
	if len(secret) < minSecret || len(secret) > size {
		return nil, refuse(StageCredential, evidence.CodeMalformed, part, fmt.Sprintf("a secret of %d bytes", len(secret)), fmt.Sprintf("%d to %d", minSecret, size))
	}
	seed, encrypted, err := e.encapsulate()
	if err != nil {
		return nil, err
	}
	id, err := e.protect(seed, aik.public.Name(), secret)
	if err != nil {
		return nil, err
	}
	return &Credential{IDObject: id, EncryptedSecret: encrypted}, nil
}

// labelIdentity is what the seed of a credential is made for.
const labelIdentity = "IDENTITY"

// encapsulate makes a seed that the EK alone can tell (part 1, B.10.4 and C.6.4).
func (e *EK) encapsulate() (seed, encrypted []byte, err error) {
	failed := func(err error) ([]byte, []byte, error) {
		problem := refuse(StageCredential, evidence.CodeMalformed, "credential", "", "a seed encrypted to the EK")
		problem.Err = err
		return nil, nil, problem
	}
	hash, _ := e.nameAlgorithm.Hash()
	switch key := e.key.(type) {
	case *rsa.PublicKey:
		seed = make([]byte, hash.Size())
		if _, err := rand.Read(seed); err != nil {
			return failed(err)
		}
		// The label ends with its zero.
		encrypted, err = rsa.EncryptOAEP(hash.New(), rand.Reader, key, seed, []byte(labelIdentity+"\x00"))
		if err != nil {
			return failed(err)
		}
		return seed, encrypted, nil
	case *ecdsa.PublicKey:
		static, err := key.ECDH()
		if err != nil {
			return failed(err)
		}
		ephemeral, err := static.Curve().GenerateKey(rand.Reader)
		if err != nil {
			return failed(err)
		}
		z, err := ephemeral.ECDH(static)
		if err != nil {
			return failed(err)
		}
		x, y := coordinates(ephemeral.PublicKey().Bytes())
		staticX, _ := coordinates(static.Bytes())
		seed = kdfe(e.nameAlgorithm, z, labelIdentity, x, staticX)
		return seed, append2B(append2B(nil, x), y), nil
	}
	return failed(fmt.Errorf("a key of type %T", e.key))
}

// coordinates splits an uncompressed point.
func coordinates(point []byte) (x, y []byte) {
	half := (len(point) - 1) / 2
	return point[1 : 1+half], point[1+half:]
}

// protect makes a TPMS_ID_OBJECT: the secret encrypted by AES-CFB with a key that
// depends on the name, and an HMAC over that and the name (part 1, 24.4 and 24.5).
func (e *EK) protect(seed []byte, name Name, secret []byte) ([]byte, error) {
	block, err := aes.NewCipher(kdfa(e.nameAlgorithm, seed, "STORAGE", name, nil, e.symmetricBits))
	if err != nil {
		problem := refuse(StageCredential, evidence.CodeUnsupported, "credential", "", "AES of 128, 192 or 256 bits")
		problem.Err = err
		return nil, problem
	}
	identity := append2B(nil, secret)
	//nolint:staticcheck,gosec // SA1019, G407: CFB from zero is what the TPM decrypts, with a key that is new each time; the HMAC below authenticates.
	stream := cipher.NewCFBEncrypter(block, make([]byte, aes.BlockSize))
	stream.XORKeyStream(identity, identity)

	hash, _ := e.nameAlgorithm.Hash()
	mac := hmac.New(hash.New, kdfa(e.nameAlgorithm, seed, "INTEGRITY", nil, nil, 8*hash.Size()))
	mac.Write(identity)
	mac.Write(name)
	return append(append2B(nil, mac.Sum(nil)), identity...), nil
}

// CheckSecret compares what a client says it found in a credential with what was
// in it, in constant time. An empty secret is never right.
func CheckSecret(want, got []byte) error {
	if len(want) < minSecret || subtle.ConstantTimeCompare(want, got) != 1 {
		e := refuse(StageCredential, evidence.CodeMismatch, "credential", "another secret", "the secret of the credential")
		e.Hint = "the TPM of the EK does not hold this AIK, or the credential was for another one"
		return e
	}
	return nil
}

// append2B appends a TPM2B. The callers' are digests and coordinates.
func append2B(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(b))) //nolint:gosec // G115: at most 64.
	return append(dst, b...)
}

// kdfa is KDFa (part 1, 11.4.10.2): HMAC in counter mode. Bits must be a multiple
// of 8.
func kdfa(a Algorithm, key []byte, label string, contextU, contextV []byte, bits int) []byte {
	hash, _ := a.Hash()
	var out []byte
	for i := uint32(1); len(out) < bits/8; i++ {
		mac := hmac.New(hash.New, key)
		mac.Write(binary.BigEndian.AppendUint32(nil, i))
		mac.Write(append([]byte(label), 0))
		mac.Write(contextU)
		mac.Write(contextV)
		mac.Write(binary.BigEndian.AppendUint32(nil, uint32(bits))) //nolint:gosec // G115: at most 512.
		out = mac.Sum(out)
	}
	return bytes.Clone(out[:bits/8])
}

// kdfe is KDFe (part 1, 11.4.10.3) for as many bits as a digest has: a hash over
// the shared x coordinate and those of both parties.
func kdfe(a Algorithm, z []byte, label string, partyU, partyV []byte) []byte {
	return a.sum(binary.BigEndian.AppendUint32(nil, 1), z, append([]byte(label), 0), partyU, partyV)
}
