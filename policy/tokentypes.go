package policy

import "slices"

// TokenTypes returns the types of claim that the service puts into tokens of
// itself, and that no policy sees.
func TokenTypes() []string { return slices.Clone(tokenTypes[:]) }
