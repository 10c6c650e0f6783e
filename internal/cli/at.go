package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// timeFlag is --at: the time for which something is judged.
type timeFlag struct{ time.Time }

func (f *timeFlag) String() string {
	if f.IsZero() {
		return ""
	}
	return f.UTC().Format(time.RFC3339)
}

func (f *timeFlag) Set(text string) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			f.Time = t
			return nil
		}
	}
	return fmt.Errorf("want a time like 2026-01-31T12:00:00Z or a date like 2026-01-31 (UTC)")
}

func (f *timeFlag) Type() string { return "time" }

func addAt(cmd *cobra.Command, usage string) *timeFlag {
	f := new(timeFlag)
	cmd.Flags().Var(f, "at", usage)
	return f
}

// or returns the time given, or now.
func (f *timeFlag) or(now func() time.Time) time.Time {
	if f.IsZero() {
		return now()
	}
	return f.Time
}
