package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// demoOptions are the flags of demo.
type demoOptions struct {
	quote       string
	runtimeData string
	runtimeJSON bool
	source      sourceFlags
	acceptStale bool
	tcb         tcbFlag
	at          *timeFlag
	asJSON      *bool
}

func newDemo(s Streams) *cobra.Command {
	o := new(demoOptions)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole path: evidence in, verified token out",
		Long: `demo starts the service on loopback, lets a simulated enclave make a key and a
quote that vouches for it, attests the quote, and verifies the token as a
relying party would. Nothing is kept and nothing outside this machine is asked.

With --quote it does the same with evidence from a real machine: an SGX quote or
an Open Enclave report, judged by real collateral.`,
		Example: `  azattest demo
  azattest demo --quote quote.bin --runtime-data key.pem
  azattest demo --quote quote.bin --collateral ./set --at 2025-06-15T01:27:46Z`,
		Args: usageArgs(cobra.NoArgs),
	}
	f := cmd.Flags()
	f.StringVar(&o.quote, "quote", "", "file with real evidence instead of simulated: an SGX quote or an Open Enclave report")
	f.StringVar(&o.runtimeData, "runtime-data", "", "file with the data to which the evidence is bound")
	f.BoolVar(&o.runtimeJSON, "runtime-data-json", false, "the runtime data is JSON and shall show as such")
	o.source.add(cmd)
	f.BoolVar(&o.acceptStale, "accept-stale-collateral", false, "accept collateral past its nextUpdate")
	f.Var(&o.tcb, "accept-tcb-status", "TCB statuses that get a token, separated by commas (default UpToDate,SWHardeningNeeded)")
	o.at = addAt(cmd, "judge evidence and collateral as of this time instead of now")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "accept-tcb-status", tcbStatuses()...)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		return demo(cmd.Context(), s, o)
	}
	return cmd
}

func (o *demoOptions) check(cmd *cobra.Command) error {
	command := cmd.CommandPath()
	for _, name := range []string{"runtime-data", "runtime-data-json", "collateral", "update", "collateral-cache", "accept-stale-collateral", "at"} {
		if o.quote == "" && cmd.Flags().Changed(name) {
			return usage(command, "--%s goes with --quote: simulated evidence binds a key of its own, and comes with its own collateral, of now", name)
		}
	}
	if o.runtimeJSON && o.runtimeData == "" {
		return usage(command, "--runtime-data-json goes with --runtime-data")
	}
	return o.source.check(command)
}

// demoResult is what demo --json prints. "verified" stands last.
type demoResult struct {
	Endpoint  string `json:"endpoint"`
	Evidence  string `json:"evidence"`
	Simulated bool   `json:"simulated"`
	*attestation
	Verified bool `json:"verified"`
}

func demo(ctx context.Context, s Streams, o *demoOptions) error {
	dir, err := os.MkdirTemp("", "azattest-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left is a temporary folder

	say := newNarrator(s, *o.asJSON)
	service, err := startService(ctx, s, o.serve(dir), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer service.close()
	defer s.shared.hangUp()
	say.step("start the embedded service", "%s", service.Endpoint)

	request, what, err := o.request(s, dir, say)
	if err != nil {
		return err
	}
	c, err := publicClient(s, service.Endpoint, service.CAFile)
	if err != nil {
		return err
	}
	outcome, err := say.attest(ctx, c, request, s.Now)
	if err != nil {
		return err
	}
	if *o.asJSON {
		return printJSON(s.Out, demoResult{
			Endpoint: service.Endpoint, Evidence: what, Simulated: o.quote == "", attestation: outcome, Verified: outcome.Verified,
		})
	}
	say.claims(outcome.Claims)
	return say.err
}

// serve returns the options of a development service in a temporary folder.
func (o *demoOptions) serve(dir string) *serveOptions {
	if o.source.cache == "" {
		o.source.cache = dir + "/collateral"
	}
	return &serveOptions{
		listen: "127.0.0.1:0", dataDir: dir, dev: true, source: o.source, acceptStale: o.acceptStale, at: o.at,
		tcb: o.tcb, algorithm: string(token.RS256), tokenLifetime: 8 * time.Hour,
	}
}

// request returns what is to be attested, and what it is in words.
func (o *demoOptions) request(s Streams, dir string, say *narrator) (*attestRequest, string, error) {
	if o.quote == "" {
		r, err := simulatedEnclave(dir, o.at.or(s.Now), say)
		return r, "simulated SGX quote", err
	}
	e, err := loadEvidence(s, o.quote)
	if err != nil {
		return nil, "", err
	}
	r := &attestRequest{kind: azattestation.AttestationTypeSgxEnclave, evidence: e.raw}
	if strings.HasPrefix(e.format, "openenclave") {
		r.kind = azattestation.AttestationTypeOpenEnclave
	}
	say.step("read real evidence", "%s, %d bytes", e.format, len(e.raw))
	r.runtimeData, err = readData(s, o.runtimeData, o.runtimeJSON)
	if err != nil {
		return nil, "", err
	}
	if r.runtimeData != nil {
		say.step("hash the runtime data", "SHA-256 %x", sha256.Sum256(r.runtimeData.Data))
	}
	return r, e.format, nil
}

// simulatedEnclave does what an enclave does before it asks for secrets: it
// makes a key and has its platform quote the key's hash.
func simulatedEnclave(dir string, at time.Time, say *narrator) (*attestRequest, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	jwk, err := jwkOf(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	say.step("make a key inside the enclave", "%s", jwk)
	platform, err := openSimulator(dir, at)
	if err != nil {
		return nil, err
	}
	report := simulator.Report{ISVProdID: 1, ISVSVN: 1, ReportData: simulator.Bind(jwk)}
	report.MRENCLAVE = sha256.Sum256([]byte("the demo's enclave"))
	report.MRSIGNER = sha256.Sum256([]byte("the demo's author"))
	quote, err := platform.Quote(report)
	if err != nil {
		return nil, err
	}
	say.step("quote the key's hash", "%d bytes, report data %x…", len(quote), report.ReportData[:8])
	return &attestRequest{
		kind: azattestation.AttestationTypeSgxEnclave, evidence: quote, runtimeData: azattestation.NewJSONData(jwk),
	}, nil
}

// jwkOf writes a public key as a set of one JWK, the form in which relying
// parties expect the keys of an enclave.
func jwkOf(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := key.Bytes()
	if err != nil {
		return nil, err
	}
	const coordinate = 32
	encode := base64.RawURLEncoding.EncodeToString
	return json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "EC", "crv": "P-256", "kid": "demo",
		"x": encode(point[1 : 1+coordinate]), "y": encode(point[1+coordinate:]),
	}}})
}
