package tpm

import (
	"fmt"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/windowstpm"
	"github.com/google/go-tpm/tpmutil/tbs"
)

// openDevice opens the TPM base services, which keep programs apart.
func openDevice(name string) (transport.TPMCloser, string, error) {
	const service = "tbs"
	if name != "" && name != service {
		return nil, name, &Error{Op: "open TPM", Found: name, Expected: `"", "tbs", "unix:PATH" or "tcp:HOST:PORT"`}
	}
	device, err := windowstpm.Open()
	if err != nil {
		return nil, service, &Error{Op: "open TPM", Err: err, Hint: "see tpm.msc; some commands need an administrator"}
	}
	return device, service, nil
}

// ownTCGLog returns the log of the boot that the TPM base services keep.
func ownTCGLog() ([]byte, error) {
	context, err := tbs.CreateContext(tbs.TPMVersion20, tbs.IncludeTPM20)
	if err != nil {
		return nil, err
	}
	log, err := readTCGLog(context)
	return log, joined(err, context.Close())
}

func readTCGLog(context tbs.Context) ([]byte, error) {
	size, err := context.GetTCGLog(nil)
	if err != nil {
		return nil, err
	}
	if size > maxLog {
		return nil, fmt.Errorf("a log of %d bytes, want at most %d", size, maxLog)
	}
	log := make([]byte, size)
	if size, err = context.GetTCGLog(log); err != nil {
		return nil, err
	}
	return log[:size], nil
}
