package tpm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// Two that want an AIK at the same time get one, and who comes second takes nothing
// from who has had it enrolled in between.
func TestTwoFirstUsesMakeOneAIK(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	p := startProxy(t, running, nil)
	slow := must[*collect.TPM](t)(collect.Open(t.Context(), p.name))
	fast := must[*collect.TPM](t)(collect.Open(t.Context(), running.Name()))
	dir := t.TempDir()
	link := filepath.Join(dir, "link.json")
	if err := os.Symlink("linked.json", link); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]collect.AIKConfig{
		"in a file":             {File: filepath.Join(dir, "made", "aik.json"), Algorithm: collect.ECC},
		"in a file by a link":   {File: link, Algorithm: collect.ECC},
		"at a handle":           {Handle: 0x81010040, Algorithm: collect.ECC},
		"at a handle, and file": {File: filepath.Join(dir, "handle.json"), Handle: 0x81010041, Algorithm: collect.ECC},
	} {
		var first *collect.AIK
		p.set(func(cc tpm2.TPMCC, _ []byte) []byte {
			if cc != tpm2.TPMCCCreate || first != nil {
				return nil
			}
			// The slow one has seen that there is no key.
			first = must[*collect.AIK](t)(fast.AIK(t.Context(), c))
			first = must[*collect.AIK](t)(first.WithCertificates([]*x509.Certificate{certificateFor(t, first)}))
			return nil
		})
		second := must[*collect.AIK](t)(slow.AIK(t.Context(), c))
		p.set(nil)
		if first == nil || first.Area().Name().String() != second.Area().Name().String() {
			t.Fatalf("%s: %v and %v", name, first, second)
		}
		kept := must[*collect.AIK](t)(fast.AIK(t.Context(), c))
		if c.File != "" && (len(second.Certificates()) != 1 || len(kept.Certificates()) != 1) {
			t.Errorf("%s: the certificate of the first is gone", name)
		}
	}
	if info := must[os.FileInfo](t)(os.Lstat(link)); info.Mode()&fs.ModeSymlink == 0 {
		t.Error("the link was replaced")
	}
	for _, opened := range []*collect.TPM{slow, fast} {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A key is saved where none is.
func TestSaveReplacesNothing(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	name := filepath.Join(t.TempDir(), "key.json")
	first, second := must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC)), must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC))
	if err := first.Save(name); err != nil {
		t.Fatal(err)
	}
	err := second.Save(name)
	if _, ok := errors.AsType[*collect.Error](err); !ok || !errors.Is(err, fs.ErrExist) {
		t.Errorf("%v, want that it exists", err)
	}
	kept := must[*collect.Key](t)(opened.LoadKey(t.Context(), name))
	if kept.Area().Name().String() != first.Area().Name().String() {
		t.Error("another key is in the file")
	}
}

// Certificates come into the file of their key, and take no other's place.
func TestCertificatesReplaceNoOtherKey(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	c := collect.AIKConfig{File: filepath.Join(t.TempDir(), "aik.json"), Algorithm: collect.ECC}
	first := must[*collect.AIK](t)(opened.AIK(t.Context(), c))
	chain := []*x509.Certificate{certificateFor(t, first)}
	if err := os.Remove(c.File); err != nil {
		t.Fatal(err)
	}
	// The file is gone: the key is not.
	must[*collect.AIK](t)(first.WithCertificates(chain))
	kept := must[*collect.AIK](t)(opened.AIK(t.Context(), c))
	if kept.Area().Name().String() != first.Area().Name().String() || len(kept.Certificates()) != 1 {
		t.Errorf("%s with %d certificates", kept.Area().Name(), len(kept.Certificates()))
	}
	for name, replace := range map[string]func() error{
		"another AIK": func() error { _, err := opened.AIK(t.Context(), c); return err },
		"another key": func() error { return must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC)).Save(c.File) },
		"no key":      func() error { return os.WriteFile(c.File, []byte("{}"), 0o600) },
	} {
		if err := errors.Join(os.Remove(c.File), replace()); err != nil {
			t.Fatal(err)
		}
		before := string(must[[]byte](t)(os.ReadFile(c.File)))
		_, err := first.WithCertificates(chain)
		if _, ok := errors.AsType[*collect.Error](err); !ok || !strings.Contains(err.Error(), c.File) {
			t.Errorf("%s: %v, want that the file is refused", name, err)
		}
		if string(must[[]byte](t)(os.ReadFile(c.File))) != before {
			t.Errorf("%s: it was replaced", name)
		}
	}
}

// That a folder cannot be made does not say that the file is there.
func TestFolderThatIsNoneIsNotTheFile(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("missing", link); err != nil {
		t.Fatal(err)
	}
	key := must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC))
	err := key.Save(filepath.Join(link, "key.json"))
	if _, ok := errors.AsType[*collect.Error](err); !ok || errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), link+", which is no folder") {
		t.Errorf("%v, want that the folder is none", err)
	}
}

func certificateFor(t testing.TB, aik *collect.AIK) *x509.Certificate {
	t.Helper()
	issuer := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	return must[*x509.Certificate](t)(x509.ParseCertificate(must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, aik.Area().Key, issuer))))
}
