package keyrelease

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/azattest/azattest/azattestation"
)

// AttestRequest is what a release needs to be attested.
type AttestRequest struct {
	// RuntimeData is JSON with the key to which the released one is to be wrapped. The
	// evidence must be bound to these very bytes, and the token show them as JSON
	// (x-ms-runtime).
	RuntimeData []byte
	// Nonce is to be that of the token.
	Nonce string
}

// Attester has the party attested in which it runs, and returns the token.
type Attester func(context.Context, AttestRequest) (string, error)

// Quoter makes evidence of the party in which it runs, with report data in it, as
// Quote of a source of package collect does.
type Quoter func(ctx context.Context, reportData [64]byte) ([]byte, error)

// reportDataOf binds evidence to runtime data, as Azure Attestation wants it: SHA-256,
// zero bytes behind.
func reportDataOf(runtimeData []byte) [64]byte {
	var reportData [64]byte
	digest := sha256.Sum256(runtimeData)
	copy(reportData[:], digest[:])
	return reportData
}

// SGXAttester attests an SGX enclave by its quotes. The client speaks API version
// 2022-08-01 or later, for the nonce.
func SGXAttester(client *azattestation.Client, quote Quoter) Attester {
	return func(ctx context.Context, r AttestRequest) (string, error) {
		raw, err := quote(ctx, reportDataOf(r.RuntimeData))
		if err != nil {
			return "", fmt.Errorf("quote: %w", err)
		}
		answer, err := client.AttestSGXEnclave(ctx, raw, &azattestation.ClientAttestSGXEnclaveOptions{
			RuntimeData: azattestation.NewJSONData(r.RuntimeData), Nonce: &r.Nonce,
		})
		if err != nil {
			return "", err
		}
		return answer.Token.String(), nil
	}
}

// TDXAttester attests a TDX virtual machine by its quotes.
func TDXAttester(client *azattestation.Client, quote Quoter) Attester {
	return func(ctx context.Context, r AttestRequest) (string, error) {
		raw, err := quote(ctx, reportDataOf(r.RuntimeData))
		if err != nil {
			return "", fmt.Errorf("quote: %w", err)
		}
		answer, err := client.AttestTDXVM(ctx, raw, &azattestation.ClientAttestTDXVMOptions{
			RuntimeData: azattestation.NewJSONData(r.RuntimeData), Nonce: &r.Nonce,
		})
		if err != nil {
			return "", err
		}
		return answer.Token.String(), nil
	}
}
