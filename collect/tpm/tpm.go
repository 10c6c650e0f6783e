// Package tpm asks a TPM 2.0 for evidence of the machine that it is in, and has it
// attested: the client's half of the protocol that Azure Attestation speaks at
// /attest/Tpm. It judges nothing; that is for package evidence/tpm, in the service.
//
// Which function do I want?
//
//   - [Open] opens a TPM: a device, Windows' TBS, or the socket of a swtpm.
//   - [TPM.AIK] makes or loads the key that signs what the TPM says of itself, and
//     keeps it in a file or at a persistent handle.
//   - [Enroll] gets a certificate for that key, by the endorsement key that the
//     TPM's vendor vouches for. Azure's own service has no such operation.
//   - [Attest] runs the protocol: challenge, quote, logs, report. What comes back is
//     a token that was validated.
//   - [TPM.NewKey] and [TPM.LoadKey] are for keys in the TPM that a report shall
//     vouch for, as the request key or beside it. Such a [Key] is a crypto.Signer.
//
// A TPM has room for three loaded keys. So keys are kept as blobs that only their
// TPM can open, and are loaded for one operation each. Between the operations of
// this package a TPM holds nothing of it.
//
// Errors are *[Error] where the TPM, a file or an answer is at fault. Those of the
// service are *azcore.ResponseError, and those of the client library its own.
//
// Sources: TCG, "Trusted Platform Module Library", revision 1.59, cited as "part 2"
// and "part 3"; TCG, "EK Credential Profile for TPM Family 2.0", version 2.5; TCG,
// "TPM 2.0 Provisioning Guidance", version 1.0; Microsoft, "TPM attestation message
// protocol".
package tpm

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// TPM is an open TPM. It is safe for concurrent use: its operations come one after
// the other.
type TPM struct {
	name string
	// isOwn says that it is the machine's own TPM, so that the machine's logs are of
	// what was measured into it.
	isOwn bool
	banks []tpm.Algorithm

	turn   chan struct{} // of one place, taken for an operation with all its commands
	device *line         // of who has the turn
	auth   Authorization // of who has the turn

	given atomic.Pointer[Authorization] // for the operations to come
}

func newTPM(name string, to wire, isOwn bool) *TPM {
	t := &TPM{name: name, isOwn: isOwn, turn: make(chan struct{}, 1), device: &line{wire: to}}
	t.given.Store(new(Authorization))
	return t
}

// Authorization are the passwords of the TPM's hierarchies. Most TPMs have none.
type Authorization struct {
	// Owner is for the storage hierarchy, below which keys are.
	Owner []byte
	// Endorsement is for the hierarchy of the endorsement key.
	Endorsement []byte
}

// String keeps the passwords out of logs.
func (Authorization) String() string { return "authorization of a TPM" }

// GoString keeps the passwords out of logs, too.
func (a Authorization) GoString() string { return a.String() }

// Open opens a TPM.
//
//   - "" is the machine's own: the first of /dev/tpmrm0 and /dev/tpm0 on Linux, TBS
//     on Windows;
//   - "tbs" is Windows' TBS;
//   - "/dev/tpmrm0", or another path, is a device on Linux;
//   - "unix:/run/tpm" is the Unix socket of a TPM that takes commands as they are,
//     as swtpm's data channel does (--server type=unixio);
//   - "tcp:localhost:2321" is the same over TCP (--server type=tcp). Nothing
//     protects the connection.
//
// The TPM is asked what it is; a TPM 1.2 is refused. The context is for opening only.
func Open(ctx context.Context, name string) (*TPM, error) {
	to, name, isOwn, err := dial(ctx, name)
	if err != nil {
		return nil, err
	}
	t := newTPM(name, to, isOwn)
	if err := t.identifySoon(ctx); err != nil {
		return nil, joined(err, t.Close())
	}
	return t, nil
}

// identifySoon does not wait as long as a command may take.
func (t *TPM) identifySoon(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, identifyPatience)
	defer cancel()
	err := t.do(bounded, t.identify)
	if err != nil && ctx.Err() == nil && bounded.Err() != nil {
		return &Error{
			Op: "ask " + t.name, Found: "no answer within " + identifyPatience.String(), Expected: "a TPM",
			Hint: "does something else listen there, or do others keep it busy?", Err: bounded.Err(),
		}
	}
	return err
}

// Close ends the connection, after the operation that is under way: what that has put
// into the TPM it puts away first. Whoever does not want to wait ends its context.
func (t *TPM) Close() error {
	t.turn <- struct{}{}
	defer t.pass()
	if err := t.device.Close(); err != nil {
		return &Error{Op: "close " + t.name, Err: err}
	}
	return nil
}

// String returns what was opened.
func (t *TPM) String() string { return t.name }

// Authorize sets the passwords of the hierarchies, for operations that begin later. It
// does not wait.
func (t *TPM) Authorize(a Authorization) {
	t.given.Store(&Authorization{Owner: slices.Clone(a.Owner), Endorsement: slices.Clone(a.Endorsement)})
}

// Banks returns the active banks of PCRs, the strongest first.
func (t *TPM) Banks() []tpm.Algorithm { return slices.Clone(t.banks) }

// do runs one operation, when those before it have ended. When the context is done it
// does not begin any more, or ends after the command that the TPM works at; behind a
// socket that is left to itself, unless something must be put away after it. What the
// operation has put into the TPM is put away also then: only a TPM that is silent for
// longer than limits.go says keeps it.
func (t *TPM) do(ctx context.Context, operation func() error) error {
	op := "ask " + t.name
	if err := ctx.Err(); err != nil {
		return &Error{Op: op, Err: err}
	}
	select {
	case t.turn <- struct{}{}:
		defer t.pass()
	case <-ctx.Done():
		return &Error{Op: op, Found: "another operation at work", Err: ctx.Err()}
	}
	t.device.ctx, t.auth = ctx, *t.given.Load()
	return operation()
}

// pass gives the turn to who waits for it.
func (t *TPM) pass() { <-t.turn }

// identify asks whether it is a TPM 2.0, and which banks it has.
func (t *TPM) identify() error {
	const op = "ask " // and its name
	family, err := tpm2.GetCapability{
		Capability: tpm2.TPMCapTPMProperties, Property: uint32(tpm2.TPMPTFamilyIndicator), PropertyCount: 1,
	}.Execute(t.device)
	if err != nil {
		return failed(op+t.name, err)
	}
	properties, err := family.CapabilityData.Data.TPMProperties()
	const family20 = 0x322e3000 // "2.0" and a zero byte
	if err != nil || len(properties.TPMProperty) != 1 || properties.TPMProperty[0].Value != family20 {
		return &Error{Op: op + t.name, Found: "another family", Expected: "a TPM 2.0", Err: err}
	}
	answer, err := tpm2.GetCapability{Capability: tpm2.TPMCapPCRs, PropertyCount: 1}.Execute(t.device)
	if err != nil {
		return failed(op+t.name, err)
	}
	assigned, err := answer.CapabilityData.Data.AssignedPCR()
	if err != nil {
		return failed(op+t.name, err)
	}
	for _, bank := range byStrength {
		for _, s := range assigned.PCRSelections {
			if tpm.Algorithm(s.Hash) == bank && slices.ContainsFunc(s.PCRSelect, func(octet byte) bool { return octet != 0 }) {
				t.banks = append(t.banks, bank)
			}
		}
	}
	if len(t.banks) == 0 {
		return &Error{Op: op + t.name, Found: "no active bank of PCRs", Expected: "one of SHA-1, SHA-256, SHA-384 and SHA-512", Hint: "the firmware's settings choose the banks"}
	}
	return nil
}

// byStrength are the banks that are known here.
var byStrength = []tpm.Algorithm{tpm.SHA512, tpm.SHA384, tpm.SHA256, tpm.SHA1}
