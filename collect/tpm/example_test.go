package tpm_test

import (
	"context"
	"fmt"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/collect/tpm"
)

// The whole way of a machine: its TPM is opened, the attestation key is made at the
// first time, and a service attests both.
func Example() {
	report, err := attest(context.Background(), "unix:/run/a/TPM/that/is/not/there", "https://attest.example.com")
	if err != nil {
		fmt.Println("not attested")
		return
	}
	fmt.Println(report.Token)
	// Output: not attested
}

func attest(ctx context.Context, device, endpoint string) (*tpm.Report, error) {
	t, err := tpm.Open(ctx, device) // "" for the machine's own
	if err != nil {
		return nil, err
	}
	defer t.Close() //nolint:errcheck // nothing was written
	aik, err := t.AIK(ctx, tpm.AIKConfig{File: "/var/lib/azattest/aik.json"})
	if err != nil {
		return nil, err
	}
	if aik.Certificates() == nil {
		if aik, err = tpm.Enroll(ctx, endpoint, nil, aik, nil); err != nil {
			return nil, err
		}
	}
	client, err := azattestation.NewClientWithNoCredential(endpoint, nil)
	if err != nil {
		return nil, err
	}
	key, err := t.NewKey(ctx, tpm.ECC)
	if err != nil {
		return nil, err
	}
	return tpm.Attest(ctx, client, t, &tpm.AttestOptions{AIK: aik, RequestKey: key, Nonce: []byte("of who will rely on it")})
}

// A log is known by what it looks like.
func ExampleNewLog() {
	// An entry of IMA: PCR, digest, the template's name, its data.
	entry := append([]byte{10, 0, 0, 0}, make([]byte, 20)...)
	entry = append(entry, 6, 0, 0, 0)
	entry = append(entry, "ima-ng"...)
	entry = append(entry, 0, 0, 0, 0)
	for _, raw := range [][]byte{entry, []byte("a text")} {
		log, err := tpm.NewLog(raw)
		if err != nil {
			fmt.Println("no log")
			continue
		}
		fmt.Println(log.Type)
	}
	// Output:
	// IMA
	// no log
}
