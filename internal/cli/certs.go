package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
)

func newCerts(s Streams) *cobra.Command {
	cmd := group("certs", "Read and change who may sign the policies of an isolated instance",
		newCertsList(s),
		newCertsChange(s, certsAdd),
		newCertsChange(s, certsRemove),
	)
	cmd.Long = `An instance in isolated mode accepts only policies that the key of one of its
policy management certificates signed. The same goes for changes of these
certificates. Other instances have none.`
	cmd.Example = `  azattest certs list --endpoint https://contoso.eus.attest.azure.net
  azattest certs add new.pem --signing-key key.pem --signing-cert cert.pem`
	return cmd
}

func newCertsList(s Streams) *cobra.Command {
	var connect connectFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the policy management certificates of an instance",
		Long: `list prints the certificates whose keys may sign policies, by the thumbprint that
the service has for each: the SHA-1 of the certificate. The token in which the
service answers is verified. An instance that is not in isolated mode has none.`,
		Example: `  azattest certs list --endpoint https://contoso.eus.attest.azure.net
  azattest certs list --json`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	connect.add(cmd, credentialDefault)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := connect.administration(cmd, s)
		if err != nil {
			return err
		}
		answer, err := c.GetPolicyCertificates(cmd.Context(), nil)
		if err != nil {
			return serviceFault(err)
		}
		list := listedCertificates{Endpoint: c.Endpoint(), Certificates: []*publicCertificate{}, Token: answer.Token.String()}
		for _, k := range answer.Certificates {
			list.Certificates = append(list.Certificates, newPublicCertificate(k.Certificates[0]))
		}
		if *asJSON {
			return printJSON(s.Out, list)
		}
		return list.print(s)
	}
	return cmd
}

// listedCertificates is what certs list --json prints.
type listedCertificates struct {
	Endpoint     string               `json:"endpoint"`
	Certificates []*publicCertificate `json:"certificates"`
	// Token is the service's answer.
	Token string `json:"token"`
}

func (l *listedCertificates) print(s Streams) error {
	if len(l.Certificates) == 0 {
		_, err := fmt.Fprintln(s.Out, "no policy management certificates: the instance is not in isolated mode")
		return err
	}
	t := newTable(s.Out)
	for i, c := range l.Certificates {
		if i > 0 {
			t.gap()
		}
		t.row("thumbprint", c.Thumbprint)
		c.rows(t, "")
	}
	return t.flush()
}

// certsChange is a command that changes the certificates.
type certsChange struct {
	name, short, long string
	isRemoval         bool
}

var certsAdd = certsChange{
	name:  "add",
	short: "Let another certificate sign policies",
	long: `add adds the certificate in FILE (PEM) to those whose keys may sign policies. The
key of one that is among them signs the request. Adding one twice is no error.`,
}

var certsRemove = certsChange{
	name:  "remove",
	short: "Let a certificate sign no more policies",
	long: `remove removes the certificate in FILE (PEM) from those whose keys may sign
policies. The key of one that is among them signs the request. Removing one that
is not among them is no error; the last one stays.`,
	isRemoval: true,
}

func newCertsChange(s Streams, change certsChange) *cobra.Command {
	var (
		connect connectFlags
		signing policySigningFlags
	)
	cmd := &cobra.Command{
		Use:               change.name + " FILE",
		Short:             change.short,
		Long:              change.long,
		Example:           "  azattest certs " + change.name + " other.pem --signing-key key.pem --signing-cert cert.pem --endpoint https://contoso.eus.attest.azure.net",
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	connect.add(cmd, credentialDefault)
	signing.add(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := signing.check(cmd); err != nil {
			return err
		}
		if !signing.isGiven() {
			return usage(cmd.CommandPath(), "--signing-key and --signing-cert are missing: one of the instance's policy management certificates signs the request")
		}
		certificate, err := loadCertificate(s, args[0])
		if err != nil {
			return err
		}
		key, err := signing.open(s)
		if err != nil {
			return err
		}
		c, err := connect.administration(cmd, s)
		if err != nil {
			return err
		}
		var result azattestation.PolicyCertificateResult
		if change.isRemoval {
			answer, failed := c.RemovePolicyCertificate(cmd.Context(), certificate, key, nil)
			result, err = answer.PolicyCertificateResult, failed
		} else {
			answer, failed := c.AddPolicyCertificate(cmd.Context(), certificate, key, nil)
			result, err = answer.PolicyCertificateResult, failed
		}
		if err != nil {
			return serviceFault(err)
		}
		changed := changedCertificate{
			Endpoint: c.Endpoint(), Result: *result.Resolution, publicCertificate: *newPublicCertificate(certificate), Token: result.Token.String(),
		}
		if *asJSON {
			return printJSON(s.Out, changed)
		}
		return changed.print(s)
	}
	return cmd
}

// changedCertificate is what certs add and certs remove print with --json.
type changedCertificate struct {
	Endpoint string                                `json:"endpoint"`
	Result   azattestation.CertificateModification `json:"result"`
	publicCertificate
	// Token is the service's answer.
	Token string `json:"token"`
}

func (c *changedCertificate) print(s Streams) error {
	t := newTable(s.Out)
	t.row("instance", c.Endpoint)
	t.row("certificate", string(c.Result))
	t.row("  thumbprint", c.Thumbprint)
	c.rows(t, "  ")
	return t.flush()
}
