package tpm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

// quote is a quote with the values of the PCRs that it is of.
type quote struct {
	attest    []byte // TPMS_ATTEST
	signature []byte // TPMT_SIGNATURE
	verified  *tpm.Quote
}

// quote asks for a quote with qualifying data, and for the PCRs. The two are not of
// one moment, so both are asked for again if a PCR was extended in between.
func (a *AIK) quote(ctx context.Context, data []byte, s selection) (*quote, error) {
	const op = "TPM2_Quote"
	var last error
	for range maxPCRReads {
		var q quote
		var banks []tpm.Bank
		err := a.key.tpm.do(ctx, func() error {
			err := a.key.with(func(key tpm2.AuthHandle) error {
				answer, err := tpm2.Quote{
					SignHandle: key, QualifyingData: tpm2.TPM2BData{Buffer: data},
					InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull}, PCRSelect: s.list(),
				}.Execute(a.key.tpm.device)
				if err != nil {
					return failed(op, err)
				}
				q.attest, q.signature = answer.Quoted.Bytes(), tpm2.Marshal(answer.Signature)
				return nil
			})
			if err != nil {
				return err
			}
			banks, err = a.key.tpm.readPCRs(s)
			return err
		})
		if err != nil {
			return nil, err
		}
		if q.verified, err = a.verify(&q, banks, data); err == nil {
			return &q, nil
		}
		if !isOfOtherPCRs(err) {
			return nil, &Error{Op: op, Err: err, Hint: "what the TPM signed does not hold: its driver or the TPM is at fault"}
		}
		last = err
	}
	return nil, &Error{
		Op: op, Found: fmt.Sprintf("other PCRs after each of %d quotes", maxPCRReads), Err: last,
		Hint: "something extends them all the time: leave out the PCR that it extends (IMA: 10)",
	}
}

// verify holds a quote against what was asked for, as the service will.
func (a *AIK) verify(q *quote, banks []tpm.Bank, data []byte) (*tpm.Quote, error) {
	signature, err := tpm.ParseSignature(q.signature)
	if err != nil {
		return nil, err
	}
	return a.aik.VerifyQuote(q.attest, signature, banks, tpm.Requirements{QualifyingData: data, AllowSHA1Banks: true, AllowSHA1Signatures: true})
}

// isOfOtherPCRs tells a quote of other PCR values from one that does not hold.
func isOfOtherPCRs(err error) bool {
	e, ok := errors.AsType[*evidence.Error](err)
	return ok && e.Stage == tpm.StageQuote && e.Code == evidence.CodeMismatch && strings.HasSuffix(e.Part, "pcrDigest")
}

// certification is a TPM2_Certify.
type certification struct {
	attest, signature []byte // TPMS_ATTEST, TPMT_SIGNATURE
}

// certify has the AIK say that the TPM holds a key.
func (a *AIK) certify(ctx context.Context, k *Key, data []byte) (*certification, error) {
	const op = "TPM2_Certify"
	var c certification
	err := k.tpm.do(ctx, func() error {
		return a.key.with(func(signer tpm2.AuthHandle) error {
			return k.with(func(key tpm2.AuthHandle) error {
				answer, err := tpm2.Certify{
					ObjectHandle: key, SignHandle: signer, QualifyingData: tpm2.TPM2BData{Buffer: data},
					InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
				}.Execute(k.tpm.device)
				if err != nil {
					return failed(op, err)
				}
				c.attest, c.signature = answer.CertifyInfo.Bytes(), tpm2.Marshal(answer.Signature)
				return nil
			})
		})
	})
	if err != nil {
		return nil, err
	}
	return &c, nil
}
