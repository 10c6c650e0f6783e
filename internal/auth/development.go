package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	developmentFile = "dev-issuer.pem"
	developmentName = "development"
	// developmentURL names nobody: no host can have a name below .invalid (RFC
	// 2606).
	developmentURL = "https://dev.azattest.invalid"
	// maxDevelopmentFile holds a P-256 key, 241 bytes.
	maxDevelopmentFile = 4 << 10
)

// DevelopmentIssuer makes tokens for a service on a developer's machine. Whoever
// can read its file can be anybody: it must not be believed anywhere else.
type DevelopmentIssuer struct {
	signer jose.Signer
	public key
}

// OpenDevelopmentIssuer loads the key in dir/dev-issuer.pem, and makes it if
// there is none, readable by its owner only. Processes that do so at once get the
// same key. The folder must be there.
func OpenDevelopmentIssuer(dir string) (*DevelopmentIssuer, error) {
	d, err := LoadDevelopmentIssuer(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	if err := makeDevelopmentKey(dir); err != nil {
		return nil, fmt.Errorf("auth: development issuer: %w", err)
	}
	return LoadDevelopmentIssuer(dir)
}

// LoadDevelopmentIssuer loads the key in dir/dev-issuer.pem. Its error wraps
// [fs.ErrNotExist] if there is none.
func LoadDevelopmentIssuer(dir string) (*DevelopmentIssuer, error) {
	name := filepath.Join(dir, developmentFile)
	private, err := loadDevelopmentKey(name)
	if err != nil {
		return nil, fmt.Errorf("auth: development issuer: %w", err)
	}
	// The ID follows from the key, so that tokens of a key that was replaced are
	// told apart.
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("auth: development issuer: %w", err)
	}
	id := base64.RawURLEncoding.EncodeToString(thumbprint)
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("auth: development issuer: %w", err)
	}
	return &DevelopmentIssuer{signer, key{id: id, algorithm: string(jose.ES256), public: &private.PublicKey}}, nil
}

// Issuer is for the [Config] of an attestation service. It is named "development",
// and asked for nothing: its key comes along. [DevelopmentIssuer.Bindings] must stand
// beside it.
func (d *DevelopmentIssuer) Issuer() Issuer { return d.issuerFor(Audience) }

// VaultIssuer is for the [Config] of a key release server, with
// [DevelopmentIssuer.VaultBindings] beside it.
func (d *DevelopmentIssuer) VaultIssuer() Issuer { return d.issuerFor(VaultAudience) }

func (d *DevelopmentIssuer) issuerFor(audience string) Issuer {
	return Issuer{
		Name: developmentName, URL: developmentURL, Audiences: []string{audience},
		Algorithms: []string{d.public.algorithm}, keys: keySet{d.public},
	}
}

// Bindings give the roles of Azure Attestation that its tokens name, for all
// instances.
func (d *DevelopmentIssuer) Bindings() []Binding { return developmentBindings(attestationRoles) }

// VaultBindings give the roles of Azure Key Vault that its tokens name, for all keys.
func (d *DevelopmentIssuer) VaultBindings() []Binding { return developmentBindings(vaultRoles) }

func developmentBindings(roles []Role) []Binding {
	var all []Binding
	for _, role := range roles {
		all = append(all, Binding{Issuer: developmentName, Claim: ClaimRoles, Value: string(role), Role: role})
	}
	return all
}

// Token makes a bearer token with a role, which holds from now on for a lifetime
// of at most 24 hours, in whole seconds. It is for the service that has the role: an
// attestation service refuses those of a key release server, and that one those.
func (d *DevelopmentIssuer) Token(role Role, lifetime time.Duration, now time.Time) (string, error) {
	if !role.isKnown() {
		return "", fmt.Errorf("auth: development issuer: role %q, want one of %s", string(role), rolesInWords())
	}
	audience := Audience
	if slices.Contains(vaultRoles, role) {
		audience = VaultAudience
	}
	if lifetime < time.Second || lifetime > MaxDevelopmentLifetime {
		return "", fmt.Errorf("auth: development issuer: lifetime %s, want one second to %s", lifetime, MaxDevelopmentLifetime)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": developmentURL, "aud": audience, "sub": developmentName, "roles": []string{string(role)},
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(lifetime).Unix(), "jti": rand.Text(),
	})
	if err != nil {
		return "", fmt.Errorf("auth: development issuer: %w", err)
	}
	signed, err := d.signer.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("auth: development issuer: %w", err)
	}
	return signed.CompactSerialize()
}

// makeDevelopmentKey writes a new key where none is. The file appears whole, and
// never in place of another.
func makeDevelopmentKey(dir string) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+developmentFile+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // the key has its name by then, or none at all
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	err = os.Link(f.Name(), filepath.Join(dir, developmentFile))
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster, and its key is as good
	}
	return err
}

// loadDevelopmentKey reads the file. What is in it is never quoted.
func loadDevelopmentKey(name string) (*ecdsa.PrivateKey, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	// Windows has no such bits.
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s: others may use it (mode %04o), want 0600: remove it, for the key may be known", name, mode.Perm())
	}
	if !info.Mode().IsRegular() || info.Size() > maxDevelopmentFile {
		return nil, fmt.Errorf("%s: not a file of at most %d bytes", name, maxDevelopmentFile)
	}
	raw, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	// The decoder passes over text before a block.
	if block, rest := pem.Decode(raw); bytes.HasPrefix(raw, []byte("-----BEGIN ")) && block != nil && len(rest) == 0 && block.Type == "PRIVATE KEY" {
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if private, ok := parsed.(*ecdsa.PrivateKey); err == nil && ok && private.Curve == elliptic.P256() {
			return private, nil
		}
	}
	return nil, fmt.Errorf("%s: want one P-256 key in PKCS#8, as PEM: remove it to get a new one", name)
}
