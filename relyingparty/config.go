package relyingparty

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// Config says what a relying party requires of tokens. What it names must all
// hold; within a list, one entry must. The zero value is refused by [New]: whom to
// trust, and what for, nobody else can know.
type Config struct {
	// Sources hold the keys of the trusted instances, one source for each:
	// a client's KeySource, or one of azattestation.NewKeySource. Required. A token
	// chooses among them by its iss and by nothing else: Microsoft's instances share
	// signing keys, while each runs policies of its own.
	Sources []*azattestation.KeySource

	// Types are the accepted values of x-ms-attestation-type: "sgx", "sevsnpvm",
	// "tdxvm", "azurevm". The default is "sgx" alone.
	//
	// "tpm", which goes with no other, stands for reports of TPMs: they have no
	// x-ms-attestation-type, and are known by the key ID under which they are signed.
	// What they say is the policy's word, so PolicyHashes are required of them, and
	// Claims with FromPolicy.
	Types []string

	// MRENCLAVE are the accepted measurements of an enclave's code
	// (x-ms-sgx-mrenclave), 64 hexadecimal digits each.
	MRENCLAVE []string
	// Signers are the accepted signers of enclaves.
	Signers []Signer
	// PolicyHashes are the accepted policies (x-ms-policy-hash), each as it stands
	// in tokens, base64url, or in 64 hexadecimal digits; see azattestation.PolicyHash.
	PolicyHashes []string
	// Claims are further required claims, as of virtual machines.
	Claims []Claim

	// AllowAnyEnclave permits a Config without MRENCLAVE, Signers, PolicyHashes
	// and Claims. ANYBODY'S ENCLAVE PASSES THEN, an attacker's included.
	AllowAnyEnclave bool
	// AllowAnyPolicy permits reports of TPMs without PolicyHashes. WHOEVER MAY CHANGE
	// THE INSTANCE'S POLICY THEN SAYS WHAT A MACHINE IS, true or not.
	AllowAnyPolicy bool
	// AllowDebuggable accepts enclaves and machines that can be debugged, and
	// tokens that do not say. They keep no secret from their host. Reports of TPMs
	// say it only if their policy does: without AllowDebuggable one of the Claims
	// must be bootDebuggingDisabled or osKernelDebuggingDisabled, true, or of a VBS
	// enclave enclaveFlags, 0.
	AllowDebuggable bool
	// AllowUnboundKey accepts reports of TPMs that confirm a key which nothing binds
	// to the TPM, as those of version 1 of the protocol do. The key may be anybody's
	// who was in between, and he chose the nonce; see [KeyBindingNone].
	AllowUnboundKey bool
	// RequireResidentKey refuses reports of TPMs that do not confirm a key which was
	// made in the TPM and is nowhere else; see [ConfirmedKey.IsResident].
	RequireResidentKey bool
	// AllowSimulated accepts tokens about simulated hardware
	// (x-azattest-simulated), which prove nothing. For tests.
	AllowSimulated bool
	// RequireNonce refuses calls that bring no nonce, so that none is forgotten.
	RequireNonce bool

	// MaxAge is how long ago a token may have been issued (iat). Zero means as
	// long as it is valid, which is 8 hours for Microsoft's.
	MaxAge time.Duration
	// TimeSlack is how far the clocks of service and relying party may differ.
	// Zero means azattestation.DefaultTimeSlack, a negative value none; at most an
	// hour.
	TimeSlack time.Duration

	// SigningCertificate is asked whether the key that signed a token is
	// acceptable, as by [VerifySigningCertificate]. A *[SigningCertificateError]
	// from it refuses the token; any other error means that it could not tell,
	// and leaves the token undecided. With nil every key of the source is
	// accepted. It must be safe for concurrent use.
	SigningCertificate func(ctx context.Context, certificate *azattestation.SigningCertificate) error
	// SigningCertificateMaxAge is how long its acceptance of a certificate is
	// remembered, for such a check costs far more than a token does. Zero means
	// [DefaultSigningCertificateMaxAge], a negative value that it is asked for
	// every token. Errors are not remembered.
	SigningCertificateMaxAge time.Duration

	// Now is the clock; the default is time.Now.
	Now func() time.Time
}

// Signer is who signed an enclave, and which of his enclaves it is.
type Signer struct {
	// MRSIGNER is x-ms-sgx-mrsigner: the hash of the signer's key, 64 hexadecimal
	// digits. The keys of SDK samples are public: whoever accepts one accepts
	// anybody.
	MRSIGNER string
	// ProductID is x-ms-sgx-product-id, compared exactly.
	ProductID uint16
	// MinSVN is the least accepted x-ms-sgx-svn. Raise it when a version of the
	// enclave has to be locked out.
	MinSVN uint16
}

// signer is a Signer that has been read.
type signer struct {
	hash              [32]byte
	productID, minSVN uint16
}

// The values of x-ms-attestation-type.
const (
	typeSGX      = "sgx"
	typeSEVSNPVM = "sevsnpvm"
	typeTDXVM    = "tdxvm"
	typeAzureVM  = "azurevm"
	typeTPM      = "tpm" // stands in no token
)

// New returns a verifier. It returns an error for a Config that contradicts
// itself, that cannot be read, or that requires nothing of who was attested
// without saying so (AllowAnyEnclave).
func New(c Config) (*Verifier, error) {
	v := &Verifier{
		allowDebuggable: c.AllowDebuggable, allowSimulated: c.AllowSimulated, requireNonce: c.RequireNonce,
		maxAge: c.MaxAge, timeSlack: c.TimeSlack, now: c.Now,
	}
	if v.now == nil {
		v.now = time.Now
	}
	if c.MaxAge < 0 {
		return nil, badConfig("MaxAge", "%s, want a positive duration, or zero for no bound", c.MaxAge)
	}
	if c.TimeSlack > maxTimeSlack {
		return nil, badConfig("TimeSlack", "%s, want at most %s: clocks differ by minutes", c.TimeSlack, maxTimeSlack)
	}
	for _, read := range []func(Config) error{v.readSources, v.readTypes, v.readIdentity, v.readPolicies, v.readClaims, v.readReports} {
		if err := read(c); err != nil {
			return nil, err
		}
	}
	if c.SigningCertificate != nil {
		v.certificates = newCertificateCheck(c.SigningCertificate, c.SigningCertificateMaxAge)
	}
	return v, nil
}

// badConfig says what is wrong with a field of a Config.
func badConfig(field, format string, args ...any) error {
	return fmt.Errorf("relyingparty: Config.%s: %s", field, fmt.Sprintf(format, args...))
}

func (v *Verifier) readSources(c Config) error {
	if len(c.Sources) == 0 {
		return badConfig("Sources", "none, want the keys of an instance that is trusted")
	}
	v.sources = make(map[string]*azattestation.KeySource, len(c.Sources))
	for i, source := range c.Sources {
		if source == nil {
			return badConfig("Sources", "entry %d of %d is nil", i+1, len(c.Sources))
		}
		issuer := withoutSlash(source.Issuer())
		if issuer == "" {
			return badConfig("Sources", "entry %d of %d names no issuer", i+1, len(c.Sources))
		}
		if v.sources[issuer] != nil {
			return badConfig("Sources", "two for %s, want one", issuer)
		}
		v.sources[issuer] = source
		v.issuers = append(v.issuers, issuer)
	}
	return nil
}

// withoutSlash gives the URL of an instance its one form. Whether it ends in a
// slash is a matter of taste.
func withoutSlash(issuer string) string { return strings.TrimSuffix(issuer, "/") }

func (v *Verifier) readTypes(c Config) error {
	v.types = slices.Clone(c.Types)
	if len(v.types) == 0 {
		v.types = []string{typeSGX}
	}
	if v.reports = slices.Contains(v.types, typeTPM); v.reports {
		if len(v.types) > 1 {
			return badConfig("Types", "%s: what reports of TPMs say is the policy's word, of the others the evidence's; want a Verifier of its own for tpm", strings.Join(v.types, ", "))
		}
		return nil
	}
	for _, name := range v.types {
		if name == "" {
			return badConfig("Types", "an empty one, want a value of x-ms-attestation-type")
		}
		if _, ok := debugClaims[name]; !ok && !c.AllowDebuggable {
			return badConfig("Types", "%q: no claim is known that says whether it can be debugged: want sgx, sevsnpvm, tdxvm, azurevm or tpm, or AllowDebuggable", name)
		}
	}
	return nil
}

func (v *Verifier) readIdentity(c Config) error {
	if len(c.MRENCLAVE)+len(c.Signers)+len(c.PolicyHashes)+len(c.Claims) == 0 && !c.AllowAnyEnclave {
		return badConfig("MRENCLAVE, Signers, PolicyHashes, Claims", "none, want at least one: any enclave would pass (if that is wanted, say AllowAnyEnclave)")
	}
	if len(c.MRENCLAVE)+len(c.Signers) > 0 && slices.ContainsFunc(v.types, func(name string) bool { return name != typeSGX }) {
		return badConfig("Types", "%s: only sgx has MRENCLAVE and Signers; want a Verifier of its own for each type", strings.Join(v.types, ", "))
	}
	for _, text := range c.MRENCLAVE {
		hash, ok := parseHash(text)
		if !ok {
			return badConfig("MRENCLAVE", "%q, want 64 hexadecimal digits", clip(text))
		}
		v.enclaves = append(v.enclaves, hash)
	}
	for _, s := range c.Signers {
		hash, ok := parseHash(s.MRSIGNER)
		if !ok {
			return badConfig("Signers", "MRSIGNER: %q, want 64 hexadecimal digits", clip(s.MRSIGNER))
		}
		v.signers = append(v.signers, signer{hash: hash, productID: s.ProductID, minSVN: s.MinSVN})
	}
	return nil
}

func (v *Verifier) readPolicies(c Config) error {
	for _, text := range c.PolicyHashes {
		hash, ok := parseHash(text)
		if !ok {
			raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
			if err != nil || len(raw) != len(hash) {
				return badConfig("PolicyHashes", "%q, want 43 characters of base64url, as x-ms-policy-hash has them, or 64 hexadecimal digits", clip(text))
			}
			hash = [32]byte(raw)
		}
		v.policies = append(v.policies, hash)
	}
	return nil
}

func (v *Verifier) readClaims(c Config) error {
	for i, claim := range c.Claims {
		read, err := claim.read()
		if err == nil && v.reports {
			err = claim.checkForReport()
			read.fromPolicy = false // they have no x-ms-policy: it stands at the top level
		}
		if err != nil {
			return badConfig("Claims", "entry %d of %d: %v", i+1, len(c.Claims), err)
		}
		v.claims = append(v.claims, read)
	}
	return nil
}

// parseHash reads a hash of 32 bytes in hexadecimal, in either case.
func parseHash(text string) ([32]byte, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 32 {
		return [32]byte{}, false
	}
	return [32]byte(raw), true
}
