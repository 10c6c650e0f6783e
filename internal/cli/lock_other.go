//go:build !unix

package cli

// lockFolder does nothing here: this system has no lock that goes with its
// process and that the standard library knows. Two services must not share a
// data directory.
func lockFolder(string) (func(), error) { return func() {}, nil }
