package attest

import (
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

// configure runs the configuration rules over claims that nobody has verified
// yet, and notes what they demand of the verification. If the claims are lies,
// the verification will say so.
func (s *Service) configure(in *admitted, t Type, unverified *claims.Set) error {
	properties, err := in.policy.Configure(unverified)
	if err != nil {
		return err
	}
	in.demands, _, err = readProperties(properties, t)
	return err
}

// decide runs the policy over what is now known to be true, and returns what it
// issues.
func (s *Service) decide(in *admitted, t Type, result *evidence.Result) (*claims.Set, error) {
	incoming := new(claims.Set)
	if result.Claims != nil {
		incoming = result.Claims.Clone()
	}
	incoming.Put(claimType, claims.String(result.Type))
	if result.PolicyOnly != nil {
		incoming.AddAll(result.PolicyOnly)
	}
	decision, err := in.policy.DecideWith(incoming, s.ownCustom(result.Custom))
	if err != nil {
		return nil, err
	}
	after, report, err := readProperties(decision.Properties, t)
	if err != nil {
		return nil, err
	}
	if after != in.demands {
		return nil, &policy.EvaluationError{
			Problem: fmt.Sprintf("the configuration rules demand %s before the verification and %s after it, want rules over claims that both know",
				in.demands.describe(t), after.describe(t)),
		}
	}
	in.report = report
	return decision.Issued, nil
}

// ownCustom names what a client states of itself below the instance's URL, so that
// nothing of it can pose as a claim of the service.
func (s *Service) ownCustom(custom *claims.Set) *claims.Set {
	named := new(claims.Set)
	if custom == nil {
		return named
	}
	for name, v := range custom.All() {
		named.Add(s.issuer.URL()+"/"+name, v)
	}
	return named
}
