package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// keys are all private keys of a platform and of its simulated Intel.
type keys struct {
	root, platformCA, processorCA, tcbSigning *ecdsa.PrivateKey
	pck, attestation                          *ecdsa.PrivateKey
	// stranger is a key that nothing vouches for: faults sign with it.
	stranger *ecdsa.PrivateKey
	// The public keys as quotes carry them.
	attestationPoint, strangerPoint []byte
}

func newKeys(c Config) (*keys, error) {
	k := new(keys)
	for _, f := range []struct {
		dst     **ecdsa.PrivateKey
		purpose string
	}{
		{&k.root, "root"},
		{&k.platformCA, "platform CA"},
		{&k.processorCA, "processor CA"},
		{&k.tcbSigning, "TCB signing"},
		{&k.pck, "PCK of " + c.machine()},
		{&k.attestation, "attestation of " + c.machine()},
		{&k.stranger, "stranger"},
	} {
		var err error
		if *f.dst, err = c.Seed.key(f.purpose); err != nil {
			return nil, err
		}
	}
	var err error
	if k.attestationPoint, err = point(&k.attestation.PublicKey); err != nil {
		return nil, err
	}
	k.strangerPoint, err = point(&k.stranger.PublicKey)
	return k, err
}

// identifiers are the names and numbers of a platform that real ones draw at
// random.
type identifiers struct {
	ppid, instance                        [16]byte
	rootSerial, caSerial, tcbSignerSerial *big.Int
	pckSerial, otherPCKSerial             *big.Int
}

func newIdentifiers(c Config) (*identifiers, error) {
	id := new(identifiers)
	for _, f := range []struct {
		dst     *[16]byte
		purpose string
	}{{&id.ppid, "PPID of " + c.machine()}, {&id.instance, "instance ID of " + c.machine()}} {
		b, err := c.Seed.derive(f.purpose, len(f.dst))
		if err != nil {
			return nil, err
		}
		copy(f.dst[:], b)
	}
	for _, f := range []struct {
		dst     **big.Int
		purpose string
	}{
		{&id.rootSerial, "root"},
		{&id.caSerial, "CA " + string(c.CA)},
		{&id.tcbSignerSerial, "TCB signing"},
		{&id.pckSerial, "PCK of " + c.machine()},
		{&id.otherPCKSerial, "some other PCK"},
	} {
		var err error
		if *f.dst, err = c.Seed.serial(f.purpose); err != nil {
			return nil, err
		}
	}
	return id, nil
}

// sign makes an ECDSA signature over the SHA-256 of message, deterministic as in
// RFC 6979: r‖s, each 32 bytes, big-endian.
func sign(key *ecdsa.PrivateKey, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	der, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("simulator: signing: %w", err)
	}
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, fmt.Errorf("simulator: reading back a signature: %w", err)
	}
	raw := make([]byte, 64)
	s.R.FillBytes(raw[:32])
	s.S.FillBytes(raw[32:])
	return raw, nil
}

// point is the uncompressed public key without its leading 4: x‖y, each 32
// bytes, big-endian.
func point(key *ecdsa.PublicKey) ([]byte, error) {
	b, err := key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("simulator: encoding a public key: %w", err)
	}
	return b[1:], nil
}

// keyID is the subject key identifier of a certificate, 20 bytes (RFC 7093,
// method 4, cut to the length that Intel's have).
func keyID(key *ecdsa.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("simulator: encoding a public key: %w", err)
	}
	sum := sha256.Sum256(spki)
	return sum[:20], nil
}
