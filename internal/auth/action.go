package auth

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

// Allows reports whether who has the role may do the action. What is no role
// allows nothing.
func (r Role) Allows(a Action) bool {
	switch r {
	case Reader:
		return a == Read
	case Contributor:
		return a == Read || a == Write || a == Delete
	default:
		return false
	}
}

func (r Role) isKnown() bool { return r == Reader || r == Contributor }
