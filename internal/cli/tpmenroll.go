package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
	collect "github.com/azattest/azattest/collect/tpm"
)

// tpmEnrollOptions are the flags of tpm enroll.
type tpmEnrollOptions struct {
	connect      connectFlags
	device       deviceFlags
	ek           string
	certificates string
	asJSON       *bool
}

func newTPMEnroll(s Streams) *cobra.Command {
	o := new(tpmEnrollOptions)
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Get a certificate for the attestation key of this machine's TPM",
		Long: `enroll has a service of azattest's certify the attestation key (AIK) of a TPM,
which is made if it is not there. The TPM shows the certificate that its vendor
gave to its endorsement key (EK), and opens a secret of the service's as only the
TPM can that holds both keys. The certificates are kept in the file of the AIK, and
'azattest attest tpm' sends them. Azure's own service does not enroll.

If the TPM's hierarchies have passwords, put them into ` + ownerAuthVariable + `
and ` + endorsementAuthVariable + `.`,
		Example: `  azattest tpm enroll --endpoint https://attest.example.com
  azattest tpm enroll --aik /var/lib/azattest/aik.json --ek ecc --ek-certificates vendor.pem`,
		Args: usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	o.connect.addPublic(cmd)
	o.connect.identity.add(cmd, credentialDefault)
	o.device.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.ek, "ek", string(collect.RSA), "endorsement key to enroll by: rsa or ecc")
	f.StringVar(&o.certificates, "ek-certificates", "", "PEM file with certificates to send beside those that the TPM holds: the endorsement key's, and those of its issuers")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "ek", string(collect.RSA), string(collect.ECC))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.ek != string(collect.RSA) && o.ek != string(collect.ECC) {
			return usage(cmd.CommandPath(), "--ek %q: want rsa or ecc", o.ek)
		}
		config, err := o.device.config(cmd)
		if err != nil {
			return err
		}
		if config.File == "" {
			return usage(cmd.CommandPath(), "--aik is missing: beside --aik-handle it names the file that keeps the certificates")
		}
		enrolled, err := o.run(cmd, s, config)
		if err != nil {
			return err
		}
		if *o.asJSON {
			return printJSON(s.Out, enrolled)
		}
		return enrolled.print(s)
	}
	return cmd
}

func (o *tpmEnrollOptions) run(cmd *cobra.Command, s Streams, config collect.AIKConfig) (*enrolledAIK, error) {
	options := &collect.EnrollOptions{Algorithm: collect.Algorithm(o.ek)}
	if o.certificates != "" {
		raw, err := readInput(s, o.certificates)
		if err != nil {
			return nil, err
		}
		if options.Certificates, err = azattestation.ParseCertificates(raw); err != nil {
			return nil, fmt.Errorf("%s: %s", o.certificates, plain(err))
		}
	}
	client, credential, err := o.connect.open(cmd, s)
	if err != nil {
		return nil, err
	}
	options.ClientOptions = client.ClientOptions
	t, err := o.device.open(cmd.Context(), s, config)
	if err != nil {
		return nil, err
	}
	aik, err := collect.Enroll(cmd.Context(), o.connect.endpoint, credential, t.aik, options)
	if err = closing(t.TPM, err); err != nil {
		return nil, tpmFault(err)
	}
	return newEnrolledAIK(o.connect.endpoint, t.file, aik), nil
}

// enrolledAIK is what tpm enroll prints with --json.
type enrolledAIK struct {
	Endpoint     string              `json:"endpoint"`
	AIK          string              `json:"aik"`
	Algorithm    collect.Algorithm   `json:"algorithm"`
	Certificates []*shownCertificate `json:"certificates"`
}

func newEnrolledAIK(endpoint, file string, aik *collect.AIK) *enrolledAIK {
	e := &enrolledAIK{Endpoint: endpoint, AIK: file, Algorithm: aik.Algorithm()}
	for _, c := range aik.Certificates() {
		e.Certificates = append(e.Certificates, newShownCertificate(c))
	}
	return e
}

func (e *enrolledAIK) print(s Streams) error {
	t := newTable(s.Out)
	t.row("attestation key", clean(e.AIK))
	t.row("algorithm", e.Algorithm)
	for _, c := range e.Certificates {
		t.row("certificate", clean(c.Subject))
		t.row("  issued by", clean(c.Issuer))
		t.row("  valid until", c.NotAfter)
	}
	return t.flush()
}
