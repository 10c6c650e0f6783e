package cli

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/relyingparty"
)

// measurementsFlag is a list of measurements, of which any will do: an instance
// runs several versions of its enclave while it is updated.
type measurementsFlag [][32]byte

func (f *measurementsFlag) String() string {
	texts := make([]string, len(*f))
	for i, m := range *f {
		texts[i] = hex.EncodeToString(m[:])
	}
	return strings.Join(texts, ",")
}

func (f *measurementsFlag) Set(text string) error {
	for one := range strings.SplitSeq(text, ",") {
		var m [32]byte
		if err := (&hexFlag{dst: m[:]}).Set(strings.TrimSpace(one)); err != nil {
			return err
		}
		*f = append(*f, m)
	}
	return nil
}

func (f *measurementsFlag) Type() string { return "hex" }

// accept says whether a measurement is one of those demanded.
func (f *measurementsFlag) accept(name string, m [32]byte) error {
	if len(*f) == 0 || slices.Contains(*f, m) {
		return nil
	}
	return fmt.Errorf("%s %x, want %s", name, m, strings.ReplaceAll(f.String(), ",", " or "))
}

// identityFlags say which enclave is the right one.
type identityFlags struct {
	mrsigner, mrenclave measurementsFlag
	productID, minSVN   int
	noDebug             bool
}

// anyProduct is --product-id if it is not given.
const anyProduct = -1

func (f *identityFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Var(&f.mrsigner, "mrsigner", "MRSIGNER that the enclave must have, or several separated by commas (default any)")
	flags.Var(&f.mrenclave, "mrenclave", "MRENCLAVE that the enclave must have, or several separated by commas (default any)")
	flags.IntVar(&f.productID, "product-id", anyProduct, "product ID (ISVPRODID) that the enclave must have, 0 to 65535 (default any)")
	flags.IntVar(&f.minSVN, "min-svn", 0, "lowest security version (ISVSVN) that the enclave may have; goes with --mrsigner")
	flags.BoolVar(&f.noDebug, "no-debug", false, "refuse an enclave whose memory can be read from outside")
	mustTakeText(cmd, "mrsigner", "mrenclave")
}

func (f *identityFlags) check(cmd *cobra.Command) error {
	const most = 1<<16 - 1
	switch command := cmd.CommandPath(); {
	case f.productID < anyProduct || f.productID > most:
		return usage(command, "--product-id %d: want 0 to %d", f.productID, most)
	case f.minSVN < 0 || f.minSVN > most:
		return usage(command, "--min-svn %d: want 0 to %d", f.minSVN, most)
	case len(f.mrsigner) == 0 && (f.productID != anyProduct || f.minSVN > 0):
		return usage(command, "--product-id and --min-svn go with --mrsigner: they are whatever the enclave's author says")
	}
	return nil
}

// isGiven says whether the flags tell one enclave from another.
func (f *identityFlags) isGiven() bool { return len(f.mrsigner) > 0 || len(f.mrenclave) > 0 }

// accept refuses an enclave that is not the one demanded.
func (f *identityFlags) accept(id *relyingparty.Identity) error {
	if err := f.mrsigner.accept("MRSIGNER", id.MRSIGNER); err != nil {
		return err
	}
	if err := f.mrenclave.accept("MRENCLAVE", id.MRENCLAVE); err != nil {
		return err
	}
	switch {
	case f.productID != anyProduct && int(id.ProductID) != f.productID:
		return fmt.Errorf("product ID %d, want %d", id.ProductID, f.productID)
	case int(id.SVN) < f.minSVN:
		return fmt.Errorf("SVN %d, want at least %d", id.SVN, f.minSVN)
	case f.noDebug && id.Debug:
		return fmt.Errorf("a debuggable enclave, want one that is not")
	}
	return nil
}
