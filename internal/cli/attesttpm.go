package cli

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"

	collect "github.com/azattest/azattest/collect/tpm"
)

// attestTPMOptions are the flags of attest tpm.
type attestTPMOptions struct {
	connect     connectFlags
	device      deviceFlags
	keys        requestKeyFlags
	logs        []string
	noLog       bool
	nonce, rpID string
	claims      customClaimsFlag
	protocol    int
	banks       banksFlag
	pcrs        pcrsFlag
	asJSON      *bool
}

func newAttestTPM(s Streams) *cobra.Command {
	o := new(attestTPMOptions)
	cmd := &cobra.Command{
		Use:   "tpm",
		Short: "Attest this machine by its TPM",
		Long: `attest tpm has a service, which may be Azure's own, attest this machine: the TPM
signs the values of its PCRs over the service's challenge, and the logs say what
was measured into them. It verifies the token that comes back: signature by a key
that the service publishes, dates, issuer, and that it repeats the nonce and names
the request key. The token goes to stdout.

The instance needs a policy for Tpm, and the caller the role Attestation Reader.
The attestation key (AIK) is made at the first time and kept; 'azattest tpm enroll'
gets it a certificate from a service of azattest's.

The machine's logs are for root: without those rights give copies with --log, or
--no-log. A TPM behind a socket is not taken for the machine's own, and no logs
are read for it. If the TPM's owner hierarchy has a password, put it into
` + ownerAuthVariable + `.`,
		Example: `  azattest attest tpm --endpoint https://contoso.eus.attest.azure.net
  azattest attest tpm --log boot.log --log ima.log --nonce 4711 --rp-id https://rp.example
  azattest attest tpm --request-key tpm --request-key-file request.json --request-key-algorithm ecc
  azattest attest tpm --tpm unix:/run/swtpm/socket --aik aik.json --no-log --json`,
		Args: usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.connect.add(cmd, credentialDefault)
	o.device.add(cmd)
	o.keys.add(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.logs, "log", nil, "file with a log of measurements, TCG's or IMA's binary one; may stand several times (default: those that the machine keeps)")
	f.BoolVar(&o.noLog, "no-log", false, "send no log: the policy sees PCRs alone")
	f.StringVar(&o.nonce, "nonce", "", "text that the token shall repeat, in base64url")
	f.StringVar(&o.rpID, "rp-id", "", "URL of whoever will rely on the token")
	f.Var(&o.claims, "claim", "claim of your own for the policy to read: name=value, name:integer=7 or name:boolean=true; may stand several times")
	f.IntVar(&o.protocol, "protocol", 2, "version of the request, 1 or 2")
	f.Var(&o.banks, "bank", "banks of PCRs to quote, separated by commas: sha1, sha256, sha384, sha512 (default: the strongest that is active and in the log; for --protocol 1 sha256)")
	f.Var(&o.pcrs, "pcrs", "PCRs to quote, such as 0-7,11 (default: all)")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "protocol", "1", "2")
	mustComplete(cmd, "bank", bankNames()...)
	mustTakeText(cmd, "nonce", "rp-id", "claim", "pcrs")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := o.check(cmd, s)
		if err != nil {
			return err
		}
		outcome, err := o.run(cmd, s, config)
		if err != nil {
			return err
		}
		if *o.asJSON {
			return printJSON(s.Out, outcome)
		}
		_, err = fmt.Fprintln(s.Out, outcome.Token)
		return err
	}
	return cmd
}

// check finds what the command line cannot mean, before a TPM is opened.
func (o *attestTPMOptions) check(cmd *cobra.Command, s Streams) (collect.AIKConfig, error) {
	command := cmd.CommandPath()
	if err := o.keys.check(cmd); err != nil {
		return collect.AIKConfig{}, err
	}
	switch {
	case o.protocol != 1 && o.protocol != 2:
		return collect.AIKConfig{}, usage(command, "--protocol %d: want 1 or 2", o.protocol)
	case o.noLog && len(o.logs) > 0:
		return collect.AIKConfig{}, usage(command, "--log and --no-log exclude each other")
	case !utf8.ValidString(o.nonce) || !utf8.ValidString(o.rpID):
		return collect.AIKConfig{}, usage(command, "--nonce and --rp-id: want UTF-8")
	case o.protocol == 1 && o.keys.where == keyNone:
		return collect.AIKConfig{}, usage(command, "--protocol 1 has a request key always")
	case o.protocol == 1 && (len(o.keys.others) > 0 || len(o.banks) > 1 || len(o.pcrs) > 0 || len(o.logs) > 1):
		return collect.AIKConfig{}, usage(command, "--protocol 1 has no room for --other-key and --pcrs, and for one --bank and one --log")
	}
	config, err := o.device.config(cmd)
	if err != nil {
		return config, err
	}
	return config, o.connect.complete(cmd, s)
}

func (o *attestTPMOptions) run(cmd *cobra.Command, s Streams, config collect.AIKConfig) (*attestation, error) {
	attest := &collect.AttestOptions{
		Version: o.protocol, Banks: o.banks, PCRs: o.pcrs, NoLogs: o.noLog, RPID: o.rpID, Nonce: []byte(o.nonce), CustomClaims: o.claims,
		TokenValidation: asOf(s.Now),
	}
	for _, name := range o.logs {
		raw, err := readInput(s, name)
		if err != nil {
			return nil, err
		}
		log, err := collect.NewLog(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, tpmFault(err))
		}
		attest.Logs = append(attest.Logs, log)
	}
	t, err := o.device.open(cmd.Context(), s, config)
	if err != nil {
		return nil, err
	}
	outcome, err := o.attest(cmd.Context(), cmd, s, t, attest)
	return outcome, closing(t.TPM, err)
}

func (o *attestTPMOptions) attest(ctx context.Context, cmd *cobra.Command, s Streams, t *tpmInUse, attest *collect.AttestOptions) (*attestation, error) {
	attest.AIK = t.aik
	var err error
	if attest.OtherKeys, err = o.keys.loadOthers(ctx, s, t.TPM); err != nil {
		return nil, err
	}
	if attest.RequestKey, err = o.keys.open(ctx, s, t.TPM); err != nil {
		return nil, err
	}
	attest.NoRequestKey = attest.RequestKey == nil
	c, err := o.connect.client(cmd, s)
	if err != nil {
		return nil, err
	}
	r, err := collect.Attest(ctx, c, t.TPM, attest)
	if err != nil {
		return nil, tpmFault(err)
	}
	return newAttestation(r.Token, true)
}
