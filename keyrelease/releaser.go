package keyrelease

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/relyingparty"
)

// Config is what a [Releaser] is made of.
type Config struct {
	// Verifier says which tokens are genuine: whose, how old, whether of enclaves that
	// can be debugged, or simulated. Required, a *[relyingparty.Verifier] as a rule. It
	// names the authorities that this vault trusts; a policy can choose among them, and
	// add none.
	Verifier TokenVerifier
	// Keys keeps the keys. Required.
	Keys KeySource
	// Signer returns what signs responses: the same each time, or another once a
	// certificate is renewed. Required.
	Signer func(context.Context) (*Signer, error)
	// Vault is the URL of the vault, of which the IDs of keys are made and for whose
	// host the signer's certificate must be. Required.
	Vault string
	// HeldData are the forms in which enclave-held data may be the key to wrap to, for
	// tokens without x-ms-runtime; see [ChooseTarget]. None: never.
	HeldData []HeldForm
	// RequireNonce refuses requests without a nonce, and tokens without that nonce.
	// Azure's own clients ask without, so it is not the default; a token that has a nonce
	// (its claim nonce) is refused in any case unless the request has the same one.
	RequireNonce bool
	// Record is told of each decision before it is answered. Its error refuses the
	// release: what cannot be written down is not done. Nil: nobody is told.
	Record func(context.Context, *Decision) error
	// Now is the clock by which keys begin and end; nil means time.Now.
	Now func() time.Time
}

// TokenVerifier says whether a token is genuine, with the errors of
// [relyingparty.Verifier.Verify]. It must be safe for concurrent use.
type TokenVerifier interface {
	Verify(ctx context.Context, compact string, expected relyingparty.Expected) (*relyingparty.Result, error)
}

// ConfigError says why a Config makes no Releaser.
type ConfigError struct {
	// Field is the field of the Config.
	Field string
	// Problem says what is wrong with it.
	Problem string
}

// Error says which field, and what is wrong.
func (e *ConfigError) Error() string { return "keyrelease: config: " + e.Field + ": " + e.Problem }

// Decision is what was decided about a request. It holds nothing secret.
type Decision struct {
	// Name and Version are the key's, as asked for until it was found.
	Name, Version string
	// Algorithm is the one asked for.
	Algorithm WrapAlgorithm
	// Authority and TokenID are iss and jti of a token that was genuine.
	Authority, TokenID string
	// Target is the kid of the key to which it was wrapped.
	Target string
	// Policy is the key's, nil if none was found. Outcome is what it made of the token,
	// nil if it was not asked.
	Policy  *Policy
	Outcome *Outcome
	// Err is a *[RefusalError], nil for a release.
	Err error
}

// Releaser decides about requests for keys, and answers them. It is safe for
// concurrent use.
type Releaser struct {
	config Config
}

// NewReleaser returns a releaser, or a *[ConfigError].
func NewReleaser(c Config) (*Releaser, error) {
	switch {
	case c.Verifier == nil:
		return nil, &ConfigError{"Verifier", "missing, want who says which tokens are genuine"}
	case c.Keys == nil:
		return nil, &ConfigError{"Keys", "missing, want who keeps the keys"}
	case c.Signer == nil:
		return nil, &ConfigError{"Signer", "missing, want what signs responses"}
	}
	if _, err := vaultHost(c.Vault); err != nil {
		return nil, &ConfigError{"Vault", err.Error()}
	}
	for _, form := range c.HeldData {
		if !slices.Contains(HeldForms(), form) {
			return nil, &ConfigError{"HeldData", fmt.Sprintf("%s, want one of %v", shown(string(form)), HeldForms())}
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Releaser{config: c}, nil
}

// Release decides about a request for a version of a key, the current one if version
// is empty, and returns the response: a JWS in compact serialization, as Key Vault
// answers, which [VerifyResponse] reads. Who asks must have been authorized before.
//
// The response repeats apiVersion, the version of Key Vault's API that was spoken; it
// may be empty. The error is a *[RefusalError].
func (r *Releaser) Release(ctx context.Context, name, version, apiVersion string, request Request) (string, error) {
	d := &Decision{Name: name, Version: version, Algorithm: request.Algorithm}
	response, err := r.decide(ctx, d, apiVersion, request)
	err = ended(ctx, err)
	d.Err = err
	if r.config.Record != nil {
		if recordErr := r.config.Record(ctx, d); recordErr != nil {
			return "", unavailable("The request could not be recorded, try again.", errors.Join(recordErr, err))
		}
	}
	if err != nil {
		return "", err
	}
	return response, nil
}

func (r *Releaser) decide(ctx context.Context, d *Decision, apiVersion string, request Request) (string, error) {
	if err := request.check(); err != nil {
		return "", err
	}
	d.Algorithm = request.Algorithm
	asked := KeyURL(r.config.Vault, d.Name, d.Version)
	// It is looked at first, so that who asks for one that there is not hears that, as
	// from Key Vault. Its secret is not kept while others say whether the token holds.
	key, err := r.find(ctx, d.Name, d.Version)
	if err != nil {
		return "", err
	}
	clear(key.Material)
	d.Name, d.Version = key.Name, key.Version
	result, err := r.verify(ctx, request)
	if err != nil {
		return "", err
	}
	// What counts is the key as it is now.
	if key, err = r.find(ctx, d.Name, d.Version); err != nil {
		return "", err
	}
	defer clear(key.Material)
	d.Policy = key.Policy
	d.Authority, d.TokenID = valueOf(result.Claims.Issuer), valueOf(result.Claims.UniqueID)
	if d.Outcome, err = key.Policy.Evaluate(result.Claims.Token.Payload()); err != nil {
		return "", forbidden("AccessDenied", messageUnverified, err)
	}
	if !d.Outcome.Met {
		return "", forbidden("AccessDenied", messageUnmet, fmt.Errorf("the policy is not met: %s\n%s", d.Outcome.unmet(), d.Outcome))
	}
	target, err := ChooseTarget(result, request.Algorithm, r.config.HeldData...)
	if err != nil {
		return "", forbidden("AccessDenied", messageUnverified, err)
	}
	d.Target = target.KeyID
	return r.respond(ctx, responseRequest{APIVersion: apiVersion, Algorithm: request.Algorithm, KeyID: asked, Nonce: request.Nonce}, key, target)
}

// find returns a key that may be released now, to whom its policy says.
func (r *Releaser) find(ctx context.Context, name, version string) (*Key, error) {
	if !IsKeyName(name) || version != "" && !isKeyVersion(version) {
		return nil, notFound(name, ErrKeyNotFound)
	}
	key, err := r.config.Keys.ReleaseKey(ctx, name, version)
	if e, ok := errors.AsType[*RefusalError](err); ok {
		return nil, e
	}
	switch {
	case errors.Is(err, ErrKeyNotFound):
		return nil, notFound(name, err)
	case err != nil:
		return nil, unavailable("The key could not be read now, try again.", err)
	case key == nil:
		return nil, unavailable("The key could not be read now, try again.", errors.New("the key source returned neither a key nor an error"))
	}
	if err := key.mayBeReleased(r.config.Now()); err != nil {
		clear(key.Material)
		return nil, err
	}
	return key, nil
}

func (k *Key) mayBeReleased(now time.Time) error {
	a := &k.Attributes
	switch {
	case !a.Enabled:
		return forbidden("KeyDisabled", "Operation release is not allowed on a disabled key.", nil)
	case !a.NotBefore.IsZero() && now.Before(a.NotBefore):
		return forbidden("KeyNotYetValid", "Operation release is not allowed on a key that is not yet valid.", nil)
	case !a.Expires.IsZero() && !now.Before(a.Expires):
		return forbidden("KeyExpired", "Operation release is not allowed on an expired key.", nil)
	case !a.Exportable || k.Policy == nil:
		return forbidden("KeyOperationForbidden", "Operation release is not allowed on a key that is not exportable.", nil)
	}
	return nil
}

// verify says whether the token is genuine, and meant for this request.
func (r *Releaser) verify(ctx context.Context, request Request) (*relyingparty.Result, error) {
	result, err := r.config.Verifier.Verify(ctx, request.Target, relyingparty.Expected{})
	if err != nil {
		_, invalid := errors.AsType[*azattestation.TokenValidationError](err)
		_, unmet := errors.AsType[*relyingparty.RequirementError](err)
		if invalid || unmet {
			return nil, forbidden("AccessDenied", messageUnverified, err)
		}
		return nil, unavailable("The target environment attestation statement cannot be verified now, try again.", err)
	}
	nonce := valueOf(result.Claims.Nonce)
	switch {
	case r.config.RequireNonce && (request.Nonce == "" || nonce == ""):
		return nil, forbidden("AccessDenied", messageUnverified, errors.New("a nonce is required, of the request and of the token"))
	case nonce != "" && subtle.ConstantTimeCompare([]byte(nonce), []byte(request.Nonce)) != 1:
		return nil, forbidden("AccessDenied", messageUnverified, errors.New("the token was made for another request: its nonce is another"))
	}
	return result, nil
}

// respond wraps a key, and writes and signs the response.
func (r *Releaser) respond(ctx context.Context, request responseRequest, key *Key, target *Target) (string, error) {
	const failed = "The key could not be released now, try again."
	ciphertext, err := request.Algorithm.Wrap(target.Public, key.Material)
	if err != nil {
		return "", unavailable(failed, err)
	}
	wrapped, err := newWrapped(request.Algorithm, target, ciphertext)
	if err != nil {
		return "", unavailable(failed, err)
	}
	payload, err := newPayload(r.config.Vault, request, key, wrapped)
	if err != nil {
		return "", unavailable(failed, err)
	}
	signer, err := r.config.Signer(ctx)
	if err == nil && signer == nil {
		err = errors.New("neither a signer nor an error")
	}
	if err != nil {
		return "", unavailable(failed, err)
	}
	response, err := signer.sign(payload)
	if err != nil {
		return "", unavailable(failed, err)
	}
	return response, nil
}

func valueOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
