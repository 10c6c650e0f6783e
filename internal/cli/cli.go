// Package cli is the command azattest. One file holds one command; what several
// commands share is in a file named for it. It is the one place where every part
// of azattest is put together.
//
// How it speaks (changes here go into docs/cli.md too):
//
//   - results go to stdout, everything else to stderr, so that pipes work;
//   - --json gives one JSON document on stdout, for programs, with member names
//     that stay;
//   - an error is one line "azattest: …", lower case, no full stop, followed by
//     "hint: …" where there is something to do;
//   - no color and no progress where stderr is not a terminal.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Streams are the outside world of a command.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// IsTerminal says whether somebody watches Err, and wants to know what takes so
	// long.
	IsTerminal bool
	// OutIsTerminal says whether Out is somebody's terminal, where no secret belongs.
	OutIsTerminal bool
	// Now is the clock.
	Now func() time.Time
	// Env looks up a variable of the environment, "" if it is not set. Nil means
	// that none is.
	Env func(name string) string

	// shared is what the readers of one command line share, nil outside of one.
	shared *shared
}

func (s Streams) env(name string) string {
	if s.Env == nil {
		return ""
	}
	return s.Env(name)
}

// Standard returns the streams and the clock of the process.
func Standard() Streams {
	return Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, IsTerminal: isDevice(os.Stderr), OutIsTerminal: isDevice(os.Stdout),
		Now: time.Now, Env: os.Getenv,
	}
}

// isDevice reports whether a file is a device of characters, as terminals are.
func isDevice(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Main runs the command line and returns the exit code. Interrupt and terminate
// end the command's context; the second of them ends the process, whatever it
// does.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	return run(ctx, args, s)
}

func run(ctx context.Context, args []string, s Streams) int {
	s.shared = &shared{ctx: ctx}
	defer s.shared.hangUp()
	stdout := &watched{Writer: s.Out}
	s.Out = stdout
	root := newRoot(s)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	if e, ok := errors.AsType[*usageError](err); ok && e.command == "" {
		e.command = cmd.CommandPath()
	}
	if _, silent := errors.AsType[*reportedError](err); !silent {
		complain(s.Err, err)
		if wantsJSON(cmd) && exitCode(err) != exitUsage && !stdout.isUsed {
			// Where stdout is what failed, stderr has said so.
			_ = printJSON(s.Out, newFailure(err))
		}
	}
	return exitCode(err)
}

// watched knows whether anything was written. A document that was begun is not
// followed by another.
type watched struct {
	io.Writer
	isUsed bool
}

// Write writes, and remembers it.
func (w *watched) Write(p []byte) (int, error) {
	w.isUsed = true
	return w.Writer.Write(p)
}

// complain says what went wrong, each thing on one line: names of files and flags
// may hold anything. Where even that cannot be written, the exit code is all that
// is left.
func complain(w io.Writer, err error) {
	_, _ = fmt.Fprintf(w, "azattest: %s\n", escaped(err.Error()))
	if hint := hintFor(err); hint != "" {
		_, _ = fmt.Fprintf(w, "hint: %s\n", escaped(hint))
	}
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "azattest",
		Short: "Attest enclaves: an open, self-hosted Azure Attestation, and its tools",
		Long: `azattest verifies evidence of trusted hardware down to the vendor's root, runs a
policy over its claims and issues a signed token, over the REST API of Azure
Attestation.

Exit codes: 0 done, 1 refused by verification or policy, 2 usage,
3 could not be done.`,
		Example: `  azattest demo
  azattest quote verify quote.bin
  azattest serve --dev`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return refuseEmpty(cmd) }
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err: err, command: cmd.CommandPath()}
	})
	root.AddCommand(
		newServe(s),
		newAttest(s),
		newAudit(s),
		newQuote(s),
		newTPM(s),
		newToken(s),
		newPolicy(s),
		newCerts(s),
		newSigners(s),
		newCollateral(s),
		newConfig(s),
		newSimulate(s),
		newDemo(s),
		newInstance(s),
		newKeys(s),
		newKeyRelease(s),
		newBackup(s),
		newRestore(s),
		newDevToken(s),
		newVersion(s),
	)
	return root
}

// refuseEmpty refuses flags that are given and empty. An unset variable in a
// script must not switch a check off.
func refuseEmpty(cmd *cobra.Command) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" {
			err = usage(cmd.CommandPath(), "--%s is empty: leave it out, or say what", f.Name)
		}
	})
	return err
}

// usageArgs makes a usage error of what an argument check finds.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{err: err, command: cmd.CommandPath()}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}
