package tpm

import (
	"context"
	"crypto"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// Key is a key in a TPM. Its private part never leaves the TPM as anything that
// another could open. It is immutable and safe for concurrent use, as long as its
// TPM is open.
type Key struct {
	tpm    *TPM
	public *tpm.Public
	// private is the content of a TPM2B_PRIVATE: the sensitive area, encrypted by
	// the parent. Empty for a key at a persistent handle.
	private []byte
	handle  tpm2.TPMHandle // 0 for none
}

var _ crypto.Signer = (*Key)(nil)

// Public returns the public key: *rsa.PublicKey or *ecdsa.PublicKey.
func (k *Key) Public() crypto.PublicKey { return k.public.Key }

// Area returns the public area, with the key's attributes.
func (k *Key) Area() *tpm.Public { return k.public }

// Algorithm returns what the key is for.
func (k *Key) Algorithm() Algorithm { return algorithmOf(k.public) }

// NewKey makes a key that signs, for a request or for programs. It is in no file
// until [Key.Save], and gone with the last reference to it.
func (t *TPM) NewKey(ctx context.Context, a Algorithm) (*Key, error) {
	if err := a.check("make a key"); err != nil {
		return nil, err
	}
	var k *Key
	err := t.do(ctx, func() error {
		var err error
		k, err = t.create(keyTemplate(a), 0)
		return err
	})
	return k, err
}

// create makes a key below the storage root key, at a persistent handle if one is
// given. It is called within an operation.
func (t *TPM) create(template tpm2.TPMTPublic, handle tpm2.TPMHandle) (*Key, error) {
	k := &Key{tpm: t, handle: handle}
	err := t.withStorage(func(parent tpm2.AuthHandle) error {
		made, err := tpm2.Create{ParentHandle: parent, InPublic: tpm2.New2B(template)}.Execute(t.device)
		if err != nil {
			return failed("TPM2_Create", err)
		}
		if k.public, err = tpm.ParsePublic(made.OutPublic.Bytes()); err != nil {
			return failed("TPM2_Create", err)
		}
		if handle == 0 {
			k.private = made.OutPrivate.Buffer
			return nil
		}
		return t.persist(parent, made, handle)
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// persist puts a key that was made at a handle at which nothing is.
func (t *TPM) persist(parent tpm2.AuthHandle, made *tpm2.CreateResponse, handle tpm2.TPMHandle) error {
	loaded, err := tpm2.Load{ParentHandle: parent, InPrivate: made.OutPrivate, InPublic: made.OutPublic}.Execute(t.device)
	if err != nil {
		return failed("TPM2_Load", err)
	}
	_, err = tpm2.EvictControl{
		Auth:             tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(t.auth.Owner)},
		ObjectHandle:     tpm2.NamedHandle{Handle: loaded.ObjectHandle, Name: loaded.Name},
		PersistentHandle: handle,
	}.Execute(t.device)
	if err != nil {
		err = failed("TPM2_EvictControl", err)
	}
	return joined(err, t.flush(loaded.ObjectHandle))
}

// persistent returns the key at a persistent handle, nil if there is none. It is
// called within an operation.
func (t *TPM) persistent(handle tpm2.TPMHandle) (*Key, error) {
	answer, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: uint32(handle), PropertyCount: 1}.Execute(t.device)
	if err != nil {
		return nil, failed("TPM2_GetCapability", err)
	}
	// The answer begins with the next handle that there is.
	handles, err := answer.CapabilityData.Data.Handles()
	if err != nil || len(handles.Handle) == 0 || handles.Handle[0] != handle {
		return nil, err
	}
	read, err := tpm2.ReadPublic{ObjectHandle: handle}.Execute(t.device)
	if err != nil {
		return nil, failed("TPM2_ReadPublic", err)
	}
	public, err := tpm.ParsePublic(read.OutPublic.Bytes())
	if err != nil {
		return nil, failed("TPM2_ReadPublic", err)
	}
	return &Key{tpm: t, public: public, handle: handle}, nil
}

// with loads the key for one use. It is called within an operation, while at most
// one other key is loaded.
func (k *Key) with(use func(tpm2.AuthHandle) error) error {
	t := k.tpm
	authorized := tpm2.AuthHandle{Handle: k.handle, Name: tpm2.TPM2BName{Buffer: k.public.Name()}, Auth: tpm2.PasswordAuth(nil)}
	if k.handle != 0 {
		return use(authorized)
	}
	err := t.withStorage(func(parent tpm2.AuthHandle) error {
		loaded, err := tpm2.Load{
			ParentHandle: parent, InPrivate: tpm2.TPM2BPrivate{Buffer: k.private}, InPublic: tpm2.BytesAs2B[tpm2.TPMTPublic](k.public.Bytes()),
		}.Execute(t.device)
		if err != nil {
			return failed("TPM2_Load", err)
		}
		authorized.Handle = loaded.ObjectHandle
		return nil
	})
	if err == nil {
		err = use(authorized)
	}
	if authorized.Handle != 0 { // also where the parent was not put away
		err = joined(err, t.flush(authorized.Handle))
	}
	return err
}

// withStorage makes the storage root key, which is the same each time until the
// TPM is cleared, from the TCG's template for P-256: an elliptic curve's takes
// milliseconds where RSA takes seconds.
func (t *TPM) withStorage(use func(tpm2.AuthHandle) error) error {
	made, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(t.auth.Owner)},
		InPublic:      tpm2.New2B(tpm2.ECCSRKTemplate),
	}.Execute(t.device)
	if err != nil {
		return failed("TPM2_CreatePrimary of the storage root key", err)
	}
	err = use(tpm2.AuthHandle{Handle: made.ObjectHandle, Name: made.Name, Auth: tpm2.PasswordAuth(nil)})
	return joined(err, t.flush(made.ObjectHandle))
}

func (t *TPM) flush(handle tpm2.TPMHandle) error {
	if _, err := (tpm2.FlushContext{FlushHandle: handle}).Execute(t.device); err != nil {
		return failed("TPM2_FlushContext", err)
	}
	return nil
}
