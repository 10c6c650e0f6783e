package cli

import (
	"errors"
	"fmt"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
)

// The exit codes of every command.
const (
	exitDone    = 0 // done
	exitRefused = 1 // refused by verification or policy
	exitUsage   = 2 // the command line is wrong
	exitFailed  = 3 // could not be done: a file, a network, a service
)

// usageError is a command line that cannot be run.
type usageError struct {
	err error
	// command is whose help to read, "" for that of the command that runs.
	command string
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(command, format string, args ...any) error {
	return &usageError{err: fmt.Errorf(format, args...), command: command}
}

// refusedError says that verification or policy said no.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// reportedError is an error whose verdict stands on stdout already.
type reportedError struct{ err error }

func (e *reportedError) Error() string { return e.err.Error() }
func (e *reportedError) Unwrap() error { return e.err }

// hintError adds what to do.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

func withHint(err error, hint string) error { return &hintError{err: err, hint: hint} }

func hintFor(err error) string {
	if e, ok := errors.AsType[*hintError](err); ok {
		return e.hint
	}
	if e, ok := errors.AsType[*usageError](err); ok {
		return fmt.Sprintf("run '%s --help'", e.command)
	}
	return ""
}

func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*refusedError](err); ok {
		return exitRefused
	}
	// A service may fail by an answer that cannot be parsed; that is no verdict on
	// the evidence at hand.
	if _, ok := errors.AsType[*collateral.HTTPError](err); ok {
		return exitFailed
	}
	if _, ok := errors.AsType[*evidence.Error](err); ok {
		return exitRefused
	}
	return exitFailed
}
