package keyrelease

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// GetOptions say which key [Client.Get] gets, and how. Attest is required, and
// Policies or AnyPolicy.
type GetOptions struct {
	// Version is that of the key. Empty: the current one.
	Version string
	// Algorithm says how the key is wrapped on its way. Empty stands for
	// [RSAAESKeyWrap256], which Key Vault knows and which does without SHA-1.
	Algorithm WrapAlgorithm
	// RSABits is the size of the RSA key that is made for the release, 2048 to 4096.
	// Zero stands for 3072, which is taken to hold beyond 2030.
	RSABits int
	// Policies are the release policies that the key may have, byte for byte. Whoever
	// gets a key should know to whom else it is released.
	Policies []*Policy
	// AnyPolicy accepts every policy. WHOEVER RUNS THE VAULT MAY THEN HAVE CHOSEN A KEY
	// THAT OTHERS GET AS WELL.
	AnyPolicy bool
	// Roots are those to which the certificate that signs the response leads. Nil
	// means the system's. They are not those of the connection, which
	// ClientOptions.Transport has.
	Roots *x509.CertPool
	// Attest has this party attested. [SGXAttester] makes one.
	Attest Attester
	// Now is the clock as of which the response must hold. Nil means time.Now.
	Now func() time.Time
}

// The sizes of RSA keys for a release.
const (
	defaultReleaseBits = 3072
	maxReleaseBits     = 4096
)

// check refuses what cannot work, and sets what was left out.
func (o *GetOptions) check() error {
	if o.Algorithm == "" {
		o.Algorithm = RSAAESKeyWrap256
	}
	o.RSABits = cmp.Or(o.RSABits, defaultReleaseBits)
	switch {
	case !o.Algorithm.isKnown():
		return &ArgumentError{Argument: "Algorithm", Problem: o.Algorithm.unknown().Error()}
	case o.RSABits < minRSABits || o.RSABits > maxReleaseBits:
		return &ArgumentError{Argument: "RSABits", Problem: fmt.Sprintf("%d, want %d to %d", o.RSABits, minRSABits, maxReleaseBits)}
	case len(o.Policies) == 0 && !o.AnyPolicy:
		return &ArgumentError{Argument: "Policies", Problem: "none, want those under which the key may be released, or AnyPolicy"}
	case o.Attest == nil:
		return &ArgumentError{Argument: "Attest", Problem: "missing, want what has this party attested"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return nil
}

// Get has this party attested and gets a key from the vault: it makes a key for this
// one release, has evidence bound to it attested, asks the vault, verifies the
// response as [VerifyResponse] does, and unwraps. Clear what is returned when it is not
// needed any more.
//
// The key that was made is overwritten then, and so are copies of the released one.
// That is as far as a Go program reaches: the runtime may have moved values and leaves
// copies of them on old stacks, the standard library keeps its own form of a private
// key until the memory is used again, and nothing here is locked against swapping. In
// an enclave all of that is memory that nobody else reads; elsewhere it is not.
//
// An error of Attest is wrapped. Of the vault it is as for [Client.Release], and a
// *[ResponseError] or *[WrapError] for a response that is not to be believed.
func (c *Client) Get(ctx context.Context, name string, o GetOptions) (*Released, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkKeyID(name, o.Version); err != nil {
		return nil, err
	}
	key, err := newEphemeralKey(o.Algorithm, o.RSABits)
	if err != nil {
		return nil, err
	}
	defer key.wipe()
	runtimeData, err := key.runtimeData()
	if err != nil {
		return nil, err
	}
	nonce := rand.Text()
	token, err := o.Attest(ctx, AttestRequest{RuntimeData: runtimeData, Nonce: nonce})
	if err == nil && token == "" {
		err = errors.New("no token came back")
	}
	if err != nil {
		return nil, fmt.Errorf("keyrelease: attest: %w", err)
	}
	compact, err := c.Release(ctx, name, o.Version, Request{Target: token, Nonce: nonce, Algorithm: o.Algorithm})
	if err != nil {
		return nil, err
	}
	response, err := VerifyResponse(compact, Expected{
		Vault: c.vault, Roots: o.Roots, Name: name, Version: o.Version, Nonce: nonce, Algorithm: o.Algorithm,
		Policies: o.Policies, AnyPolicy: o.AnyPolicy, Now: o.Now(),
	})
	if err != nil {
		return nil, err
	}
	material, err := response.Unwrap(key.private)
	if err != nil {
		return nil, err
	}
	return newReleased(response, material), nil
}
