package dcap

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
)

// signedDocument is a JSON answer of Intel's provisioning service: one member
// with the document, one with the signature over the document's bytes exactly
// as they stand there.
type signedDocument struct {
	body      []byte
	signature [signatureSize]byte
}

// splitSigned takes {"<member>":{…},"signature":"<128 hex digits>"} apart.
func splitSigned(part string, raw []byte, limit int, members ...string) (signedDocument, string, error) {
	refuse := func(code evidence.Code, found, expected string, err error) (signedDocument, string, error) {
		return signedDocument{}, "", documentError(code, part, found, expected, err)
	}
	if len(raw) == 0 {
		return refuse(evidence.CodeMissing, "none", "the document", nil)
	}
	if len(raw) > limit {
		return refuse(evidence.CodeTooLarge, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("at most %d", limit), nil)
	}
	var outer map[string]json.RawMessage
	if err := json.Unmarshal(raw, &outer); err != nil {
		return refuse(evidence.CodeMalformed, "", "", err)
	}
	var doc signedDocument
	var member string
	for _, name := range members {
		if body, ok := outer[name]; ok {
			doc.body, member = body, name
		}
	}
	if member == "" {
		return refuse(evidence.CodeMissing, "none", fmt.Sprintf("member %q", members[0]), nil)
	}
	if len(outer) != 2 {
		return refuse(evidence.CodeMalformed, fmt.Sprintf("%d members", len(outer)), fmt.Sprintf("%q and %q", member, "signature"), nil)
	}
	var text string
	if err := json.Unmarshal(outer["signature"], &text); err != nil {
		return refuse(evidence.CodeMissing, "no signature", fmt.Sprintf("%d hexadecimal digits", 2*signatureSize), err)
	}
	signature, err := hex.DecodeString(text)
	if err != nil || len(signature) != signatureSize {
		return refuse(evidence.CodeMalformed, fmt.Sprintf("a signature of %d characters", len(text)),
			fmt.Sprintf("%d hexadecimal digits", 2*signatureSize), err)
	}
	copy(doc.signature[:], signature)
	return doc, member, nil
}

// verify checks the signature over the raw bytes.
func (d signedDocument) verify(part string, key *ecdsa.PublicKey) error {
	digest := sha256.Sum256(d.body)
	if verifyRaw(key, digest[:], d.signature[:]) {
		return nil
	}
	return &evidence.Error{
		Stage: evidence.StageCollateral, Code: evidence.CodeBadSignature, Part: part, Offset: -1,
		Found: "the signature does not hold", Expected: "one over the bytes of the document by " + tcbSigningName,
	}
}

// decode reads the document strictly: a number out of range or of another type
// is an error of encoding/json.
func (d signedDocument) decode(part string, into any) error {
	err := json.Unmarshal(d.body, into)
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return documentError(evidence.CodeMalformed, part+": "+e.Field, e.Value, e.Type.String(), nil)
	}
	if err != nil {
		return documentError(evidence.CodeMalformed, part, "", "", err)
	}
	return nil
}

func documentError(code evidence.Code, part, found, expected string, err error) error {
	return &evidence.Error{
		Stage: evidence.StageCollateral, Code: code, Part: part, Offset: -1, Found: found, Expected: expected, Err: err,
	}
}

// verifyIssuerChain checks a TCB signing chain and returns its leaf.
func verifyIssuerChain(part string, pemText []byte, root Root) (*x509.Certificate, error) {
	if len(pemText) == 0 {
		return nil, documentError(evidence.CodeMissing, part+" issuer chain", "none", "the TCB signing certificate", nil)
	}
	signer, err := findSigner(pemText, root)
	if err != nil {
		return nil, atStage(evidence.StageCollateral, part+" issuer chain", err)
	}
	return signer, nil
}

func findSigner(pemText []byte, root Root) (*x509.Certificate, error) {
	certs, err := ParseCertificates(pemText)
	if err != nil {
		return nil, err
	}
	for _, c := range certs {
		if isSelfIssued(c) {
			continue
		}
		if _, err := anchor(certs, c, []Root{root}); err != nil {
			return nil, err
		}
		return c, checkEndEntity(c, tcbSigningName)
	}
	return nil, missing("no signing certificate among "+names(certs), tcbSigningName)
}

// atStage says that what failed was a step of another stage: chains and lists
// are read alike wherever they come from.
func atStage(stage evidence.Stage, part string, err error) error {
	e, ok := errors.AsType[*evidence.Error](err)
	if !ok {
		return err
	}
	moved := *e
	moved.Stage, moved.Part = stage, part+": "+e.Part
	return &moved
}

// parseDate reads the dates of Intel's documents: RFC 3339 in UTC.
func parseDate(part, member, text string) (time.Time, error) {
	t, err := time.Parse("2006-01-02T15:04:05Z", text)
	if err != nil {
		return time.Time{}, documentError(evidence.CodeMalformed, part, fmt.Sprintf("%s %q", member, text), "a time like 2026-01-31T12:00:00Z", err)
	}
	return t, nil
}

// hexField decodes a member of exactly len(dst) bytes.
func hexField(part, member, text string, dst []byte) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return documentError(evidence.CodeMalformed, part, fmt.Sprintf("%s %q", member, text), fmt.Sprintf("%d hexadecimal digits", hex.EncodedLen(len(dst))), nil)
	}
	if _, err := hex.Decode(dst, []byte(text)); err != nil {
		return documentError(evidence.CodeMalformed, part, fmt.Sprintf("%s %q", member, text), "hexadecimal digits", err)
	}
	return nil
}

// absent names the first member that is missing.
func absent(part string, members ...member) error {
	for _, m := range members {
		if !m.present {
			return documentError(evidence.CodeMissing, part, "no member "+m.name, "", nil)
		}
	}
	return nil
}

type member struct {
	name    string
	present bool
}
