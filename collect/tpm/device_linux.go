package tpm

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// ownDevices are the machine's TPM: behind the kernel's resource manager, which
// keeps programs apart, and without.
var ownDevices = []string{"/dev/tpmrm0", "/dev/tpm0"}

func openDevice(name string) (transport.TPMCloser, string, error) {
	names := []string{name}
	if name == "" {
		names = ownDevices
	}
	if name != "" && !strings.HasPrefix(name, "/") {
		return nil, name, &Error{Op: "open TPM", Found: name, Expected: `"", the path of a device, "unix:PATH" or "tcp:HOST:PORT"`}
	}
	for _, name := range names {
		device, err := linuxtpm.Open(name)
		if err == nil {
			return device, name, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || len(names) == 1 {
			return nil, name, failed("open TPM", err)
		}
	}
	return nil, name, &Error{
		Op: "open TPM", Found: "none", Expected: strings.Join(ownDevices, " or "),
		Hint: "is a TPM enabled in the firmware's settings, and its driver loaded?", Err: fs.ErrNotExist,
	}
}

// ownTCGLog reads the log from where Linux does not have it.
func ownTCGLog() ([]byte, error) { return nil, nil }
