package tpm

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/wholefile"
)

// A key's file is JSON. Bytes are base64url without padding:
//
//	{
//	  "version": 1,
//	  "kind": "aik",                 or "key"
//	  "parent": "srk-ecc-p256",      the TCG's storage root key on P-256
//	  "public": "…",                 TPMT_PUBLIC
//	  "private": "…",                content of a TPM2B_PRIVATE, or
//	  "handle": "0x81010010",        the persistent handle at which the key is
//	  "certificates": ["…"]          DER, the key's own first; not always there
//	}
//
// It is of no use without its TPM. Whoever reads it there, and may use the TPM, may
// use the key.
const (
	keyFileVersion = 1
	keyFileParent  = "srk-ecc-p256"
	kindAIK        = "aik"
	kindKey        = "key"
)

// keyFile is what stands in a key's file.
type keyFile struct {
	name    string // "" for none
	kind    string
	public  *tpm.Public
	private []byte
	handle  tpm2.TPMHandle
	chain   []*x509.Certificate
}

// parseKeyFile reads a key's file. Members that are not known are refused: they
// would be lost when it is written again.
func parseKeyFile(text []byte) (*keyFile, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	if version := string(o["version"]); version != strconv.Itoa(keyFileVersion) {
		return nil, fmt.Errorf("version %.32q, want %d: is it the file of a key, and of this version of azattest?", version, keyFileVersion)
	}
	for name := range o {
		switch name {
		case "version", "kind", "parent", "public", "private", "handle", "certificates":
		default:
			return nil, fmt.Errorf("a member %.32q, which is not known here", name)
		}
	}
	f := new(keyFile)
	if f.kind, err = o.text("kind"); err != nil {
		return nil, err
	}
	if f.kind != kindAIK && f.kind != kindKey {
		return nil, fmt.Errorf("kind %.32q, want %q or %q", f.kind, kindAIK, kindKey)
	}
	if err := f.parseKey(o); err != nil {
		return nil, err
	}
	if _, ok := o["certificates"]; !ok {
		return f, nil
	}
	ders, err := o.list("certificates", maxChain, maxCertificate)
	if err != nil {
		return nil, err
	}
	f.chain, err = chainFor(f.public.Key, ders)
	return f, err
}

func (f *keyFile) parseKey(o object) error {
	raw, err := o.bytes("public", maxPrivate)
	if err != nil {
		return err
	}
	if f.public, err = tpm.ParsePublic(raw); err != nil {
		return err
	}
	if _, ok := o["handle"]; ok {
		if _, both := o["private"]; both {
			return errors.New("both a handle and a private part: want one of them")
		}
		text, err := o.text("handle")
		if err != nil {
			return err
		}
		f.handle, err = parseHandle(text)
		return err
	}
	if parent, err := o.text("parent"); err != nil || parent != keyFileParent {
		return fmt.Errorf("parent %.32q, want %q", parent, keyFileParent)
	}
	f.private, err = o.bytes("private", maxPrivate)
	return err
}

// parseHandle reads a persistent handle (part 2, 7.5).
func parseHandle(text string) (tpm2.TPMHandle, error) {
	digits, ok := strings.CutPrefix(text, "0x")
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || !isPersistent(uint32(n)) {
		return 0, fmt.Errorf("handle %.32q, want 0x81000000 to 0x817fffff, a persistent one of the owner's", text)
	}
	return tpm2.TPMHandle(n), nil
}

// isPersistent says whether a handle is in the range of persistent objects that the
// owner may make.
func isPersistent(handle uint32) bool { return handle >= 0x81000000 && handle < 0x81800000 }

func (f *keyFile) text() []byte {
	o := struct {
		Version      int      `json:"version"`
		Kind         string   `json:"kind"`
		Parent       string   `json:"parent,omitempty"`
		Public       string   `json:"public"`
		Private      string   `json:"private,omitempty"`
		Handle       string   `json:"handle,omitempty"`
		Certificates []string `json:"certificates,omitempty"`
	}{Version: keyFileVersion, Kind: f.kind, Public: encode(f.public.Bytes())}
	if f.handle != 0 {
		o.Handle = fmt.Sprintf("%#08x", uint32(f.handle))
	} else {
		o.Parent, o.Private = keyFileParent, encode(f.private)
	}
	for _, c := range f.chain {
		o.Certificates = append(o.Certificates, encode(c.Raw))
	}
	text, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		panic("collect/tpm: a key's file that is no JSON: " + err.Error())
	}
	return append(text, '\n')
}

// readKeyFile returns what stands in a file.
func readKeyFile(name string) (*keyFile, error) {
	text, err := readBounded(name, maxKeyFile)
	if err != nil {
		return nil, &Error{Op: "read key", Err: err} // which names the file
	}
	parsed, err := parseKeyFile(text)
	if err != nil {
		return nil, &Error{Op: "read key " + name, Err: err}
	}
	parsed.name = name
	return parsed, nil
}

// rewrite replaces a file as a whole or not at all, readable by its owner only. What a
// symbolic link leads to is replaced, and the link stays. The key in the file must be
// the same: another is nobody's to throw away, and may be nowhere else.
func (f *keyFile) rewrite() error {
	there, err := readKeyFile(f.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f.create()
	case err != nil:
		return err
	case there.kind != f.kind || !equal(there.public.Key, f.public.Key):
		return &Error{
			Op: opKeep, Found: "another key in " + f.name, Expected: "the one whose certificates these are",
			Hint: "somebody has replaced the file: load the key again, or name another file",
		}
	}
	return f.keep(func() error { return wholefile.Write(f.name, f.text(), wholefile.Private) })
}

// create writes a file that is not there: else the error is an fs.ErrExist. Somebody
// may have made a key there at the same time, and had it enrolled.
func (f *keyFile) create() error {
	return f.keep(func() error { return wholefile.Create(f.name, f.text()) })
}

// opKeep is what an [Error] calls it.
const opKeep = "keep key"

// keep makes the file's folder, if there is none.
func (f *keyFile) keep(write func() error) error {
	folder := filepath.Dir(f.name)
	err := os.MkdirAll(folder, 0o700)
	if errors.Is(err, fs.ErrExist) {
		// It would be taken for one of the file. A symbolic link to nothing is such.
		return &Error{Op: opKeep, Found: folder + ", which is no folder", Expected: "the folder of " + filepath.Base(f.name)}
	}
	if err == nil {
		err = write()
	}
	if err != nil {
		return &Error{Op: opKeep, Err: err} // which names the file
	}
	return nil
}

// key is the key of a file. That this TPM has it is seen when it is loaded once.
func (t *TPM) key(f *keyFile) (*Key, error) {
	k := &Key{tpm: t, public: f.public, private: f.private, handle: f.handle}
	if f.handle == 0 {
		return k, f.named(k.with(func(tpm2.AuthHandle) error { return nil }))
	}
	there, err := t.persistent(f.handle)
	if err != nil {
		return nil, f.named(err)
	}
	if there == nil || !equal(there.public.Key, f.public.Key) {
		return nil, f.named(&Error{
			Op: fmt.Sprintf("handle %#08x", uint32(f.handle)), Found: "no key, or another", Expected: "that of the file",
			Hint: "the TPM was cleared, or somebody else uses the handle: remove the file, or name another handle",
		})
	}
	return there, nil
}

// named says of which file a key is that the TPM did not load.
func (f *keyFile) named(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok || f.name == "" {
		return err
	}
	said := *e
	said.Op = "key of " + f.name + ": " + e.Op
	if errors.Is(err, tpm2.TPMRCIntegrity) {
		said.Hint += ": name a file of this TPM's, or one that is not there for a new key"
	}
	return &said
}

// Save keeps the key in a file that is not there, readable by its owner only. It is of
// no use without the TPM. If the file is there the error is an [fs.ErrExist]: what is in
// it may be the only copy of a key.
func (k *Key) Save(name string) error {
	f := keyFile{name: name, kind: kindKey, public: k.public, private: k.private, handle: k.handle}
	return f.create()
}

// LoadKey returns the key that [Key.Save] kept in a file. One of another TPM is an
// *[Error]; so is an AIK, which signs only what the TPM made.
func (t *TPM) LoadKey(ctx context.Context, name string) (*Key, error) {
	f, err := readKeyFile(name)
	if err != nil {
		return nil, err
	}
	if f.kind != kindKey {
		return nil, &Error{Op: "read key " + name, Found: "an AIK", Expected: "a key that signs whatever it is given"}
	}
	var k *Key
	err = t.do(ctx, func() error {
		k, err = t.key(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}
