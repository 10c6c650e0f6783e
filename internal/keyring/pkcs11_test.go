//go:build pkcs11

package keyring_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

const (
	softhsm = "/usr/lib/softhsm/libsofthsm2.so"
	pin     = "2718-2818"
)

// softToken makes a token of SoftHSM in a folder of its own. SoftHSM has one state
// for the whole process, so the tests that use it are not parallel.
func softToken(t *testing.T) keyring.PKCS11Config {
	t.Helper()
	util, err := exec.LookPath("softhsm2-util")
	if _, missing := os.Stat(softhsm); err == nil {
		err = missing
	}
	if err != nil {
		message := fmt.Sprintf("SoftHSM not found: apt-get install softhsm2 (%v)", err)
		if os.Getenv("AZATTEST_CI") == "1" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+dir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	out, err := exec.CommandContext(t.Context(), util, "--init-token", "--free", "--label", "azattest test", "--so-pin", "1234", "--pin", pin).CombinedOutput() //nolint:gosec // G204: the program that was looked up
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return keyring.PKCS11Config{Module: softhsm, TokenLabel: "azattest test", PIN: pin, Sessions: 2}
}

func openToken(t *testing.T, c keyring.PKCS11Config) keyring.PKCS11 {
	t.Helper()
	d, err := keyring.OpenPKCS11(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 { // the second time does nothing
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return d
}

// tokenKeyring is a keyring all of whose keys are in the token.
func tokenKeyring(t *testing.T, f *fixture, d keyring.Device) *keyring.Keyring {
	t.Helper()
	c := f.config()
	c.Devices = map[token.Algorithm]keyring.Device{token.RS256: d, token.PS256: d, token.ES256: d}
	return open(t, c)
}

func signs(t *testing.T, k *keyring.Keyring, a token.Algorithm) {
	t.Helper()
	issuer, err := token.NewIssuer(contoso, ring(t, k, contoso, a))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Sign(t.Context(), issued(contoso)); err != nil {
		t.Error(err)
	}
}

func TestKeysInAToken(t *testing.T) {
	d := openToken(t, softToken(t))
	f := newFixture(t)
	k := tokenKeyring(t, f, d)
	for _, a := range []token.Algorithm{token.RS256, token.PS256, token.ES256} {
		// Certifying verifies the token's signature; so does reading it anew.
		signs(t, k, a)
		again := ring(t, tokenKeyring(t, f, d), fabrikam, a)
		if again.Current().ID() != ring(t, k, contoso, a).Current().ID() {
			t.Errorf("%s: another replica has another key", a)
		}
	}
	for _, s := range k.Keys() {
		if !strings.HasPrefix(s.Device, "label=azattest-") {
			t.Errorf("key %s is named %q, want a label of ours", s.ID, s.Device)
		}
	}

	// A key of a name that is destroyed is gone, and to destroy it again is fine.
	name := k.Keys()[0].Device
	for range 2 {
		if err := d.DestroyKey(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Signer(t.Context(), name); err == nil || !contains(err, "0 private keys") {
		t.Errorf("error %v, want it to say that the key is gone", err)
	}
}

func TestSignaturesOfAToken(t *testing.T) {
	d := openToken(t, softToken(t))
	_, signer, err := d.NewKey(t.Context(), token.PS256, 3072)
	if err != nil {
		t.Fatal(err)
	}
	pub := signer.Public().(*rsa.PublicKey)
	if pub.N.BitLen() != 3072 || pub.E != 65537 {
		t.Errorf("key of %d bits with exponent %d, want 3072 and 65537", pub.N.BitLen(), pub.E)
	}
	digest := sha256.Sum256([]byte("claims"))
	sig, err := signer.Sign(nil, digest[:], &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPSS(pub, crypto.SHA256, digest[:], sig, &rsa.PSSOptions{SaltLength: 32}); err != nil {
		t.Error(err)
	}
	for name, sign := range map[string]func() ([]byte, error){
		"another hash": func() ([]byte, error) { return signer.Sign(nil, digest[:], crypto.SHA512) },
		"no hash":      func() ([]byte, error) { return signer.Sign(nil, digest[:], nil) },
		"short digest": func() ([]byte, error) { return signer.Sign(nil, digest[:31], crypto.SHA256) },
		"longest salt": func() ([]byte, error) {
			return signer.Sign(nil, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256})
		},
	} {
		if _, err := sign(); err == nil {
			t.Errorf("%s: signed, want a refusal", name)
		}
	}

	// More at once than there are sessions.
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}

func TestTokenThatWasAwayIsFoundAgain(t *testing.T) {
	d := openToken(t, softToken(t))
	_, signer, err := d.NewKey(t.Context(), token.ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("claims"))
	// Another user of the library in the same process, who spoils things.
	other := pkcs11.New(softhsm)
	defer other.Destroy()
	for name, spoil := range map[string]func() error{
		"sessions closed, logged out": func() error {
			slots, err := other.GetSlotList(true)
			if err != nil {
				return err
			}
			for _, s := range slots {
				if err := other.CloseAllSessions(s); err != nil {
					return err
				}
			}
			return nil
		},
		"library finalized": other.Finalize,
	} {
		if err := spoil(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if _, err := signer.Sign(nil, digest[:], crypto.SHA256); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		group.Wait()
		if err := spoil(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, _, err := d.NewKey(t.Context(), token.ES256, 0); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPreparedKeyOfAToken(t *testing.T) {
	c := softToken(t)
	maker := openToken(t, c)
	name, want, err := maker.NewKey(t.Context(), token.ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Its operator calls it otherwise.
	label, id := "contoso 2026", []byte{0xca, 0xfe}
	relabel(t, strings.TrimPrefix(name, "label="), label, id)
	if err := maker.Close(); err != nil {
		t.Fatal(err)
	}
	byLabel, byID := c, c
	byLabel.KeyLabel = label
	byID.KeyID = "CAFE"
	for wantName, c := range map[string]keyring.PKCS11Config{"label=" + label: byLabel, "id=cafe": byID} {
		d := openToken(t, c)
		name, signer, err := d.NewKey(t.Context(), token.ES256, 0)
		if err != nil {
			t.Fatal(err)
		}
		if name != wantName || !want.Public().(*ecdsa.PublicKey).Equal(signer.Public()) {
			t.Errorf("key %q, want the prepared one as %q", name, wantName)
		}
		if err := d.DestroyKey(t.Context(), name); err != nil {
			t.Error(err)
		}
		if _, err := d.Signer(t.Context(), name); err != nil {
			t.Errorf("a prepared key was destroyed: %v", err)
		}
		for _, name := range []string{"", "contoso 2026", "id=xyz", "label=nobody"} {
			if _, err := d.Signer(t.Context(), name); err == nil {
				t.Errorf("%q: found a key, want a refusal", name)
			}
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); err == nil {
			t.Error("signed after the device was closed")
		}
	}
}

// relabel renames both halves of a key pair.
func relabel(t *testing.T, from, to string, id []byte) {
	t.Helper()
	lib := pkcs11.New(softhsm)
	defer lib.Destroy()
	slots, err := lib.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range slots {
		s, err := lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			continue
		}
		if err := lib.FindObjectsInit(s, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, from)}); err != nil {
			t.Fatal(err)
		}
		found, _, err := lib.FindObjects(s, 4)
		if err != nil {
			t.Fatal(err)
		}
		if err := lib.FindObjectsFinal(s); err != nil {
			t.Fatal(err)
		}
		for _, object := range found {
			if err := lib.SetAttributeValue(s, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, to), pkcs11.NewAttribute(pkcs11.CKA_ID, id)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := lib.CloseSession(s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTokenThatDoesNotLetUsIn(t *testing.T) {
	c := softToken(t)
	wrongPIN, wrongLabel, wrongModule := c, c, c
	wrongPIN.PIN = "3141-5926"
	wrongLabel.TokenLabel = "elsewhere"
	wrongModule.Module = "/nowhere.so"
	for name, tt := range map[string]struct {
		config keyring.PKCS11Config
		want   string
	}{
		"wrong PIN":   {wrongPIN, "CKR_PIN_INCORRECT"},
		"wrong label": {wrongLabel, `0 tokens with the label "elsewhere"`},
		"no library":  {wrongModule, "cannot be loaded"},
	} {
		_, err := keyring.OpenPKCS11(tt.config)
		if err == nil {
			t.Errorf("%s: opened, want a refusal", name)
			continue
		}
		if !contains(err, tt.want) || contains(err, tt.config.PIN) {
			t.Errorf("%s: error %q, want it to speak of %q, and not of the PIN", name, err, tt.want)
		}
	}
	d := openToken(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, made := d.NewKey(ctx, token.ES256, 0)
	_, found := d.Signer(ctx, "label=x")
	for _, err := range []error{made, found, d.DestroyKey(ctx, "label=azattest-x")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want %v", err, context.Canceled)
		}
	}
}

func TestOpenPKCS11RefusesConfigurations(t *testing.T) {
	t.Parallel()
	good := keyring.PKCS11Config{Module: softhsm, TokenLabel: "x", PIN: "secret"}
	for name, change := range map[string]func(c *keyring.PKCS11Config){
		"no module":       func(c *keyring.PKCS11Config) { c.Module = "" },
		"no label":        func(c *keyring.PKCS11Config) { c.TokenLabel = "" },
		"no PIN":          func(c *keyring.PKCS11Config) { c.PIN = "" },
		"label and ID":    func(c *keyring.PKCS11Config) { c.KeyLabel, c.KeyID = "x", "00" },
		"label like ours": func(c *keyring.PKCS11Config) { c.KeyLabel = "azattest-mine" },
		"long label":      func(c *keyring.PKCS11Config) { c.KeyLabel = strings.Repeat("x", 129) },
		"ID not hex":      func(c *keyring.PKCS11Config) { c.KeyID = "xyz" },
		"too many":        func(c *keyring.PKCS11Config) { c.Sessions = 65 },
		"negative":        func(c *keyring.PKCS11Config) { c.Sessions = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			change(&c)
			_, err := keyring.OpenPKCS11(c)
			wantConfigError(t, err, "Devices")
			if contains(err, "secret") {
				t.Errorf("error %q holds the PIN", err)
			}
		})
	}
}
