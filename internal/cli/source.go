package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// sourceFlags are the flags that say where collateral comes from.
type sourceFlags struct {
	from   string
	update string
	cache  string
}

func (f *sourceFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "collateral", collateral.IntelPCS,
		"where collateral comes from: a folder (one set or an archive of sets), or the URL of Intel's PCS, a PCCS or Azure THIM")
	flags.StringVar(&f.update, "update", "", "which collateral a live service shall give: standard or early")
	flags.StringVar(&f.cache, "collateral-cache", "", "folder in which collateral of a live service is kept, so that a restart works offline")
	mustComplete(cmd, "update", "standard", "early")
}

// check refuses what cannot be obeyed: nobody asks a folder which collateral it
// shall give, nor keeps it twice.
func (f *sourceFlags) check(command string) error {
	switch {
	case f.update != "" && f.update != collateral.UpdateStandard && f.update != collateral.UpdateEarly:
		return usage(command, "--update %q: want standard or early", f.update)
	case !isURL(f.from) && f.update != "":
		return usage(command, "--update goes with a --collateral URL: a folder gives what is in it")
	case !isURL(f.from) && f.cache != "":
		return usage(command, "--collateral-cache goes with a --collateral URL: a folder is on this machine already")
	}
	return nil
}

// source is an opened source of collateral with what must be closed after it.
type source struct {
	collateral.Source
	// expires says until when what a cache holds does; nil without a cache.
	expires func() (time.Time, bool)
	closers []func() error
}

// Close releases the source.
func (s *source) Close() {
	for _, c := range s.closers {
		// What is lost is a background refresh; nothing is left half-written.
		_ = c()
	}
}

// open makes the source. A live service gets a cache in front of it, which keeps
// nothing that does not hold under the roots; nil means Intel's.
func (f *sourceFlags) open(log *slog.Logger, now func() time.Time, roots []dcap.Root) (*source, error) {
	if !isURL(f.from) {
		archive, err := collateral.OpenArchive(f.from)
		if err != nil {
			return nil, fmt.Errorf("collateral: %w", err)
		}
		return &source{Source: archive}, nil
	}
	live, err := collateral.NewHTTP(collateral.HTTPConfig{BaseURL: f.from, Update: f.update, UserAgent: "azattest/" + release, Clock: now})
	if err != nil {
		return nil, err
	}
	verifier, err := dcap.NewVerifier(dcap.Config{Roots: roots})
	if err != nil {
		return nil, err
	}
	cache, err := collateral.NewCache(live, collateral.CacheConfig{
		Dir: f.cache, Logger: log, Clock: now,
		Check: worthKeeping(verifier),
	})
	if err != nil {
		return nil, fmt.Errorf("collateral cache: %w", err)
	}
	return &source{Source: cache, expires: cache.Expires, closers: []func() error{cache.Close, live.Close}}, nil
}

// worthKeeping refuses collateral whose signatures do not hold. Everything else
// is for the verification to say, with its own reasons: that collateral is past
// its end, that a certificate is revoked.
func worthKeeping(v *dcap.Verifier) func(context.Context, *dcap.Collateral, time.Time) error {
	return func(ctx context.Context, c *dcap.Collateral, at time.Time) error {
		if len(c.Parts().PCKCRLIssuerChain) == 0 {
			return nil // not every service gives it, and without it nothing can be said
		}
		_, err := v.CheckCollateral(ctx, dcap.Options{Collateral: c, At: at, AcceptStaleCollateral: true})
		if e, ok := errors.AsType[*evidence.Error](err); ok && e.Code != evidence.CodeRevoked {
			return err
		}
		return nil
	}
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// mustComplete offers the values of a flag to shell completion. The flag exists,
// or the command is wrong from the start.
func mustComplete(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic("cli: completion of --" + flag + ": " + err.Error())
	}
}
