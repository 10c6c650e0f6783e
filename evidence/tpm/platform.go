package tpm

import (
	"crypto"
	"fmt"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// platform is an attestation object of the protocol, not trusted: what a TPM says
// at one moment, and the logs that explain it.
type platform struct {
	path string
	// certificate is the AIK's in DER, nil without one; key is aik_pub.
	certificate []byte
	key         crypto.PublicKey

	quote     []byte
	signature *Signature
	banks     []Bank
	logs      []*eventlog.Log
	logPaths  []string
}

// readAIK reads aik_cert and aik_pub, at least one of which must be there.
func (p *platform) readAIK(o object) error {
	var err error
	if p.certificate, err = o.data("aik_cert", maxCertificate); err != nil {
		return err
	}
	if p.key, _, err = readJWK(o, "aik_pub"); err != nil {
		return err
	}
	if p.certificate == nil && p.key == nil {
		return o.missing("aik_pub", "the AIK's public key, or its certificate in aik_cert")
	}
	return nil
}

// readJWK reads a public key and returns its text as it was sent; nil if it is
// absent.
func readJWK(o object, name string) (key crypto.PublicKey, text []byte, err error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil, nil
	}
	if key, err = ParseJWK(raw); err != nil {
		return nil, nil, inRequest(err, o.pathOf(name))
	}
	return key, raw, nil
}

// addLog reads a log of the kind that the request says it is.
func (p *platform) addLog(path, kind string, raw []byte) error {
	log, err := eventlog.Parse(raw)
	if err != nil {
		return fromLog(path, evidence.StageParse, err)
	}
	isIMA := log.Format == eventlog.FormatIMABinary || log.Format == eventlog.FormatIMAASCII
	if isIMA != (kind == logIMA) || log.Format == eventlog.FormatCCEL {
		return jsonError(path, evidence.CodeMismatch, fmt.Sprintf("a log that is %s", log.Format), "one of type "+kind)
	}
	p.logs, p.logPaths = append(p.logs, log), append(p.logPaths, path)
	return nil
}

// The types of logs.
const (
	logTCG = "TCG"
	logIMA = "IMA"
)

// inRequest adds to a structure's error where in the request it stands.
func inRequest(err error, path string) error {
	if e, ok := err.(*evidence.Error); ok { //nolint:errorlint // it is ours and was not wrapped
		placed := *e
		placed.Part = path + ": " + e.Part
		return &placed
	}
	return err
}

// fromLogs makes a refusal of what is wrong with one of the logs, or with all.
func (p *platform) fromLogs(err error) error {
	e, ok := err.(*eventlog.Error) //nolint:errorlint // it is never wrapped
	switch {
	case ok && e.Log > 0 && e.Log <= len(p.logPaths):
		one := *e
		one.Log = 0
		return fromLog(p.logPaths[e.Log-1], StageLog, &one)
	case len(p.logPaths) == 1:
		return fromLog(p.logPaths[0], StageLog, err)
	}
	return fromLog(p.path+": logs", StageLog, err)
}

// fromLog makes a refusal of what is wrong with a log.
func fromLog(path string, stage evidence.Stage, err error) error {
	e, ok := err.(*eventlog.Error) //nolint:errorlint // it is never wrapped
	if !ok {
		return err
	}
	part := path
	if e.Event > 0 {
		part += fmt.Sprintf(": event %d", e.Event)
	}
	if e.Part != "" {
		part += ": " + e.Part
	}
	offset := e.Offset
	if e.Event == 0 && offset == 0 {
		offset = -1 // it is about the whole
	}
	return &evidence.Error{
		Stage: stage, Code: evidence.Code(e.Code), Part: part, Offset: offset, Found: e.Found, Expected: e.Expected,
	}
}
