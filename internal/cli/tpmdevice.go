package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	collect "github.com/azattest/azattest/collect/tpm"
)

// Variables that hold the passwords of a TPM's hierarchies: on a command line
// everybody could read them.
const (
	ownerAuthVariable       = "AZATTEST_TPM_OWNER_AUTH"
	endorsementAuthVariable = "AZATTEST_TPM_ENDORSEMENT_AUTH"
)

// deviceFlags say which TPM, and where its AIK is.
type deviceFlags struct {
	device, aik, handle, algorithm string
}

func (f *deviceFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.device, "tpm", "", "the TPM: a device such as /dev/tpmrm0, tbs, unix:SOCKET or tcp:HOST:PORT (default: the machine's own)")
	flags.StringVar(&f.aik, "aik", "", "file that keeps the attestation key, made if it is not there (default: azattest/aik.json in the user's configuration folder)")
	flags.StringVar(&f.handle, "aik-handle", "", "persistent handle that keeps the attestation key in the TPM, such as 0x81010010; made if nothing is there")
	flags.StringVar(&f.algorithm, "aik-algorithm", "", "algorithm of an attestation key that is made: "+tpmAlgorithms()+" (default rsa)")
	mustTakeText(cmd, "aik-handle")
	mustComplete(cmd, "aik-algorithm", algorithmNames()...)
}

func algorithmNames() []string {
	var names []string
	for _, a := range collect.PossibleAlgorithmValues() {
		names = append(names, string(a))
	}
	return names
}

func tpmAlgorithms() string { return strings.Join(algorithmNames(), ", ") }

// tpmAlgorithm reads a flag, "" if it is not given.
func tpmAlgorithm(cmd *cobra.Command, flag, value string) (collect.Algorithm, error) {
	for _, a := range append(collect.PossibleAlgorithmValues(), "") {
		if value == string(a) {
			return a, nil
		}
	}
	return "", usage(cmd.CommandPath(), "--%s %q: want one of %s", flag, value, tpmAlgorithms())
}

// config checks the flags. Nothing is opened.
func (f *deviceFlags) config(cmd *cobra.Command) (collect.AIKConfig, error) {
	c := collect.AIKConfig{File: f.aik}
	var err error
	if c.Algorithm, err = tpmAlgorithm(cmd, "aik-algorithm", f.algorithm); err != nil {
		return c, err
	}
	if f.handle != "" {
		handle, err := strconv.ParseUint(strings.TrimPrefix(f.handle, "0x"), 16, 32)
		if err != nil || handle < 0x81000000 || handle > 0x817fffff {
			return c, usage(cmd.CommandPath(), "--aik-handle %q: want 0x81000000 to 0x817fffff", f.handle)
		}
		c.Handle = uint32(handle)
		return c, nil
	}
	if c.File == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return c, usage(cmd.CommandPath(), "--aik is missing: there is no folder for the user's configuration (%v)", err)
		}
		c.File = filepath.Join(dir, "azattest", "aik.json")
	}
	return c, nil
}

// tpmInUse is an open TPM with its AIK.
type tpmInUse struct {
	*collect.TPM
	aik  *collect.AIK
	file string
}

// open opens the TPM, and loads its AIK or makes it.
func (f *deviceFlags) open(ctx context.Context, s Streams, c collect.AIKConfig) (*tpmInUse, error) {
	t, err := collect.Open(ctx, f.device)
	if err != nil {
		return nil, tpmFault(err)
	}
	t.Authorize(collect.Authorization{Owner: []byte(s.env(ownerAuthVariable)), Endorsement: []byte(s.env(endorsementAuthVariable))})
	if _, err := os.Stat(c.File); c.Handle == 0 && errors.Is(err, os.ErrNotExist) {
		tellWait(s, "making an attestation key in "+t.String())
	}
	aik, err := t.AIK(ctx, c)
	if err != nil {
		return nil, tpmFault(closing(t, err))
	}
	return &tpmInUse{t, aik, c.File}, nil
}

// closing closes a TPM after an error, which is the one that matters.
func closing(t *collect.TPM, err error) error {
	if closed := t.Close(); err == nil {
		return closed
	}
	return err
}

// tellWait tells somebody who watches what takes so long.
func tellWait(s Streams, what string) {
	if s.IsTerminal {
		// It is a courtesy: whoever cannot be told waits all the same.
		_, _ = fmt.Fprintf(s.Err, "azattest: %s, which may take a minute\n", clean(what))
	}
}

// tpmFault puts an error of the TPM into the command's words. That the TPM cannot do
// something refuses nothing.
func tpmFault(err error) error {
	if e, ok := errors.AsType[*collect.ReportError](err); ok {
		return withHint(&refusedError{errors.New(told(e.Error()))}, "the service signed another report than was asked for: do not use it, and try again")
	}
	if e, ok := errors.AsType[*collect.Error](err); ok {
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("%s: %w", told(e.Op), errInterrupted)
		}
		said := *e
		said.Hint = ""
		return withHint(&undecidedError{errors.New(told(said.Error()))}, e.Hint)
	}
	return serviceFault(err)
}
