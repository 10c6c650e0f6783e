package cli

import "github.com/spf13/cobra"

func newToken(s Streams) *cobra.Command {
	cmd := group("token", "Look at a token, or verify it",
		newTokenShow(s),
		newTokenVerify(s),
	)
	cmd.Example = `  azattest token show token.jwt
  azattest token verify token.jwt --endpoint https://sharedeus.eus.attest.azure.net`
	return cmd
}
