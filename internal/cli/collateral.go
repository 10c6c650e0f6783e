package cli

import "github.com/spf13/cobra"

func newCollateral(s Streams) *cobra.Command {
	cmd := group("collateral", "Fetch collateral for offline use, or look at a folder of it",
		newCollateralFetch(s),
		newCollateralShow(s),
	)
	cmd.Long = `Collateral is the vendor's word on a platform: TCB info, QE identity, revocation
lists and the certificates that signed them. Evidence is judged by it.`
	cmd.Example = `  azattest collateral fetch --quote quote.bin --out ./collateral
  azattest collateral show ./collateral`
	return cmd
}
