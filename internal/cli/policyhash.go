package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func newPolicyHash(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hash FILE",
		Short: "Print the hash by which tokens name a policy",
		Long: `hash prints what x-ms-policy-hash of tokens under the policy in FILE says: the hash
of its exact bytes, whether they are a policy or not. White space and the end of
the last line count. - is standard input.`,
		Example: `  azattest policy hash policy.txt
  azattest policy show-default SgxEnclave | azattest policy hash - --json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		f, err := readPolicyFile(s, args[0])
		if err != nil {
			return err
		}
		h := fileHash{File: f.name, Size: len(f.text)}
		h.PolicyHash, h.PolicyHashHex = policyHash(f.text)
		if *asJSON {
			return printJSON(s.Out, h)
		}
		_, err = fmt.Fprintln(s.Out, h.PolicyHash)
		return err
	}
	return cmd
}

// fileHash is what policy hash --json prints.
type fileHash struct {
	File          string `json:"file"`
	Size          int    `json:"size"`
	PolicyHash    string `json:"policyHash"`
	PolicyHashHex string `json:"policyHashHex"`
}
