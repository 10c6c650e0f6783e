package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence/dcap"
)

func newCollateralShow(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show DIR",
		Short: "Show the sets in a folder of collateral",
		Long: `show lists the sets in a folder, or the one set that the folder is: the platform
each is for, its versions and evaluation numbers, when all its parts are valid,
the TCB levels in it, and whether its signatures hold down to Intel's root. A set
that is broken or not valid is shown as such and is no failure.`,
		Example: `  azattest collateral show ./collateral
  azattest collateral show ./collateral --at 2026-01-31 --json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFolder,
	}
	at := addAt(cmd, "time at which the sets shall be valid, instead of now")
	asJSON := jsonFlag(cmd)
	mustTakeText(cmd, "at")
	root := cmd.Flags().String("simulator-root", "", "PEM file with the root of a simulator to trust beside Intel's")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		roots, err := rootsWith(s, *root)
		if err != nil {
			return err
		}
		a, err := showArchive(cmd.Context(), args[0], roots, at.or(s.Now))
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(s.Out, a)
		}
		return a.print(s.Out)
	}
	return cmd
}

// shownArchive is what collateral show --json prints. Programs read it: members
// are added, never renamed.
type shownArchive struct {
	Dir  string      `json:"dir"`
	At   time.Time   `json:"at"`
	Sets []*shownSet `json:"sets"`
}

func showArchive(ctx context.Context, dir string, roots []dcap.Root, at time.Time) (*shownArchive, error) {
	archive, err := collateral.OpenArchive(dir)
	if err != nil {
		return nil, err
	}
	verifier, err := dcap.NewVerifier(dcap.Config{Roots: roots})
	if err != nil {
		return nil, err
	}
	shown := &shownArchive{Dir: dir, At: at.UTC(), Sets: []*shownSet{}}
	sets := archive.Sets()
	for i := range sets {
		set, err := newShownSet(ctx, &sets[i], verifier, at)
		if err != nil {
			return nil, err
		}
		shown.Sets = append(shown.Sets, set)
	}
	return shown, nil
}

func (a *shownArchive) print(w io.Writer) error {
	for i, set := range a.Sets {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return fmt.Errorf("write the result: %w", err)
			}
		}
		t := newTable(w)
		t.row("set", set.Dir)
		set.rows(t)
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}
