//go:build pkcs11

package keyring

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/miekg/pkcs11"

	"github.com/azattest/azattest/token"
)

// A key's name in a record is one of these and what follows.
const (
	byLabel = "label="
	byID    = "id="
)

// p256 is the DER of the object identifier of the curve P-256.
var p256 = []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}

// NewKey makes a key pair whose private half cannot leave the token, or returns
// the prepared one.
func (t *hsm) NewKey(ctx context.Context, a token.Algorithm, bits int) (string, crypto.Signer, error) {
	if err := ctx.Err(); err != nil {
		return "", nil, err
	}
	name := byLabel + ownLabel + rand.Text()
	switch {
	case t.config.KeyLabel != "":
		name = byLabel + t.config.KeyLabel
	case t.config.KeyID != "":
		name = byID + strings.ToLower(t.config.KeyID)
	default:
		if err := t.do(func(session) error { return t.generate(name, a, bits) }); err != nil {
			return "", nil, fmt.Errorf("keyring: PKCS #11: make a key: %w", err)
		}
	}
	signer, err := t.Signer(ctx, name)
	if err != nil {
		return "", nil, err
	}
	return name, signer, nil
}

func (t *hsm) generate(name string, a token.Algorithm, bits int) error {
	id := make([]byte, 16)
	// It never fails: the library ends the program first.
	_, _ = rand.Read(id)
	label := strings.TrimPrefix(name, byLabel)
	public := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, id),
	}
	mechanism := uint(pkcs11.CKM_EC_KEY_PAIR_GEN)
	if a == token.ES256 {
		public = append(public, pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, p256))
	} else {
		mechanism = pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN
		if bits == 0 {
			bits = 2048
		}
		public = append(public, pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, bits), pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errClosed
	}
	_, _, err := t.lib.GenerateKeyPair(t.anchor, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, public, private)
	return err
}

// DestroyKey removes a key pair that NewKey made.
func (t *hsm) DestroyKey(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !strings.HasPrefix(name, byLabel+ownLabel) {
		return nil
	}
	err := t.do(func(session) error {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.closed {
			return errClosed
		}
		delete(t.handles, name)
		for _, class := range []uint{pkcs11.CKO_PRIVATE_KEY, pkcs11.CKO_PUBLIC_KEY} {
			found, err := t.find(t.anchor, class, name)
			if err != nil {
				return err
			}
			for _, object := range found {
				if err := t.lib.DestroyObject(t.anchor, object); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keyring: PKCS #11: destroy the key %q: %w", name, err)
	}
	return nil
}

// template returns the attributes by which a name is found.
func template(class uint, name string) ([]*pkcs11.Attribute, error) {
	attributes := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}
	if label, ok := strings.CutPrefix(name, byLabel); ok {
		return append(attributes, pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)), nil
	}
	if digits, ok := strings.CutPrefix(name, byID); ok {
		id, err := hex.DecodeString(digits)
		if err == nil {
			return append(attributes, pkcs11.NewAttribute(pkcs11.CKA_ID, id)), nil
		}
	}
	return nil, fmt.Errorf("keyring: PKCS #11: key name %q, want label=… or id=…", clip(name))
}

// find returns up to three objects: more than one is one too many already.
func (t *hsm) find(s pkcs11.SessionHandle, class uint, name string) ([]pkcs11.ObjectHandle, error) {
	attributes, err := template(class, name)
	if err != nil {
		return nil, err
	}
	if err := t.lib.FindObjectsInit(s, attributes); err != nil {
		return nil, err
	}
	const most = 3
	found, _, err := t.lib.FindObjects(s, most)
	if end := t.lib.FindObjectsFinal(s); err == nil {
		err = end
	}
	return found, err
}

func (t *hsm) findOne(s pkcs11.SessionHandle, class uint, name string) (pkcs11.ObjectHandle, error) {
	found, err := t.find(s, class, name)
	if err != nil {
		return 0, err
	}
	kind := "private"
	if class == pkcs11.CKO_PUBLIC_KEY {
		kind = "public"
	}
	if len(found) == 0 && t.isLoggedOut(s) {
		// Private keys do not show then. Whoever logged out meanwhile, or closed the
		// session that was logged in, is to blame.
		return 0, pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN)
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("keyring: PKCS #11: %d %s keys with %s in the token %q, want one", len(found), kind, name, t.config.TokenLabel)
	}
	return found[0], nil
}

func (t *hsm) isLoggedOut(s pkcs11.SessionHandle) bool {
	info, err := t.lib.GetSessionInfo(s)
	return err == nil && (info.State == pkcs11.CKS_RO_PUBLIC_SESSION || info.State == pkcs11.CKS_RW_PUBLIC_SESSION)
}

// private returns the handle of a private key, which lasts as long as the
// connection.
func (t *hsm) private(s session, name string) (pkcs11.ObjectHandle, error) {
	t.mu.Lock()
	handle, ok := t.handles[name]
	current := s.epoch == t.epoch
	t.mu.Unlock()
	if ok && current {
		return handle, nil
	}
	handle, err := t.findOne(s.handle, pkcs11.CKO_PRIVATE_KEY, name)
	if err != nil {
		return 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.epoch == t.epoch {
		t.handles[name] = handle
	}
	return handle, nil
}

// public reads the public half of a key.
func (t *hsm) public(s session, name string) (crypto.PublicKey, error) {
	object, err := t.findOne(s.handle, pkcs11.CKO_PUBLIC_KEY, name)
	if err != nil {
		return nil, err
	}
	kind, err := t.attribute(s, object, pkcs11.CKA_KEY_TYPE)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.Equal(kind, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_RSA)).Value):
		return t.publicRSA(s, object)
	case bytes.Equal(kind, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_EC)).Value):
		return t.publicEC(s, object)
	}
	return nil, fmt.Errorf("keyring: PKCS #11: key %s is neither RSA nor on an elliptic curve", name)
}

func (t *hsm) publicRSA(s session, object pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	modulus, err := t.attribute(s, object, pkcs11.CKA_MODULUS)
	if err != nil {
		return nil, err
	}
	exponent, err := t.attribute(s, object, pkcs11.CKA_PUBLIC_EXPONENT)
	if err != nil {
		return nil, err
	}
	e := new(big.Int).SetBytes(exponent)
	if e.BitLen() > 31 {
		return nil, fmt.Errorf("keyring: PKCS #11: RSA exponent of %d bits, want at most 31", e.BitLen())
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e.Int64())}, nil
}

func (t *hsm) publicEC(s session, object pkcs11.ObjectHandle) (crypto.PublicKey, error) {
	curve, err := t.attribute(s, object, pkcs11.CKA_EC_PARAMS)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(curve, p256) {
		return nil, fmt.Errorf("keyring: PKCS #11: key on the curve %x, want P-256", curve)
	}
	point, err := t.attribute(s, object, pkcs11.CKA_EC_POINT)
	if err != nil {
		return nil, err
	}
	// The standard wants an OCTET STRING around it; some tokens leave it out.
	var inner []byte
	if rest, err := asn1.Unmarshal(point, &inner); err == nil && len(rest) == 0 {
		point = inner
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}

func (t *hsm) attribute(s session, object pkcs11.ObjectHandle, kind uint) ([]byte, error) {
	got, err := t.lib.GetAttributeValue(s.handle, object, []*pkcs11.Attribute{pkcs11.NewAttribute(kind, nil)})
	if err != nil {
		return nil, err
	}
	if len(got) != 1 {
		return nil, fmt.Errorf("keyring: PKCS #11: %d attributes, want one", len(got))
	}
	return got[0].Value, nil
}
