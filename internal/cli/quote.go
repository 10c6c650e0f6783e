package cli

import "github.com/spf13/cobra"

func newQuote(s Streams) *cobra.Command {
	cmd := group("quote", "Look at evidence, or verify it without a service",
		newQuoteShow(s),
		newQuoteVerify(s),
	)
	cmd.Long = `quote reads evidence from a file: an SGX quote, an Open Enclave report (16-byte
header) or evidence (28-byte header), or an attested certificate. The file holds
it as bytes, or as hexadecimal, base64, base64url or PEM text.`
	cmd.Example = `  azattest quote show quote.bin
  azattest quote verify quote.bin`
	return cmd
}
