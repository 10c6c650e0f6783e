package auth

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Claim is what a [Binding] looks at.
type Claim string

// The claims that roles can be bound to.
const (
	// ClaimRoles are the app roles of Entra ID, or whatever an issuer puts into
	// roles.
	ClaimRoles Claim = "roles"
	// ClaimGroups are groups; Entra ID's by their object IDs.
	ClaimGroups Claim = "groups"
	// ClaimObjectID is a user, a service principal or a managed identity of Entra
	// ID.
	ClaimObjectID Claim = "oid"
	// ClaimSubject is whoever the issuer calls so. Entra ID's differ from one
	// application to the next.
	ClaimSubject Claim = "sub"
	// ClaimAppID is an application of Entra ID that acts for itself: appid of v1
	// tokens, azp of v2. It takes no token of a user, who signs in through
	// whichever application he likes, and none of an application that needs no
	// secret, for anybody can be that one.
	ClaimAppID Claim = "appid"
)

// Binding gives a role to whoever has a claim of one value.
type Binding struct {
	// Issuer is the name of whose tokens count. It may be empty if all issuers,
	// but for the development issuer, have the same name: what one issuer calls
	// alice is not what another does.
	Issuer string
	Claim  Claim
	// Value is compared byte for byte with the claim, or with each text of an
	// array.
	Value string
	Role  Role
	// Instances are the names of those that the role is for: of instances, or of the
	// keys of a vault. None stands for all.
	Instances []string
}

func (b *Binding) validate(field string, issuers []Issuer) error {
	refuse := func(name, format string, args ...any) error {
		return &ConfigError{Field: field + "." + name, Problem: fmt.Sprintf(format, args...)}
	}
	bound := b.issuersOf(issuers)
	switch {
	case b.Issuer != "" && len(bound) == 0:
		return refuse("Issuer", "%q is none of the issuers, want one of %s", b.Issuer, strings.Join(namesOf(issuers), ", "))
	case len(bound) == 0:
		return refuse("Issuer", "there are no issuers whose tokens it could be about")
	case slices.ContainsFunc(bound, func(i Issuer) bool { return i.Name != bound[0].Name }):
		return refuse("Issuer", "missing, want one of %s: issuers do not know each other's users", strings.Join(namesOf(issuers), ", "))
	case !slices.Contains([]Claim{ClaimRoles, ClaimGroups, ClaimObjectID, ClaimSubject, ClaimAppID}, b.Claim):
		return refuse("Claim", "%q, want roles, groups, oid, sub or appid", string(b.Claim))
	case b.Claim == ClaimAppID && !bound[0].isEntra():
		return refuse("Claim", "appid, which only Entra ID vouches for: bind sub")
	case !isPlain(b.Value):
		return refuse("Value", "%q, want visible text of at most %d bytes", b.Value, maxName)
	case bound[0].isEntra() && (b.Claim == ClaimObjectID || b.Claim == ClaimAppID) && !guid.MatchString(b.Value):
		return refuse("Value", "%q, want an ID in lower case, such as 72f988bf-86f1-41af-91ab-2d7cd011db47", b.Value)
	}
	return checkRole(field, b.Role, b.Instances)
}

func checkRole(field string, role Role, instances []string) error {
	if !role.isKnown() {
		return &ConfigError{Field: field + ".Role", Problem: fmt.Sprintf("%q, want one of %s", string(role), rolesInWords())}
	}
	for _, name := range instances {
		if !isPlain(name) || name == "*" {
			return &ConfigError{Field: field + ".Instances", Problem: fmt.Sprintf("%q, want the name of an instance; for all, leave the list out", name)}
		}
	}
	return nil
}

// isPlain accepts text that a person can see to be what it is.
func isPlain(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })
}

// issuersOf are those whose tokens the binding is about. Nobody is to be let in by
// the development issuer without being told.
func (b *Binding) issuersOf(issuers []Issuer) []Issuer {
	var bound []Issuer
	for _, i := range issuers {
		if i.Name == b.Issuer || b.Issuer == "" && i.keys == nil {
			bound = append(bound, i)
		}
	}
	return bound
}

func namesOf(issuers []Issuer) []string {
	var names []string
	for _, i := range issuers {
		if !slices.Contains(names, i.Name) {
			names = append(names, i.Name)
		}
	}
	return names
}

// grantsOf are the roles that bindings give to the holder of claims.
func grantsOf(bindings []Binding, issuer *Issuer, claims map[Claim][]string) []grant {
	var grants []grant
	for i := range bindings {
		b := &bindings[i]
		isBound := b.Issuer == issuer.Name || b.Issuer == "" && issuer.keys == nil
		if isBound && slices.Contains(claims[b.Claim], b.Value) {
			grants = append(grants, grant{b.Role, b.Instances})
		}
	}
	return grants
}
