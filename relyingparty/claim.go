package relyingparty

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Claim is a claim that a token must have, with a value out of a list. It serves
// for whatever the [Config] has no field for, above all virtual machines:
//
//	Claim{Name: "x-ms-sevsnpvm-launchmeasurement", OneOf: []any{"04a170f3…"}}
//	Claim{Name: "tdx_mrtd", OneOf: []any{"5be56d41…"}}
//	Claim{Within: []string{"x-ms-isolation-tee"}, Name: "x-ms-compliance-status", OneOf: []any{"azure-compliant-cvm"}}
type Claim struct {
	// Name is the claim's, exactly.
	Name string
	// Within are the names of the objects that it stands in, the outermost first.
	// Nil means the top level.
	Within []string
	// FromPolicy demands a claim that the instance's policy issued, which stands in
	// x-ms-policy. Without it a claim that the policy issued is refused, so that a
	// policy cannot speak for the evidence. In reports of TPMs, which have no
	// x-ms-policy, it stands at the top level, and all that the service itself does
	// not say is the policy's.
	FromPolicy bool
	// OneOf are the accepted values: strings, bools, and integers of any type.
	// They are compared exactly, type included; text in hexadecimal is in lower case
	// in tokens. A claim with several values is none of them.
	OneOf []any
}

// requiredClaim is a Claim that has been read.
type requiredClaim struct {
	path       []string
	fromPolicy bool
	oneOf      []any // of string, bool, json.Number
}

// deprecated are claims of earlier versions of the service, with their successors.
// Most are there only where a policy issues them, with whatever value it likes.
var deprecated = map[string]string{
	"ver": "x-ms-ver", "tee": claimType, "policy_hash": claimPolicyHash, "maa-policyHash": claimPolicyHash,
	"policy_signer": "x-ms-policy-signer", "rp_data": claimNonce, "is-debuggable": claimDebuggable,
	"product-id": claimProductID, "svn": claimSVN, "sgx-mrenclave": claimMRENCLAVE, "sgx-mrsigner": claimMRSIGNER,
	"maa-attestationcollateral": "x-ms-sgx-collateral", "aas-ehd": claimHeldData, "maa-ehd": claimHeldData,
}

func (c *Claim) read() (requiredClaim, error) {
	r := requiredClaim{path: append(slices.Clone(c.Within), c.Name), fromPolicy: c.FromPolicy}
	if slices.Contains(r.path, "") {
		return r, errors.New("an empty name")
	}
	if successor := deprecated[r.path[0]]; successor != "" && !c.FromPolicy {
		return r, fmt.Errorf("%s is the policy's word, want %s, which is the service's, or FromPolicy", r.path[0], successor)
	}
	if len(c.OneOf) == 0 {
		return r, fmt.Errorf("%s: OneOf is empty, want at least one value", c.Name)
	}
	for _, value := range c.OneOf {
		scalar, err := scalarOf(value)
		if err != nil {
			return r, fmt.Errorf("%s: %w", c.Name, err)
		}
		r.oneOf = append(r.oneOf, scalar)
	}
	return r, nil
}

// scalarOf gives a value the type that parseJSON gives it.
func scalarOf(value any) (any, error) {
	if number, ok := value.(json.Number); ok {
		i, err := number.Int64()
		if err != nil {
			return nil, fmt.Errorf("number %s, want an integer", number)
		}
		return json.Number(strconv.FormatInt(i, 10)), nil
	}
	switch v := reflect.ValueOf(value); {
	case !v.IsValid():
	case v.Kind() == reflect.String:
		return v.String(), nil
	case v.Kind() == reflect.Bool:
		return v.Bool(), nil
	case v.CanInt():
		return json.Number(strconv.FormatInt(v.Int(), 10)), nil
	case v.CanUint():
		return json.Number(strconv.FormatUint(v.Uint(), 10)), nil
	}
	return nil, fmt.Errorf("value of type %T, want a string, a bool or an integer", value)
}

// furtherClaims looks at Config.Claims.
func (a *appraisal) furtherClaims() error {
	if len(a.claims) == 0 {
		return nil
	}
	all, err := membersOf(a.said.Token.Payload())
	if err != nil {
		return &RequirementError{Requirement: RequirementClaim, Err: err}
	}
	for i := range a.claims {
		from := all
		if a.claims[i].fromPolicy {
			from = a.said.PolicyClaims
		} else if _, issued := a.said.PolicyClaims[a.claims[i].path[0]]; issued {
			return &RequirementError{
				Requirement: RequirementClaim, Claim: claimPolicy + "/" + a.claims[i].path[0],
				Expected: "what the evidence says, or FromPolicy", Found: "what the policy says",
			}
		}
		if err := a.claims[i].require(from); err != nil {
			return err
		}
	}
	return nil
}

func (c *requiredClaim) require(from map[string]json.RawMessage) error {
	refuse := func(found string, err error) error {
		path := c.path
		if c.fromPolicy {
			path = append([]string{claimPolicy}, path...)
		}
		texts := make([]string, len(c.oneOf))
		for i, value := range c.oneOf {
			texts[i] = fmt.Sprint(value)
		}
		return &RequirementError{Requirement: RequirementClaim, Claim: strings.Join(path, "/"), Expected: strings.Join(texts, " or "), Found: found, Err: err}
	}
	raw, ok := from[c.path[0]]
	if !ok {
		return refuse(absent, nil)
	}
	value, err := parseJSON(raw)
	if err != nil {
		return refuse("", err)
	}
	for _, name := range c.path[1:] {
		members, _ := value.(map[string]any)
		if value, ok = members[name]; !ok {
			return refuse(absent, nil)
		}
	}
	switch value.(type) {
	case string, bool, json.Number:
		// An interface compares the types too.
		if slices.Contains(c.oneOf, value) {
			return nil
		}
		return refuse(shown(fmt.Sprintf("%v", value))+" ("+typeOf(value)+")", nil)
	}
	return refuse("neither text nor a number nor true nor false", nil)
}

func typeOf(value any) string {
	switch value.(type) {
	case string:
		return "text"
	case bool:
		return "true or false"
	}
	return "a number"
}
