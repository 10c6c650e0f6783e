package attest

import (
	"fmt"
	"strconv"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

// azureDefault is the baseline that holds where a policy names none.
const azureDefault = "azuredefault"

// configure runs the configuration rules over claims that nobody has verified
// yet, notes the TCB baseline that they choose and returns the evaluation data
// number that it stands for. If the claims are lies, the verification will say
// so.
func (s *Service) configure(in *admitted, t Type, unverified *claims.Set) (int, error) {
	properties, err := in.policy.Configure(unverified)
	if err != nil {
		return 0, err
	}
	identifier, err := tcbIdentifier(properties, t)
	if err != nil {
		return 0, err
	}
	in.tcbIdentifier = identifier
	if identifier == azureDefault {
		return s.defaultTCB, nil
	}
	number, err := strconv.Atoi(identifier)
	if err != nil || number <= 0 {
		return 0, &policy.EvaluationError{
			Problem: fmt.Sprintf("property %s is %q, want %q or a TCB evaluation data number", claimTCBIdentifier, identifier, azureDefault),
		}
	}
	return number, nil
}

// tcbIdentifier reads the only property that means something for SGX. A policy
// that sets another expects a check that nobody makes.
func tcbIdentifier(properties *claims.Set, t Type) (string, error) {
	identifier := azureDefault
	for name, v := range properties.All() {
		text, ok := v.Str()
		if name != claimTCBIdentifier || !ok {
			return "", &policy.EvaluationError{
				Problem: fmt.Sprintf("property %s = %s means nothing for %s, want %s or none", name, v, t, claimTCBIdentifier),
			}
		}
		identifier = text
	}
	return identifier, nil
}

// decide runs the policy over what is now known to be true, and returns what it
// issues.
func decide(in *admitted, t Type, result *evidence.Result) (*claims.Set, error) {
	incoming := result.Claims.Clone()
	incoming.Put(claimType, claims.String(result.Type))
	if result.PolicyOnly != nil {
		incoming.AddAll(result.PolicyOnly)
	}
	decision, err := in.policy.Decide(incoming)
	if err != nil {
		return nil, err
	}
	identifier, err := tcbIdentifier(decision.Properties, t)
	if err != nil {
		return nil, err
	}
	if identifier != in.tcbIdentifier {
		return nil, &policy.EvaluationError{
			Problem: fmt.Sprintf("property %s is %q before the verification and %q after it, want rules over claims that both know",
				claimTCBIdentifier, in.tcbIdentifier, identifier),
		}
	}
	return decision.Issued, nil
}
