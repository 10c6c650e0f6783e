package cli

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/collateral"
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

// source is an opened source of collateral with what must be closed after it.
type source struct {
	collateral.Source
	closers []func() error
}

// Close releases the source.
func (s *source) Close() {
	for _, c := range s.closers {
		// What is lost is a background refresh; nothing is left half-written.
		_ = c()
	}
}

// open makes the source. A live service gets a cache in front of it.
func (f *sourceFlags) open(log *slog.Logger, now func() time.Time) (*source, error) {
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
	cache, err := collateral.NewCache(live, collateral.CacheConfig{Dir: f.cache, Logger: log, Clock: now})
	if err != nil {
		return nil, fmt.Errorf("collateral cache: %w", err)
	}
	return &source{Source: cache, closers: []func() error{cache.Close, live.Close}}, nil
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
