package vault

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"strings"
)

// The types of keys that Key Vault has, apart from where it keeps them.
const (
	rsaType = "RSA"
	ecType  = "EC"
	octType = "oct"
)

// baseType returns the type without the suffix that says that a hardware module
// keeps the key, or "" for what is none. The suffix is kept and returned, for clients
// ask for such keys by name; what keeps them here is the vault either way.
func baseType(name string) string {
	switch base := strings.TrimSuffix(name, "-HSM"); base {
	case rsaType, ecType, octType:
		return base
	}
	return ""
}

func checkType(name string) error {
	if baseType(name) == "" {
		return refuse("key type %s, want RSA, RSA-HSM, EC, EC-HSM, oct or oct-HSM", shown(name))
	}
	return nil
}

// typeOf returns the type of a public key that is fit to be kept, else "".
func typeOf(public crypto.PublicKey) string {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return rsaType
	case *ecdsa.PublicKey:
		if curveOf(k.Curve.Params().Name) != nil {
			return ecType
		}
	}
	return ""
}

func curveOf(name string) elliptic.Curve {
	switch name {
	case "", "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

// secretKey is a secret with what is public of it. Whoever has it clears the
// material.
type secretKey struct {
	material []byte
	public   crypto.PublicKey // nil of a symmetric key
}

// kind is what it takes to make another key like one.
type kind struct {
	base  string
	bits  int
	curve string
}

// kindOf returns the kind of the key that a template asks for.
func kindOf(t *Template) (kind, error) {
	if err := checkType(t.Type); err != nil {
		return kind{}, err
	}
	k := kind{base: baseType(t.Type), bits: t.Size, curve: t.Curve}
	if k.base != ecType && k.curve != "" {
		return kind{}, refuse("curve %s of a key of type %s, want none", shown(k.curve), t.Type)
	}
	switch {
	case k.base == ecType && (k.bits != 0 || curveOf(k.curve) == nil):
		return kind{}, refuse("curve %s and size %d, want P-256, P-384 or P-521 and no size", shown(k.curve), k.bits)
	case k.base == rsaType && k.bits == 0:
		k.bits = 2048
	case k.base == octType && k.bits == 0:
		k.bits = 256
	case k.base == octType && k.bits != 128 && k.bits != 192 && k.bits != 256:
		return kind{}, refuse("size %d of a symmetric key, want 128, 192 or 256", k.bits)
	}
	return k, nil
}

// kind returns the kind of a version.
func (m *metadata) kind() kind {
	k := kind{base: baseType(m.Type)}
	switch public := m.public.(type) {
	case *rsa.PublicKey:
		k.bits = public.N.BitLen()
	case *ecdsa.PublicKey:
		k.curve = public.Curve.Params().Name
	default:
		k.bits = 8 * m.Bytes
	}
	return k
}

// generate makes a key. RSA keys of 4096 bits take seconds.
func (k kind) generate() (secretKey, error) {
	switch k.base {
	case octType:
		material := make([]byte, k.bits/8)
		_, _ = rand.Read(material) // it never fails, see newVersion
		return secretKey{material: material}, nil
	case ecType:
		private, err := ecdsa.GenerateKey(curveOf(k.curve), rand.Reader)
		if err != nil {
			return secretKey{}, fmt.Errorf("vault: new key: %w", err)
		}
		return encode(private, &private.PublicKey)
	}
	if k.bits != 2048 && k.bits != 3072 && k.bits != 4096 {
		return secretKey{}, refuse("size %d of an RSA key, want 2048, 3072 or 4096: a key of another size can be imported", k.bits)
	}
	private, err := rsa.GenerateKey(rand.Reader, k.bits)
	if err != nil {
		return secretKey{}, fmt.Errorf("vault: new key: %w", err)
	}
	return encode(private, &private.PublicKey)
}

func encode(private crypto.Signer, public crypto.PublicKey) (secretKey, error) {
	material, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return secretKey{}, refuse("a private key that has no form in PKCS #8, want a usual one")
	}
	return secretKey{material, public}, nil
}

// read checks the secret of a key that is imported, and returns it in the one form
// in which it is kept. Its errors quote nothing.
func (i *Import) read() (secretKey, error) {
	if err := checkType(i.Type); err != nil {
		return secretKey{}, err
	}
	if len(i.Material) > maxMaterial {
		return secretKey{}, refuse("a key of %d bytes, want at most %d", len(i.Material), maxMaterial)
	}
	base := baseType(i.Type)
	if base == octType {
		if n := len(i.Material); n < minOctBytes || n > maxOctBytes {
			return secretKey{}, refuse("a symmetric key of %d bytes, want %d to %d", n, minOctBytes, maxOctBytes)
		}
		return secretKey{material: bytes.Clone(i.Material)}, nil
	}
	// The parser does not mind what follows a key.
	var outer asn1.RawValue
	if rest, err := asn1.Unmarshal(i.Material, &outer); err != nil || len(rest) > 0 {
		return secretKey{}, refuse("a key of %d bytes that is no PKCS #8 in DER, or more than one", len(i.Material))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(i.Material)
	if err != nil {
		return secretKey{}, refuse("a key of %d bytes that is no PKCS #8 in DER, or not valid", len(i.Material))
	}
	switch private := parsed.(type) {
	case *rsa.PrivateKey:
		if base != rsaType {
			return secretKey{}, refuse("an RSA key, want one of type %s", i.Type)
		}
		if bits := private.N.BitLen(); bits < minRSABits || bits > maxRSABits || len(private.Primes) != 2 {
			return secretKey{}, refuse("an RSA key of %d bits and %d primes, want %d to %d bits and 2 primes", bits, len(private.Primes), minRSABits, maxRSABits)
		}
		if private.Validate() != nil {
			return secretKey{}, refuse("an RSA key whose numbers do not belong together")
		}
		return encode(private, &private.PublicKey)
	case *ecdsa.PrivateKey:
		if base != ecType || typeOf(&private.PublicKey) == "" {
			return secretKey{}, refuse("an EC key on %s, want one of type %s, EC on P-256, P-384 or P-521", private.Curve.Params().Name, i.Type)
		}
		return encode(private, &private.PublicKey)
	}
	return secretKey{}, refuse("a key of another kind, want one of type %s", i.Type)
}

// metadataOf returns what a key says of itself in the metadata of a version.
func metadataOf(name string, k secretKey) (*metadata, error) {
	m := &metadata{Type: name, public: k.public}
	if k.public == nil {
		m.Bytes = len(k.material)
		return m, nil
	}
	var err error
	if m.PublicKey, err = x509.MarshalPKIXPublicKey(k.public); err != nil {
		return nil, refuse("a public key that has no usual form")
	}
	return m, nil
}
