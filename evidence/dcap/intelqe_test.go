package dcap

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
)

// Without collateral nothing but Intel's own quoting enclave may speak under
// Intel's root: the owner of a machine can have the PCK sign for another one.
func TestOnlyIntelsQuotingEnclave(t *testing.T) {
	t.Parallel()
	signer, err := hex.DecodeString(intelQESigner)
	if err != nil {
		t.Fatal(err)
	}
	genuine := EnclaveReport{
		Attributes: [16]byte{0: 0x15, 8: 0xe7}, MRSIGNER: [32]byte(signer), ISVProdID: 1, ISVSVN: 8,
	}
	for name, test := range map[string]struct {
		tee    TEE
		change func(*EnclaveReport)
		want   evidence.Code // empty if it is accepted
	}{
		"genuine":                 {SGX, func(*EnclaveReport) {}, ""},
		"another SVN":             {SGX, func(r *EnclaveReport) { r.ISVSVN = 2 }, ""},
		"32-bit, other XFRM":      {SGX, func(r *EnclaveReport) { r.Attributes[0], r.Attributes[8] = 0x11, 3 }, ""},
		"another signer":          {SGX, func(r *EnclaveReport) { r.MRSIGNER[31] ^= 1 }, evidence.CodeMismatch},
		"another product":         {SGX, func(r *EnclaveReport) { r.ISVProdID = 2 }, evidence.CodeMismatch},
		"debuggable":              {SGX, func(r *EnclaveReport) { r.Attributes[0] |= AttributeDebug }, evidence.CodeMismatch},
		"without provisioning":    {SGX, func(r *EnclaveReport) { r.Attributes[0] &^= 0x10 }, evidence.CodeMismatch},
		"an unknown attribute":    {SGX, func(r *EnclaveReport) { r.Attributes[7] = 0x80 }, evidence.CodeMismatch},
		"another MISCSELECT":      {SGX, func(r *EnclaveReport) { r.MISCSELECT = 1 }, evidence.CodeMismatch},
		"a TD's quoting enclave":  {TDX, func(*EnclaveReport) {}, evidence.CodeUnsupported},
		"all zero, as if missing": {SGX, func(r *EnclaveReport) { *r = EnclaveReport{} }, evidence.CodeMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := genuine
			test.change(&report)
			err := isIntelsQE(test.tee, &report)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			e, ok := errors.AsType[*evidence.Error](err)
			if !ok || e.Stage != evidence.StageQE || e.Code != test.want || e.Hint == "" {
				t.Errorf("error %v, want %s/%s with a hint", err, evidence.StageQE, test.want)
			}
		})
	}
}

// signRaw signs as enclaves do: r‖s.
func signRaw(t *testing.T, key *ecdsa.PrivateKey, message []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(message)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, signatureSize)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return raw
}

// The owner of a machine has its PCK sign for an enclave of his own, which then
// quotes whatever he wants. Every signature holds. Nobody outside has such a PCK,
// so the verifier is told that it has seen the chain.
func TestAnotherQuotingEnclaveUnderIntelsRoot(t *testing.T) {
	t.Parallel()
	pck, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	attestation, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := attestation.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	signed := make([]byte, headerSize+sgxReportBodySize)
	report := make([]byte, sgxReportBodySize)
	report[48], report[256] = 0x15, 1 // as Intel's, but for the signer
	bound := sha256.Sum256(point[1:])
	copy(report[320:], bound[:])
	q := &Quote{
		CertificationData: CertificationData{Type: CertPCKChain, Data: []byte("a chain that was verified")},
		AttestationKey:    point[1:], QEReport: report, QEReportSignature: signRaw(t, pck, report),
		signed: signed, Signature: signRaw(t, attestation, signed),
	}
	named, err := NewRoot("Intel's key by another name", IntelRoot().key, false)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewRoot("another PKI", &pck.PublicKey, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		root    Root
		refused bool
	}{"Intel's root": {IntelRoot(), true}, "Intel's root, named otherwise": {named, true}, "another root": {other, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := NewVerifier(Config{Roots: []Root{test.root}})
			if err != nil {
				t.Fatal(err)
			}
			v.chains.put(string(q.CertificationData.Data), &pckChain{key: &pck.PublicKey, pck: new(PCK)})
			got, err := v.VerifySignatures(t.Context(), q, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
			e, ok := errors.AsType[*evidence.Error](err)
			switch {
			case test.refused && (!ok || e.Stage != evidence.StageQE || e.Code != evidence.CodeMismatch):
				t.Errorf("result %+v, error %v; want the quoting enclave refused", got, err)
			case !test.refused && err != nil:
				t.Error(err)
			}
		})
	}
}
