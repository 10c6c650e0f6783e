package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/policy"
)

var errNoType = errors.New("claim without a type")

// isBareToken reports whether an object is the payload of a token: no claims of
// evidence have an issuer and an end.
func isBareToken(set *claims.Set) bool {
	issuer, _ := set.First("iss")
	expires, _ := set.First("exp")
	return issuer.Kind() == claims.KindString && expires.Kind() == claims.KindInteger
}

// tokenClaims returns what the evidence behind a token stated: the service's
// claims without those about the token itself, and without those that the policy
// of the time issued, which the token repeats under x-ms-policy.
func tokenClaims(payload *claims.Set) (*givenClaims, error) {
	issued, _ := objectOf(payload, "x-ms-policy")
	given := &givenClaims{incoming: incomingOf(payload, issued)}
	if given.incoming.Has("") {
		return nil, errNoType
	}
	if given.incoming.Len() == 0 {
		return nil, errors.New("the token says nothing of evidence")
	}
	if issued == nil && !payload.Has("x-ms-attestation-type") {
		// So do tokens of Tpm and VbsEnclave.
		given.doubt = "the token does not tell claims of the evidence from those of its policy: all are taken for the evidence's"
	}
	return given, nil
}

// incomingOf returns of the claims in a token or a result those that a policy
// sees.
func incomingOf(all, issued *claims.Set) *claims.Set {
	hidden := append(policy.TokenTypes(), "x-ms-sgx-tcbidentifier") // a property, set by the policy
	set := new(claims.Set)
	for name, v := range all.All() {
		if slices.Contains(hidden, name) || strings.HasPrefix(name, "x-azattest-") || issued != nil && issued.Has(name) {
			continue
		}
		if values, err := scalarsOf(v); err == nil {
			for _, v := range values {
				set.Add(name, v)
			}
			continue
		}
		// Policies see the keys of a TPM as text; other structures they do not see.
		if text, _ := v.RawJSON(); strings.HasPrefix(name, "x-ms-tpm-") {
			set.Add(name, claims.String(text))
		}
	}
	if set.Has("x-ms-sgx-mrenclave") {
		set.AddAll(sgx.Aliases(set))
	}
	return set
}
