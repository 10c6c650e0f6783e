package cli

import "github.com/spf13/cobra"

func newKeyRelease(s Streams) *cobra.Command {
	return group("keyrelease", "Release secrets to attested parties: Secure Key Release",
		newKeyReleaseServe(s),
	)
}
