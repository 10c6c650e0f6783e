package attest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

// defaultLifetime is that of the real service's attestation tokens, 28800 s.
const defaultLifetime = 8 * time.Hour

// ConfigError says why a [Config] makes no service.
type ConfigError struct {
	// Field is the field of Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "attest: config: " + e.Field + ": " + e.Problem }

// New makes a service. It returns a *[ConfigError] if the configuration is
// incomplete or contradicts itself.
func New(c Config) (*Service, error) {
	if c.Issuer == nil {
		return nil, &ConfigError{"Issuer", "missing, want one that signs the tokens"}
	}
	kinds, err := c.kinds()
	if err != nil {
		return nil, err
	}
	accepted, err := c.acceptedTCB()
	if err != nil {
		return nil, err
	}
	if c.AzureDefaultTCB < 0 {
		return nil, &ConfigError{"AzureDefaultTCB", fmt.Sprintf("%d, want a TCB evaluation data number or 0", c.AzureDefaultTCB)}
	}
	lifetime := cmp.Or(c.TokenLifetime, defaultLifetime)
	if lifetime < time.Second || lifetime > maxLifetime || lifetime%time.Second != 0 {
		return nil, &ConfigError{"TokenLifetime", fmt.Sprintf("%s, want whole seconds from 1s to %s", lifetime, maxLifetime)}
	}
	if c.MaxReportLifetime < 0 || c.MaxReportLifetime > maxLifetime || c.MaxReportLifetime%time.Second != 0 {
		return nil, &ConfigError{"MaxReportLifetime", fmt.Sprintf("%s, want whole seconds up to %s, or 0", c.MaxReportLifetime, maxLifetime)}
	}
	if c.Verifiers[TPM] != nil && c.Challenge == nil {
		return nil, &ConfigError{"Challenge", "missing, want what knows the challenges that were given out: without it old quotes would pass for new"}
	}
	s := &Service{
		issuer:     c.Issuer,
		kinds:      kinds,
		accepted:   accepted,
		defaultTCB: c.AzureDefaultTCB,
		lifetime:   int64(lifetime / time.Second),
		maxReport:  c.MaxReportLifetime,
		challenge:  c.Challenge,
		clock:      c.Clock,
		verifyAt:   c.VerifyAt,
		random:     c.Random,
		observe:    c.Observe,
		stopwatch:  c.Stopwatch,
		turn:       c.Turn,
	}
	if s.stopwatch == nil {
		s.stopwatch = time.Now
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.random == nil {
		s.random = rand.Reader
	}
	return s, nil
}

// kinds joins each verifier with its policy.
func (c Config) kinds() (map[Type]kind, error) {
	if len(c.Verifiers) == 0 {
		return nil, &ConfigError{"Verifiers", "none, want one for each type served"}
	}
	for t, p := range c.Policies {
		if p == nil || c.Verifiers[t] == nil {
			return nil, &ConfigError{"Policies", fmt.Sprintf("%q lacks its program or its verifier, want both", string(t))}
		}
	}
	for t, signer := range c.Signers {
		if signer.Kind() == 0 || c.Policies[t] == nil {
			return nil, &ConfigError{"Signers", fmt.Sprintf("%q lacks its JWK or its policy, want both", string(t))}
		}
	}
	kinds := make(map[Type]kind, len(c.Verifiers))
	for t, v := range c.Verifiers {
		if !t.isKnown() {
			return nil, &ConfigError{"Verifiers", fmt.Sprintf("%q is no type, want some of %v", string(t), Types())}
		}
		if v == nil {
			return nil, &ConfigError{"Verifiers", fmt.Sprintf("%s has none, want a verifier or no entry", t)}
		}
		p := c.Policies[t]
		if p == nil {
			var err error
			if p, err = compileDefault(t); err != nil {
				return nil, err
			}
		}
		kinds[t] = kind{verifier: v, policy: p, signer: c.Signers[t]}
	}
	return kinds, nil
}

func compileDefault(t Type) (*policy.Program, error) {
	text, ok := policy.Default(string(t))
	if !ok {
		return nil, &ConfigError{"Policies", fmt.Sprintf("none for %s, which has no default, want one", t)}
	}
	p, err := policy.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("attest: the default policy of %s: %w", t, err)
	}
	return p, nil
}

// DefaultAcceptedTCB returns the states of a platform that are accepted unless
// the operator says otherwise: UpToDate, and SWHardeningNeeded, where it is for
// the enclave's own code to do its part. The real service accepts both.
func DefaultAcceptedTCB() []evidence.TCBStatus {
	return []evidence.TCBStatus{evidence.TCBUpToDate, evidence.TCBSWHardeningNeeded}
}

func (c Config) acceptedTCB() ([]evidence.TCBStatus, error) {
	if c.AcceptedTCB == nil {
		return DefaultAcceptedTCB(), nil
	}
	if len(c.AcceptedTCB) == 0 {
		return nil, &ConfigError{"AcceptedTCB", "empty, want at least one status, or nil for the default"}
	}
	for _, status := range c.AcceptedTCB {
		switch {
		case !status.Valid():
			return nil, &ConfigError{"AcceptedTCB", fmt.Sprintf("%q is no TCB status, want some of %v", string(status), evidence.TCBStatuses())}
		case status == evidence.TCBRevoked || status == evidence.TCBNoMatchingLevel:
			return nil, &ConfigError{"AcceptedTCB", fmt.Sprintf("%s can never be accepted: nobody vouches for such a platform", status)}
		}
	}
	return slices.Clone(c.AcceptedTCB), nil
}
