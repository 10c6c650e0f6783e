package tpm

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// AIK is the key that signs what its TPM says of itself, and nothing else. It is
// immutable and safe for concurrent use, as long as its TPM is open.
type AIK struct {
	key   *Key
	aik   *tpm.AIK
	chain []*x509.Certificate
	file  string // "" for none
}

// AIKConfig says where an AIK is kept: in a file, at a handle, or both.
type AIKConfig struct {
	// File holds the key, or where it is, and its certificates. It is made if it is
	// not there.
	File string
	// Handle is where the key is in the TPM, 0x81000000 to 0x817fffff; 0 for nowhere.
	// If nothing is there it is made.
	Handle uint32
	// Algorithm is that of a key that is made. The default is RSA, which Azure's
	// service is known to take. One that is there must have it, if it is given.
	Algorithm Algorithm
}

// AIK returns the AIK that is kept in a file or at a handle, and makes it where there
// is none. Of several who do so at once all get the same. One that another TPM made is
// an *[Error], as is a key at the handle that is no AIK.
func (t *TPM) AIK(ctx context.Context, c AIKConfig) (*AIK, error) {
	const op = "AIK"
	if c.Algorithm != "" {
		if err := c.Algorithm.check(op); err != nil {
			return nil, err
		}
	}
	if c.File == "" && c.Handle == 0 {
		return nil, &Error{Op: op, Found: "neither a file nor a handle", Expected: "where to keep it"}
	}
	if c.Handle != 0 && !isPersistent(c.Handle) {
		return nil, &Error{Op: op, Found: fmt.Sprintf("handle %#08x", c.Handle), Expected: "0x81000000 to 0x817fffff"}
	}
	a := &AIK{file: c.File}
	err := t.do(ctx, func() error {
		f, err := t.findAIK(c)
		if err != nil {
			return err
		}
		a.chain = f.chain
		a.key, err = t.key(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	if a.aik, err = tpm.NewAIK(a.key.public); err != nil {
		return nil, &Error{Op: op, Err: err, Hint: "the key there is something else: name another file or handle"}
	}
	if c.Algorithm != "" && a.key.Algorithm() != c.Algorithm {
		return nil, &Error{Op: op, Found: string(a.key.Algorithm()), Expected: string(c.Algorithm), Hint: "it was made earlier: keep another elsewhere"}
	}
	return a, nil
}

// findAIK reads the file, or makes the key and the file.
func (t *TPM) findAIK(c AIKConfig) (*keyFile, error) {
	if c.File != "" {
		f, err := readAIK(c)
		if !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
	}
	k, err := t.makeAIK(c)
	if err != nil {
		return nil, err
	}
	f := &keyFile{name: c.File, kind: kindAIK, public: k.public, private: k.private, handle: k.handle}
	if _, err := tpm.NewAIK(k.public); err != nil || c.File == "" {
		return f, nil //nolint:nilerr // the caller says what is wrong with the key; no file is to hold it
	}
	if err := f.create(); errors.Is(err, fs.ErrExist) {
		return readAIK(c) // of who was faster, and may have a certificate already
	} else if err != nil {
		return nil, err
	}
	return f, nil
}

// readAIK reads the file of an AIK.
func readAIK(c AIKConfig) (*keyFile, error) {
	f, err := readKeyFile(c.File)
	if err != nil {
		return nil, err
	}
	return f, f.checkAIK(c)
}

// makeAIK returns the key at the handle, or makes one.
func (t *TPM) makeAIK(c AIKConfig) (*Key, error) {
	handle := tpm2.TPMHandle(c.Handle)
	if handle == 0 {
		return t.create(aikTemplate(c.Algorithm), 0)
	}
	k, err := t.persistent(handle)
	if err != nil || k != nil {
		return k, err
	}
	k, err = t.create(aikTemplate(c.Algorithm), handle)
	if !errors.Is(err, tpm2.TPMRCNVDefined) {
		return k, err
	}
	// Somebody was faster.
	if there, failed := t.persistent(handle); failed == nil && there != nil {
		return there, nil
	}
	return nil, err
}

// checkAIK refuses a file that does not fit to what was asked for.
func (f *keyFile) checkAIK(c AIKConfig) error {
	switch {
	case f.kind != kindAIK:
		return &Error{Op: "read key " + c.File, Found: "a key of another kind", Expected: "an AIK"}
	case c.Handle != 0 && uint32(f.handle) != c.Handle:
		return &Error{
			Op: "read key " + c.File, Found: fmt.Sprintf("a key at handle %#08x", uint32(f.handle)), Expected: fmt.Sprintf("one at %#08x", c.Handle),
			Hint: "name another file",
		}
	}
	return nil
}

// Area returns the public area of the key.
func (a *AIK) Area() *tpm.Public { return a.key.public }

// Algorithm returns how the key signs.
func (a *AIK) Algorithm() Algorithm { return a.key.Algorithm() }

// Certificates returns the key's certificate and what it was issued by, nil if it
// has none.
func (a *AIK) Certificates() []*x509.Certificate { return slices.Clone(a.chain) }

// WithCertificates returns the same AIK with other certificates, the first of which
// must be for its key. If the AIK is kept in a file, so are they, unless another key is
// there by now: that is an *[Error], and the file stays.
func (a *AIK) WithCertificates(chain []*x509.Certificate) (*AIK, error) {
	if len(chain) == 0 || len(chain) > maxChain || !equal(a.key.public.Key, chain[0].PublicKey) {
		return nil, &Error{Op: "AIK", Found: "certificates of another key, or none", Expected: fmt.Sprintf("up to %d, the first of which is for the AIK", maxChain)}
	}
	other := *a
	other.chain = slices.Clone(chain)
	if other.file == "" {
		return &other, nil
	}
	f := keyFile{name: other.file, kind: kindAIK, public: a.key.public, private: a.key.private, handle: a.key.handle, chain: other.chain}
	if err := f.rewrite(); err != nil {
		return nil, err
	}
	return &other, nil
}
