package cli

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/openenclave"
)

func newSigners(s Streams) *cobra.Command {
	cmd := group("signers", "Look at the keys that sign an instance's tokens, or verify them",
		newSignersList(s),
		newSignersVerify(s),
	)
	cmd.Long = `An instance publishes the keys that sign its tokens, each in a certificate. The
certificate of a key that was made in an enclave carries the enclave's report: so
whoever trusts the hardware need not trust who runs the service.`
	cmd.Example = `  azattest signers list --endpoint https://sharedeus.eus.attest.azure.net
  azattest signers verify --endpoint https://sharedeus.eus.attest.azure.net`
	return cmd
}

// signersFlags say whose keys.
type signersFlags struct {
	connect connectFlags
	jwks    string
}

func (f *signersFlags) add(cmd *cobra.Command) {
	f.connect.addPublic(cmd)
	cmd.Flags().StringVar(&f.jwks, "jwks", "", "file with a saved answer to GET /certs, in place of --endpoint; - is standard input")
}

func (f *signersFlags) check(cmd *cobra.Command) error {
	if f.jwks != "" && (f.connect.endpoint != "" || f.connect.caFile != "") {
		return usage(cmd.CommandPath(), "--jwks excludes --endpoint and --ca-file: nobody is asked")
	}
	return nil
}

// signers are the keys of an instance.
type signers struct {
	endpoint string // "" for a saved answer
	keys     []*azattestation.SigningCertificate
}

func (f *signersFlags) load(cmd *cobra.Command, s Streams) (*signers, error) {
	if f.jwks != "" {
		raw, err := readInput(s, f.jwks)
		if err != nil {
			return nil, err
		}
		keys, err := azattestation.ParseSigningCertificates(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: want a saved answer to GET /certs: %s", f.jwks, plain(err))
		}
		return &signers{keys: keys}, nil
	}
	c, err := f.connect.client(cmd, s)
	if err != nil {
		return nil, err
	}
	answer, err := c.GetSigningCertificates(cmd.Context(), nil)
	if err != nil {
		return nil, serviceFault(err)
	}
	return &signers{c.Endpoint(), answer.SigningCertificates}, nil
}

// The reports that certificates carry.
const (
	reportSGX    = "sgx"
	reportSEVSNP = "sevsnp"
)

// oidSEVSNP marks certificates with a report of AMD SEV-SNP.
var oidSEVSNP = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1000, 1}

// reportIn says which report a certificate carries, "" for none.
func reportIn(c *x509.Certificate) string {
	if openenclave.IsAttested(c) {
		return reportSGX
	}
	for _, e := range c.Extensions {
		if e.Id.Equal(oidSEVSNP) {
			return reportSEVSNP
		}
	}
	return ""
}

// reportNames are the reports in words.
var reportNames = map[string]string{
	reportSGX: "of an SGX enclave", reportSEVSNP: "of an AMD SEV-SNP virtual machine", "": "none",
}

// shownSigner is one key that signs tokens.
type shownSigner struct {
	KeyID string `json:"keyId"`
	publicCertificate
	// Issuers are the subjects of the certificates above it.
	Issuers []string `json:"issuers"`
	// Report is which report the certificate carries: "sgx", "sevsnp", or null.
	Report *string `json:"report"`
}

func newShownSigner(k *azattestation.SigningCertificate) shownSigner {
	shown := shownSigner{KeyID: k.KeyID, publicCertificate: *newPublicCertificate(k.Chain[0]), Issuers: []string{}}
	for _, c := range k.Chain[1:] {
		shown.Issuers = append(shown.Issuers, c.Subject.String())
	}
	if kind := reportIn(k.Chain[0]); kind != "" {
		shown.Report = &kind
	}
	return shown
}

func (k *shownSigner) rows(t *table) {
	t.row("kid", clean(k.KeyID))
	k.publicCertificate.rows(t, "")
	kind := ""
	if k.Report != nil {
		kind = *k.Report
	}
	t.row("report", reportNames[kind])
}

func newSignersList(s Streams) *cobra.Command {
	var from signersFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys that sign an instance's tokens",
		Long: `list prints the keys that an instance publishes, or those of a saved answer to
GET /certs: the kid that tokens name, the certificate, and whether it carries an
enclave's report. Nothing is verified ('azattest signers verify' does).`,
		Example: `  azattest signers list --endpoint https://sharedeus.eus.attest.azure.net
  azattest signers list --jwks certs.json --json`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	from.add(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := from.check(cmd); err != nil {
			return err
		}
		found, err := from.load(cmd, s)
		if err != nil {
			return err
		}
		list := listedSigners{Endpoint: found.endpoint, Signers: []shownSigner{}}
		for _, k := range found.keys {
			list.Signers = append(list.Signers, newShownSigner(k))
		}
		if *asJSON {
			return printJSON(s.Out, list)
		}
		t := newTable(s.Out)
		for i := range list.Signers {
			if i > 0 {
				t.gap()
			}
			list.Signers[i].rows(t)
		}
		return t.flush()
	}
	return cmd
}

// listedSigners is what signers list --json prints.
type listedSigners struct {
	Endpoint string        `json:"endpoint,omitempty"`
	Signers  []shownSigner `json:"signers"`
}
