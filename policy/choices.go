package policy

import "slices"

// What Azure Attestation does in these points is inferred or unknown. Each is
// decided here, once; docs/policy-divergences.md lists them.
const (
	// kindsDiffer says whether != holds between values of different kinds. If it
	// did, value!=0 would hold for the string "0".
	kindsDiffer = false
	// issueAdds says that issue in authorizationrules is add: one sample of the
	// documentation does it, and another page says that such claims never reach
	// the token.
	issueAdds = true
)

// readOnlyTypes are the types of evidence that may be read but not issued, nor
// what is made of them. Documentation names this one.
var readOnlyTypes = [...]string{"pcrs"}

func isReadOnly(name string) bool { return slices.Contains(readOnlyTypes[:], name) }
