package tpm

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/google/go-tpm/tpm2"
)

// Error says what could not be done, and what to do about it.
type Error struct {
	// Op is what was tried, such as "TPM2_Quote" or "open /dev/tpmrm0".
	Op string
	// Expected and Found say what should have been there and what was; either may
	// be empty.
	Expected, Found string
	// Hint says what to do; may be empty.
	Hint string
	// Err is the cause, if there is one: of the TPM it is a tpm2.TPMRC.
	Err error
}

// Error gives one line: what was tried, what was found and expected, why, and the
// hint.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	separator := ": "
	if e.Found != "" {
		b.WriteString(separator + e.Found)
		separator = ", "
	}
	if e.Expected != "" {
		b.WriteString(separator + "want " + e.Expected)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// failed explains what a TPM answered to a command, or why it did not.
func failed(op string, err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Op: op, Err: err, Hint: hintFor(err)}
}

// joined adds what went wrong while something was put away. The first error is the
// one that matters.
func joined(err, after error) error {
	if err == nil {
		return after
	}
	return err
}

// hints say what to do about a response code (part 2, 6.6).
var hints = []struct {
	code tpm2.TPMRC
	text string
}{
	{tpm2.TPMRCInitialize, "the TPM was not started: firmware does that, a swtpm does it with --flags not-need-init,startup-clear"},
	{tpm2.TPMRCFailure, "the TPM failed its self-test: switch the machine off and on"},
	{tpm2.TPMRCLockout, "too many wrong passwords: wait, or clear the lockout with tpm2_dictionarylockout --clear-lockout"},
	{tpm2.TPMRCAuthFail, "the hierarchy or key has a password, and this is not it"},
	{tpm2.TPMRCBadAuth, "the hierarchy or key has a password, and this is not it"},
	{tpm2.TPMRCHierarchy, "the hierarchy is disabled: enable it in the firmware's settings"},
	{tpm2.TPMRCObjectMemory, "other programs hold the TPM's slots for keys: use the resource manager /dev/tpmrm0, or tpm2_flushcontext -t"},
	{tpm2.TPMRCSessionMemory, "other programs hold the TPM's slots for sessions: use the resource manager /dev/tpmrm0, or tpm2_flushcontext -l"},
	{tpm2.TPMRCNVSpace, "the TPM's memory for persistent objects is full: tpm2_getcap handles-persistent shows what is in it"},
	{tpm2.TPMRCNVDefined, "there is something else at this handle"},
	{tpm2.TPMRCIntegrity, "the key was made by another TPM, or by this one before it was cleared"},
	{tpm2.TPMRCCurve, "this TPM does not have the curve: take another algorithm"},
	{tpm2.TPMRCScheme, "this TPM does not have the scheme: take another algorithm"},
	{tpm2.TPMRCHash, "this TPM does not have the hash: take another algorithm or bank"},
	{tpm2.TPMRCCommandCode, "this TPM does not have the command"},
	{tpm2.TPMRCRetry, "the TPM stays busy: try again"},
	{tpm2.TPMRCYielded, "the TPM stays busy: try again"},
	{tpm2.TPMRCTesting, "the TPM still tests itself: try again"},
	{tpm2.TPMRCNVRate, "the TPM limits how often its memory is written: try again later"},
}

func hintFor(err error) string {
	for _, h := range hints {
		if errors.Is(err, h.code) {
			return h.text
		}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "the device is for root and the group tss: be one of them"
	case errors.Is(err, syscall.EAGAIN):
		return "others keep the TPM busy: try again"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "the TPM does not answer any more: start it again"
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such TPM: is it enabled in the firmware's settings?"
	}
	return ""
}
