package tpm

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/google/go-tpm/tpm2"
)

// signJWS signs a payload with the AIK itself. A restricted key signs what its TPM has
// hashed and found to be none of the TPM's own structures (part 3, 20.2), so that the
// TPM gets all of the text, some hundred pieces of it.
func (a *AIK) signJWS(ctx context.Context, kind string, payload []byte) (string, error) {
	algorithm, hash, half := "RS256", tpm2.TPMAlgSHA256, 0
	switch a.Algorithm() {
	case RSA:
	case RSAPSS:
		algorithm = "PS256"
	case ECC:
		algorithm, half = "ES256", 32
	case ECCP384:
		algorithm, hash, half = "ES384", tpm2.TPMAlgSHA384, 48
	}
	signed := signingInput(algorithm, kind, payload)
	var signature []byte
	err := a.key.tpm.do(ctx, func() error {
		digest, err := a.key.tpm.hash(hash, []byte(signed))
		if err != nil {
			return err
		}
		return a.key.with(func(key tpm2.AuthHandle) error {
			answer, err := tpm2.Sign{
				KeyHandle: key, Digest: digest.Result, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, Validation: digest.Validation,
			}.Execute(a.key.tpm.device)
			if err != nil {
				return failed("TPM2_Sign", err)
			}
			signature, err = rawSignature(answer.Signature)
			return err
		})
	})
	if err == nil && half > 0 {
		signature, err = fixedWidth(signature, half)
	}
	if err != nil {
		return "", err
	}
	return signed + "." + encode(signature), nil
}

// hash lets the TPM hash a text, and say that it may be signed.
func (t *TPM) hash(algorithm tpm2.TPMAlgID, text []byte) (*tpm2.SequenceCompleteResponse, error) {
	const op = "TPM2_HashSequenceStart"
	sequence, err := tpm2.HashSequenceStart{HashAlg: algorithm}.Execute(t.device)
	if err != nil {
		return nil, failed(op, err)
	}
	handle := tpm2.AuthHandle{
		Handle: sequence.SequenceHandle, Auth: tpm2.PasswordAuth(nil),
		Name: tpm2.TPM2BName{Buffer: binary.BigEndian.AppendUint32(nil, uint32(sequence.SequenceHandle))},
	}
	pieces := slices.Collect(slices.Chunk(text, maxBuffer))
	for _, piece := range pieces[:len(pieces)-1] {
		update := tpm2.SequenceUpdate{SequenceHandle: handle, Buffer: tpm2.TPM2BMaxBuffer{Buffer: piece}}
		if _, err := update.Execute(t.device); err != nil {
			return nil, joined(failed("TPM2_SequenceUpdate", err), t.flush(sequence.SequenceHandle))
		}
	}
	digest, err := tpm2.SequenceComplete{
		SequenceHandle: handle, Buffer: tpm2.TPM2BMaxBuffer{Buffer: pieces[len(pieces)-1]}, Hierarchy: tpm2.TPMRHOwner,
	}.Execute(t.device)
	if err != nil {
		return nil, joined(failed("TPM2_SequenceComplete", err), t.flush(sequence.SequenceHandle))
	}
	return digest, nil
}
