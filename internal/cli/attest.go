package cli

import (
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

func newAttest(s Streams) *cobra.Command {
	return group("attest", "Send evidence to an attestation service and verify the token",
		newAttestKind(s, "sgx", "an SGX quote", azattestation.AttestationTypeSgxEnclave),
		newAttestKind(s, "openenclave", "an Open Enclave report or evidence", azattestation.AttestationTypeOpenEnclave),
		newAttestTPM(s),
	)
}

// attestOptions are the flags of attest.
type attestOptions struct {
	connect                   connectFlags
	runtimeData, initTimeData string
	runtimeJSON, initTimeJSON bool
	nonce, draftPolicy        string
	asJSON                    *bool
}

func newAttestKind(s Streams, use, what string, kind azattestation.AttestationType) *cobra.Command {
	o := new(attestOptions)
	cmd := &cobra.Command{
		Use:   use + " FILE",
		Short: "Attest " + what,
		Long: fmt.Sprintf(`attest %s sends %s to a service, which may be
Azure's own, and verifies the token that comes back: signature by a key that the
service publishes, dates, issuer. FILE is the evidence as bytes, hexadecimal or
base64; - is standard input. The token goes to stdout.

The evidence is what authorizes an attestation, so no credential is sent unless
--credential names one.`, use, what),
		Example: fmt.Sprintf("  azattest attest %s quote.bin --endpoint https://sharedeus.eus.attest.azure.net --runtime-data key.pem", use),
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: completeFile,
	}
	o.connect.add(cmd, credentialNone)
	f := cmd.Flags()
	f.StringVar(&o.runtimeData, "runtime-data", "", "file with the data to which the enclave bound its report data")
	f.BoolVar(&o.runtimeJSON, "runtime-data-json", false, "the runtime data is JSON and shall show as such")
	f.StringVar(&o.initTimeData, "init-time-data", "", "file with the data to which the enclave's CONFIGID is bound")
	f.BoolVar(&o.initTimeJSON, "init-time-data-json", false, "the init-time data is JSON and shall show as such")
	f.StringVar(&o.nonce, "nonce", "", "text that the token shall repeat")
	f.StringVar(&o.draftPolicy, "draft-policy", "", "file with a policy to try for this request; the token is then not signed")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		if err := o.connect.complete(cmd, s); err != nil {
			return err
		}
		r, err := o.request(s, kind, args[0])
		if err != nil {
			return err
		}
		c, err := o.connect.client(cmd, s)
		if err != nil {
			return err
		}
		outcome, err := r.attest(cmd.Context(), c)
		if err != nil {
			return err
		}
		if !outcome.Verified {
			if _, err := fmt.Fprintln(s.Err, "azattest: the token of a draft policy is not signed: it proves nothing"); err != nil {
				return err
			}
		}
		if *o.asJSON {
			return printJSON(s.Out, outcome)
		}
		_, err = fmt.Fprintln(s.Out, outcome.Token)
		return err
	}
	return cmd
}

func (o *attestOptions) check(cmd *cobra.Command) error {
	switch command := cmd.CommandPath(); {
	case o.runtimeJSON && o.runtimeData == "":
		return usage(command, "--runtime-data-json goes with --runtime-data")
	case o.initTimeJSON && o.initTimeData == "":
		return usage(command, "--init-time-data-json goes with --init-time-data")
	case !utf8.ValidString(o.nonce):
		return usage(command, "--nonce %q: want UTF-8, for the token could not repeat it otherwise", o.nonce)
	}
	return nil
}

func (o *attestOptions) request(s Streams, kind azattestation.AttestationType, name string) (*attestRequest, error) {
	e, err := loadEvidence(s, name)
	if err != nil {
		return nil, err
	}
	r := &attestRequest{kind: kind, evidence: e.raw}
	if r.runtimeData, err = readData(s, o.runtimeData, o.runtimeJSON); err != nil {
		return nil, err
	}
	if r.initTimeData, err = readData(s, o.initTimeData, o.initTimeJSON); err != nil {
		return nil, err
	}
	if o.nonce != "" {
		r.nonce = &o.nonce
	}
	if o.draftPolicy != "" {
		policy, err := readPolicyText(s, o.draftPolicy)
		if err != nil {
			return nil, err
		}
		r.draftPolicy = &policy
	}
	return r, nil
}

// readData reads runtime or init-time data, nil if no file is named.
func readData(s Streams, name string, isJSON bool) (*azattestation.AttestationData, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // no data is no error
	}
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	if isJSON {
		return azattestation.NewJSONData(raw), nil
	}
	return azattestation.NewBinaryData(raw), nil
}
