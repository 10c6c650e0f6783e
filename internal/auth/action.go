package auth

import (
	"slices"
	"strconv"
	"strings"
)

// Action is what a caller wants to do, by the name that Azure's roles give it.
// Attesting is no action: whether it needs a caller is for the instance to say.
type Action string

// The actions of Azure Attestation's built-in roles.
const (
	// Read looks at policies and policy management certificates.
	Read Action = "Microsoft.Attestation/attestationProviders/attestation/read"
	// Write sets a policy or adds a policy management certificate.
	Write Action = "Microsoft.Attestation/attestationProviders/attestation/write"
	// Delete resets a policy or removes a policy management certificate.
	Delete Action = "Microsoft.Attestation/attestationProviders/attestation/delete"
)

// Role is a set of actions, by the name of Azure's built-in role.
type Role string

// The built-in roles of Azure Attestation.
const (
	// Reader may Read.
	Reader Role = "Attestation Reader"
	// Contributor may Read, Write and Delete.
	Contributor Role = "Attestation Contributor"
)

// attestationRoles are the roles of an attestation service.
var attestationRoles = []Role{Reader, Contributor}

// allowed are written out, so that a new action is allowed to nobody by itself.
var allowed = map[Role][]Action{
	Reader:         {Read},
	Contributor:    {Read, Write, Delete},
	KeyReleaseUser: {ReleaseKey},
	KeyReader:      {ReadKey},
	KeyOfficer:     {ReadKey, CreateKey, ImportKey, RotateKey, UpdateKey, DeleteKey},
}

// Allows reports whether who has the role may do the action. What is no role
// allows nothing, and no role allows actions of two services.
func (r Role) Allows(a Action) bool { return slices.Contains(allowed[r], a) }

func (r Role) isKnown() bool { return len(allowed[r]) > 0 }

// rolesInWords are all roles, for errors.
func rolesInWords() string {
	var quoted []string
	for _, r := range slices.Concat(attestationRoles, vaultRoles) {
		quoted = append(quoted, strconv.Quote(string(r)))
	}
	return strings.Join(quoted, ", ")
}
