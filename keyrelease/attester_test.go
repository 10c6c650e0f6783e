package keyrelease_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/fake"
	"github.com/azattest/azattest/keyrelease"
)

// attestingClient is a client of a service that does not exist, and passes what it is
// sent to saw.
func attestingClient(t *testing.T, saw func(evidence []byte, runtimeData *azattestation.AttestationData)) *azattestation.Client {
	t.Helper()
	srv := &fake.Server{
		AttestSGXEnclave: func(_ context.Context, quote []byte, o *azattestation.ClientAttestSGXEnclaveOptions) (resp azfake.Responder[azattestation.ClientAttestSGXEnclaveResponse], errResp azfake.ErrorResponder) {
			saw(quote, o.RuntimeData)
			resp.SetResponse(http.StatusOK, azattestation.ClientAttestSGXEnclaveResponse{}, nil)
			return resp, errResp
		},
		AttestTDXVM: func(_ context.Context, quote []byte, o *azattestation.ClientAttestTDXVMOptions) (resp azfake.Responder[azattestation.ClientAttestTDXVMResponse], errResp azfake.ErrorResponder) {
			saw(quote, o.RuntimeData)
			resp.SetResponse(http.StatusOK, azattestation.ClientAttestTDXVMResponse{}, nil)
			return resp, errResp
		},
	}
	client, err := azattestation.NewClientWithNoCredential(contoso, &azattestation.ClientOptions{ClientOptions: azcore.ClientOptions{Transport: fake.NewServerTransport(srv)}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Evidence is bound to the runtime data, and the token has both it and the nonce.
func TestAttesters(t *testing.T) {
	t.Parallel()
	data := []byte(`{"keys":[{"kid":"one"}]}`)
	for name, attester := range map[string]func(*azattestation.Client, keyrelease.Quoter) keyrelease.Attester{
		"SGX": keyrelease.SGXAttester, "TDX": keyrelease.TDXAttester,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var evidence []byte
			var sent *azattestation.AttestationData
			client := attestingClient(t, func(raw []byte, runtimeData *azattestation.AttestationData) { evidence, sent = raw, runtimeData })
			attest := attester(client, func(_ context.Context, reportData [64]byte) ([]byte, error) { return reportData[:], nil })
			compact, err := attest(t.Context(), keyrelease.AttestRequest{RuntimeData: data, Nonce: "a nonce"})
			if err != nil {
				t.Fatal(err)
			}
			digest := sha256.Sum256(data)
			if !bytes.Equal(evidence, append(digest[:], make([]byte, 32)...)) || !bytes.Equal(sent.Data, data) || sent.DataType != azattestation.DataTypeJSON {
				t.Errorf("sent %x with %+v", evidence, sent)
			}
			token, err := azattestation.ParseToken(compact)
			if err != nil {
				t.Fatal(err)
			}
			var claims struct{ Nonce string }
			if err := json.Unmarshal(token.Payload(), &claims); err != nil || claims.Nonce != "a nonce" {
				t.Errorf("claims %s", token.Payload())
			}
			broken := errors.New("no device")
			attest = attester(client, func(context.Context, [64]byte) ([]byte, error) { return nil, broken })
			if _, err := attest(t.Context(), keyrelease.AttestRequest{}); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	}
}
