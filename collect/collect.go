// Package collect asks the machine that it runs on for evidence of itself: a quote
// or a report with data of the caller's in it. It judges nothing; that is for the
// packages below evidence, wherever the evidence is sent.
//
// Which function do I want?
//
//   - [Detect] finds what the machine offers, or says with [ErrNone] that it
//     offers nothing;
//   - [Source.Quote] asks for evidence with report data in it.
//
// Two interfaces are known. Inside an enclave, Gramine's files in /dev/attestation
// give SGX quotes. Inside a confidential virtual machine, Linux' configfs-tsm
// (/sys/kernel/config/tsm/report, since Linux 6.7) gives TDX quotes and SEV-SNP
// reports; it takes root, or a mount that lets others in.
//
// THIS PACKAGE HAS NOT SEEN THE HARDWARE. It is tested against files that behave as
// Gramine's and the kernel's are documented and written to behave. That the
// evidence has the caller's report data in it is checked each time, so what goes
// wrong is an error, not evidence of something else.
package collect

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ReportDataSize is how many bytes of the caller's go into evidence, of every
// kind.
const ReportDataSize = 64

// Kind says what evidence is.
type Kind string

// The kinds of evidence.
const (
	SGXQuote  Kind = "SGX quote"      // of version 3
	TDXQuote  Kind = "TDX quote"      // of version 4 or 5
	SNPReport Kind = "SEV-SNP report" // 1,184 bytes, little-endian, as the firmware makes it
)

// Evidence is what the machine says of itself. Nobody has verified it.
type Evidence struct {
	Kind Kind
	// Bytes are the quote or the report.
	Bytes []byte
	// Auxiliary is what came with it: for an SEV-SNP report the certificates of
	// the processor, as the GHCB specification's table of them, if the host gave
	// any. Nil for none.
	Auxiliary []byte
}

// Source is something that gives evidence.
type Source interface {
	// Quote returns evidence with the report data in it. It is safe for concurrent
	// use. The machine cannot be interrupted: the context is looked at before it
	// is asked, and it may take seconds.
	Quote(ctx context.Context, reportData [ReportDataSize]byte) (*Evidence, error)
	// Kind says what Quote returns.
	Kind() Kind
	// String names the interface, for logs.
	String() string
}

// Config says where to look. Its zero value is the machine itself.
type Config struct {
	// Root is the folder that stands for "/", which is what empty means: another
	// place where the host's file system is mounted, or a test's.
	Root string
}

// ErrNone says that the machine offers no evidence.
var ErrNone = errors.New("collect: this machine offers no evidence of itself")

// noneError is [ErrNone], with what was looked for.
type noneError struct{ looked []string }

func (e *noneError) Error() string {
	return ErrNone.Error() + ": looked for " + strings.Join(e.looked, "; and for ")
}

func (e *noneError) Is(target error) bool { return target == ErrNone }

// Detect returns what the machine offers. If that is nothing, the error is
// [ErrNone] and says what was looked for. Any other error means that there is
// something, and that it cannot be used: for want of rights, for instance.
func Detect(c Config) (Source, error) {
	return detect(files(directory(c.Root)))
}

// detect tries Gramine first: inside an enclave the machine around it is not to
// be asked.
func detect(f files) (Source, error) {
	var looked []string
	for _, try := range []func(files) (Source, string, error){detectGramine, detectTSM} {
		source, missing, err := try(f)
		if err != nil {
			return nil, fmt.Errorf("collect: %w", err)
		}
		if source != nil {
			return source, nil
		}
		looked = append(looked, missing)
	}
	return nil, &noneError{looked: looked}
}
