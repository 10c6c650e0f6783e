package cli

import (
	"fmt"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// instanceConfig is one attestation instance, whatever it listens on.
type instanceConfig struct {
	// url is the issuer of its tokens.
	url string
	// dataDir keeps the signing key.
	dataDir   string
	algorithm token.Algorithm
	keyBits   int
	// source of collateral, and the roots beside which it is judged.
	source      collateral.Source
	roots       []dcap.Root
	acceptStale bool
	// acceptedTCB is nil for the default.
	acceptedTCB     []evidence.TCBStatus
	azureDefaultTCB int
	policies        map[attest.Type]*policy.Program
	tokenLifetime   time.Duration
	now             func() time.Time
	// verifyAt judges evidence as of a time; zero for now.
	verifyAt time.Time
}

// newInstance puts the pipeline together.
func newInstance(c instanceConfig) (*attest.Service, *token.Issuer, error) {
	key, err := signingKey(c.dataDir, c.algorithm, c.keyBits, c.url)
	if err != nil {
		return nil, nil, err
	}
	ring, err := token.NewRing(key)
	if err != nil {
		return nil, nil, err
	}
	issuer, err := token.NewIssuer(c.url, ring)
	if err != nil {
		return nil, nil, err
	}
	trust := intel.Config{Roots: c.roots, Source: c.source, AcceptStaleCollateral: c.acceptStale}
	quotes, err := intel.NewSGX(trust)
	if err != nil {
		return nil, nil, err
	}
	reports, err := intel.NewOpenEnclave(trust)
	if err != nil {
		return nil, nil, err
	}
	service, err := attest.New(attest.Config{
		Issuer:          issuer,
		Verifiers:       map[attest.Type]evidence.Verifier{attest.SGXEnclave: quotes, attest.OpenEnclave: reports},
		Policies:        c.policies,
		AcceptedTCB:     c.acceptedTCB,
		AzureDefaultTCB: c.azureDefaultTCB,
		TokenLifetime:   c.tokenLifetime,
		Clock:           c.now,
		VerifyAt:        c.verifyAt,
	})
	if err != nil {
		return nil, nil, err
	}
	return service, issuer, nil
}

// loadPolicies compiles the policies of the files given; an empty name leaves
// the default in force.
func loadPolicies(s Streams, sgxFile, openEnclaveFile string) (map[attest.Type]*policy.Program, error) {
	programs := map[attest.Type]*policy.Program{}
	for t, name := range map[attest.Type]string{attest.SGXEnclave: sgxFile, attest.OpenEnclave: openEnclaveFile} {
		if name == "" {
			continue
		}
		text, err := readInput(s, name)
		if err != nil {
			return nil, fmt.Errorf("policy of %s: %w", t, err)
		}
		program, err := policy.Compile(string(text))
		if err != nil {
			return nil, fmt.Errorf("policy of %s, %s: %w", t, name, err)
		}
		programs[t] = program
	}
	return programs, nil
}
