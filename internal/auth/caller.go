package auth

import (
	"slices"
	"strconv"
	"strings"
)

// Caller is who sent a request, and what that one may do. Its fields are for
// logs: decide by [Caller.May] alone. It holds nothing secret, is immutable, and
// may be shared. A nil Caller is anonymous.
type Caller struct {
	// Issuer is the configured name of who vouches for the caller, empty for
	// certificates.
	Issuer string
	// Subject is the token's sub, or the certificate's subject name.
	Subject string
	// TenantID, ObjectID and AppID are Entra ID's, empty for other issuers.
	TenantID, ObjectID, AppID string
	// UPN is what people call the user. It can be changed and given to somebody
	// else, so nothing is decided by it.
	UPN string

	name   string
	grants []grant
}

// grant is a role for some instances, or for all if there are none.
type grant struct {
	role      Role
	instances []string
}

// May reports whether the caller may do the action on the instance of that name, or
// on the key.
func (c *Caller) May(a Action, instance string) bool {
	if c.IsAnonymous() {
		return false
	}
	return slices.ContainsFunc(c.grants, func(g grant) bool {
		return g.role.Allows(a) && (len(g.instances) == 0 || slices.Contains(g.instances, instance))
	})
}

// IsAnonymous reports whether the request came without credentials. A caller who
// is known and has no role is not anonymous.
func (c *Caller) IsAnonymous() bool { return c == nil || c.name == "" }

// Name is short, stable and unique, for histories and audit trails: "oid:… (tid
// …)" for Entra ID, "sub:…@issuer" for other issuers, "cert:… CN=…" with the
// first 16 digits of the certificate's SHA-256, or "anonymous". It is one line of
// visible text.
func (c *Caller) Name() string {
	if c.IsAnonymous() {
		return "anonymous"
	}
	return c.name
}

// String is the name.
func (c *Caller) String() string { return c.Name() }

// visible makes text fit for one line of a log: others chose it. What is cut off
// ends in "…".
func visible(s string) string {
	end := ""
	if len(s) > maxName {
		s, end = strings.ToValidUTF8(s[:maxName], ""), "…"
	}
	quoted := strconv.Quote(s)
	return quoted[1:len(quoted)-1] + end
}
