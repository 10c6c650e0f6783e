package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence/dcap"
)

// collateralFetchOptions are the flags of collateral fetch.
type collateralFetchOptions struct {
	quote          string
	fmspc, ca, tee string
	from, update   string
	number         int
	simulatorRoot  string
	acceptStale    bool
	out            string
	asJSON         *bool
}

func newCollateralFetch(s Streams) *cobra.Command {
	o := new(collateralFetchOptions)
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Fetch the collateral of a platform, verify it and keep it in a folder",
		Long: `fetch asks a provisioning service for the collateral of one platform, verifies
every signature in it down to Intel's root, and adds it to a folder as a set of
its own. The folder only grows: sets of other platforms and times stay.

The platform is that of the evidence in --quote, or --fmspc and --ca name it.
What does not verify is not kept, and ends with exit code 1.`,
		Example: `  azattest collateral fetch --quote quote.bin --out ./collateral
  azattest collateral fetch --fmspc 00906ed50000 --ca processor --out ./collateral
  azattest collateral fetch --quote quote.bin --from https://pccs.example.com:8081 --out ./collateral`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&o.quote, "quote", "", "file with evidence of the platform (see 'azattest quote'); - is standard input")
	f.StringVar(&o.fmspc, "fmspc", "", "FMSPC of the platform: 12 hexadecimal digits")
	f.StringVar(&o.ca, "ca", "", "CA of the platform's PCK certificates: processor or platform")
	f.StringVar(&o.tee, "tee", "sgx", "what the collateral shall judge: sgx or tdx")
	f.StringVar(&o.from, "from", collateral.IntelPCS, "URL of the service: Intel's PCS, a PCCS or Azure THIM")
	f.StringVar(&o.update, "update", "", "which collateral the service shall give: standard or early")
	f.IntVar(&o.number, "tcb-evaluation-number", 0, "lowest TCB evaluation data number; 0 for the current one")
	f.StringVar(&o.simulatorRoot, "simulator-root", "", "PEM file with the root of a simulator to trust beside Intel's")
	f.BoolVar(&o.acceptStale, "accept-stale-collateral", false, "keep collateral past its nextUpdate, which Azure THIM may give")
	f.StringVar(&o.out, "out", "", "folder to add the set to (required)")
	o.asJSON = jsonFlag(cmd)
	mustComplete(cmd, "ca", string(dcap.ProcessorCA), string(dcap.PlatformCA))
	mustComplete(cmd, "tee", "sgx", "tdx")
	mustComplete(cmd, "update", collateral.UpdateStandard, collateral.UpdateEarly)
	mustComplete(cmd, "from", collateral.IntelPCS, collateral.AzureTHIM)
	mustTakeFolder(cmd, "out")
	mustTakeText(cmd, "fmspc", "tcb-evaluation-number")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd); err != nil {
			return err
		}
		kept, err := o.fetch(cmd.Context(), s)
		if err != nil {
			return undecided(err)
		}
		if *o.asJSON {
			return printJSON(s.Out, kept)
		}
		return kept.print(s.Out)
	}
	return cmd
}

func (o *collateralFetchOptions) check(cmd *cobra.Command) error {
	command := cmd.CommandPath()
	named := o.fmspc != "" || o.ca != ""
	switch {
	case o.out == "":
		return usage(command, "--out is missing: the folder to add the set to")
	case (o.quote != "") == named:
		return usage(command, "give either --quote, or --fmspc and --ca")
	case o.quote != "" && cmd.Flags().Changed("tee"):
		return usage(command, "--tee goes with --fmspc and --ca: the evidence says what it is")
	case named && (o.fmspc == "" || o.ca == ""):
		return usage(command, "--fmspc and --ca go together")
	case named && o.ca != string(dcap.ProcessorCA) && o.ca != string(dcap.PlatformCA):
		return usage(command, "--ca %q: want processor or platform", o.ca)
	case o.tee != "sgx" && o.tee != "tdx":
		return usage(command, "--tee %q: want sgx or tdx", o.tee)
	case !isURL(o.from):
		return usage(command, "--from %q: want the URL of a service", o.from)
	case o.number < 0:
		return usage(command, "--tcb-evaluation-number %d: want 0 or more", o.number)
	case o.number > 0 && o.update != "":
		return usage(command, "--tcb-evaluation-number and --update exclude each other")
	}
	if named {
		if _, err := dcap.ParseFMSPC(o.fmspc); err != nil {
			return &usageError{err: fmt.Errorf("--fmspc: %w", err), command: command}
		}
	}
	return nil
}

// platform returns the platform whose collateral is wanted.
func (o *collateralFetchOptions) platform(s Streams) (dcap.Platform, error) {
	if o.quote == "" {
		fmspc, err := dcap.ParseFMSPC(o.fmspc)
		if err != nil {
			return dcap.Platform{}, err
		}
		tee := dcap.SGX
		if o.tee == "tdx" {
			tee = dcap.TDX
		}
		return dcap.Platform{TEE: tee, FMSPC: fmspc, CA: dcap.CA(o.ca)}, nil
	}
	e, err := loadEvidence(s, o.quote)
	if err != nil {
		return dcap.Platform{}, err
	}
	p, err := e.parse()
	if err != nil {
		return dcap.Platform{}, err
	}
	return p.quote.Platform()
}

// fetch fetches a set, verifies it and keeps it.
func (o *collateralFetchOptions) fetch(ctx context.Context, s Streams) (*keptSet, error) {
	roots, err := rootsWith(s, o.simulatorRoot)
	if err != nil {
		return nil, err
	}
	platform, err := o.platform(s)
	if err != nil {
		return nil, err
	}
	src, err := collateral.NewHTTP(collateral.HTTPConfig{
		BaseURL: o.from, Update: o.update, UserAgent: "azattest/" + release, Clock: s.Now,
	})
	if err != nil {
		return nil, &usageError{err: err, command: "azattest collateral fetch"}
	}
	defer src.Close() //nolint:errcheck // only idle connections are left
	at := s.Now()
	set, err := src.Collateral(ctx, collateral.Query{Platform: platform, At: at, TCBEvaluationDataNumber: o.number})
	if err != nil {
		return nil, &undecidedError{err}
	}
	verifier, err := dcap.NewVerifier(dcap.Config{Roots: roots})
	if err != nil {
		return nil, err
	}
	_, err = verifier.CheckCollateral(ctx, dcap.Options{
		Collateral: set, At: at, TCBEvaluationDataNumber: o.number, AcceptStaleCollateral: o.acceptStale,
	})
	if err != nil {
		return nil, err
	}
	return keep(ctx, o.out, set, verifier, at)
}

// keptSet is what collateral fetch --json prints.
type keptSet struct {
	Folder string `json:"folder"`
	*shownSet
}

// keep writes a set, and reads it back to say what is there now.
func keep(ctx context.Context, dir string, set *dcap.Collateral, v *dcap.Verifier, at time.Time) (*keptSet, error) {
	folder, err := collateral.WriteSet(dir, set)
	if err != nil {
		return nil, err
	}
	archive, err := collateral.OpenArchive(folder)
	if err != nil {
		return nil, err
	}
	sets := archive.Sets()
	if len(sets) != 1 {
		return nil, errors.New("collateral archive " + folder + ": want the one set that was just written")
	}
	shown, err := newShownSet(ctx, &sets[0], v, at)
	if err != nil {
		return nil, err
	}
	return &keptSet{Folder: folder, shownSet: shown}, nil
}
