package eventlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

// IMA is an entry of Linux IMA's log: a file that was read or run, or a buffer
// that the kernel measured.
type IMA struct {
	// Template names the fields that the entry has: "ima", "ima-ng", "ima-sig",
	// "ima-buf", …
	Template string
	// Algorithm is the hash of FileDigest as the kernel names it, "sha256"; "sha1"
	// for template "ima". Kind is "ima" or "verity" in the templates that say
	// (ima-ngv2, ima-sigv2), else empty.
	Algorithm, Kind string
	FileDigest      []byte
	// Name is the file's path, or what a buffer is called.
	Name string
	// Signature is the file's (ima-sig), Buffer what was measured (ima-buf).
	Signature, Buffer []byte
	// IsViolation says that the kernel could not say what was read. The entry was
	// extended as all ones, so that nothing about it is proven.
	IsViolation bool
}

const (
	imaHash = 20  // of the template's data, always SHA-1
	imaName = 256 // of a name in template "ima", padded
	// imaTemplate bounds the name of a template, whose longest is below 16.
	imaTemplate = 32
)

// looksLikeIMABinary wants a PCR and then, behind a hash, a known template's name.
func looksLikeIMABinary(raw []byte) bool {
	const at = 4 + imaHash
	if len(raw) < at+4 || binary.LittleEndian.Uint32(raw) > maxPCR {
		return false
	}
	n := binary.LittleEndian.Uint32(raw[at:])
	if n == 0 || n > imaTemplate || len(raw) < at+4+int(n) {
		return false
	}
	return isIMATemplate(string(raw[at+4 : at+4+int(n)]))
}

func looksLikeIMAASCII(raw []byte) bool {
	pcr, rest, ok := bytes.Cut(raw[:min(len(raw), 128)], []byte(" "))
	if !ok || len(bytes.TrimLeft(pcr, " 0123456789")) > 0 {
		return false
	}
	rest = bytes.TrimLeft(rest, " 0123456789")
	_, rest, ok = bytes.Cut(rest, []byte(" "))
	name, _, _ := bytes.Cut(rest, []byte(" "))
	return ok && isIMATemplate(string(name))
}

func isIMATemplate(name string) bool { return name == "ima" || imaFields(name) != nil }

// imaFields gives the fields of a template that has them with their lengths.
func imaFields(template string) []string {
	switch template {
	case "ima-ng":
		return []string{"d-ng", "n-ng"}
	case "ima-ngv2":
		return []string{"d-ngv2", "n-ng"}
	case "ima-sig":
		return []string{"d-ng", "n-ng", "sig"}
	case "ima-sigv2":
		return []string{"d-ngv2", "n-ng", "sig"}
	case "ima-buf":
		return []string{"d-ng", "n-ng", "buf"}
	case "ima-modsig":
		return []string{"d-ng", "n-ng", "sig", "d-modsig", "modsig"}
	case "evm-sig":
		return []string{"d-ng", "n-ng", "evmsig", "xattrnames", "xattrlengths", "xattrvalues", "iuid", "igid", "imode"}
	default:
		return nil
	}
}

func (l *Log) parseIMABinary(raw []byte) error {
	l.Banks = []Bank{SHA1}
	r := &reader{rest: raw}
	for len(r.rest) > 0 {
		r.event++
		if r.event > maxEvents {
			return r.fail(CodeTooLarge, "log", "more entries", fmt.Sprintf("at most %d", maxEvents))
		}
		e, err := imaEvent(r)
		if err != nil {
			return err
		}
		l.Events = append(l.Events, e)
	}
	return nil
}

func imaEvent(r *reader) (Event, error) {
	e := Event{Number: r.event, Offset: r.offset, Type: IMAMeasurement}
	pcr, err := r.u32("PCR")
	if err != nil {
		return e, err
	}
	if pcr > maxPCR {
		return e, r.fail(CodeMalformed, "PCR", fmt.Sprintf("%d", pcr), fmt.Sprintf("at most %d", maxPCR))
	}
	e.PCR = int(pcr)
	hash, err := r.take(imaHash, "template hash")
	if err != nil {
		return e, err
	}
	n, err := r.u32("template name length")
	if err != nil {
		return e, err
	}
	name, err := r.within(uint64(n), imaTemplate, "template name")
	if err != nil {
		return e, err
	}
	if e.Data, err = imaData(r, string(name)); err != nil {
		return e, err
	}
	return e, e.setIMA(r, string(name), hash)
}

// imaData reads the data of a template as it was hashed.
func imaData(r *reader, template string) ([]byte, error) {
	if template != "ima" {
		n, err := r.u32("template data length")
		if err != nil {
			return nil, err
		}
		return r.within(uint64(n), maxData, "template data")
	}
	digest, err := r.take(imaHash, "d")
	if err != nil {
		return nil, err
	}
	n, err := r.u32("n: length")
	if err != nil {
		return nil, err
	}
	name, err := r.within(uint64(n), imaName-1, "n")
	if err != nil {
		return nil, err
	}
	// The template's name is not hashed: an entry of another template with as many
	// bytes has its lengths here.
	if bytes.IndexByte(name, 0) >= 0 {
		return nil, r.fail(CodeMalformed, "n", "a zero in a name", "a path")
	}
	return imaPadded(digest, name), nil
}

// imaPadded makes the data of template "ima", whose names were hashed as arrays.
func imaPadded(digest, name []byte) []byte {
	data := make([]byte, imaHash+imaName)
	copy(data, digest)
	copy(data[imaHash:], name)
	return data
}

// setIMA fills in an entry whose data is there.
func (e *Event) setIMA(r *reader, template string, hash []byte) error {
	m := &IMA{Template: template}
	e.ima = m
	e.Digests = []Digest{{Bank: SHA1, Value: hash}}
	m.IsViolation = len(bytes.Trim(hash, "\x00")) == 0
	at := &reader{rest: e.Data, offset: e.Offset, event: r.event}
	if template == "ima" {
		m.Algorithm, m.FileDigest = "sha1", e.Data[:imaHash]
		m.Name, _, _ = strings.Cut(string(e.Data[imaHash:]), "\x00")
		return nil
	}
	fields := imaFields(template)
	if fields == nil {
		return at.fail(CodeUnsupported, "template name", fmt.Sprintf("%q", template), "a template of Linux (ima, ima-ng, ima-sig, ima-buf, …)")
	}
	for _, field := range fields {
		n, err := at.u32(field + ": length")
		if err != nil {
			return err
		}
		value, err := at.take(uint64(n), field)
		if err != nil {
			return err
		}
		if err := m.set(at, field, value); err != nil {
			return err
		}
	}
	if m.isBuffer(m.Signature) {
		return at.fail(CodeMismatch, "sig", "a buffer that is called a signature", "template ima-buf")
	}
	return at.end("template data")
}

// isBuffer says whether an entry is about these bytes themselves, as those of template
// ima-buf are: the digest is theirs. By its template's name alone, which is not
// hashed, the signature of a file could pose as a buffer, and a buffer hide as one.
func (m *IMA) isBuffer(data []byte) bool {
	bank, ok := map[string]Bank{"sha1": SHA1, "sha256": SHA256, "sha384": SHA384, "sha512": SHA512}[m.Algorithm]
	return ok && len(data) > 0 && bank.isSum(m.FileDigest, data)
}

func (m *IMA) set(r *reader, field string, value []byte) error {
	switch field {
	case "d-ng", "d-ngv2":
		// "sha256:" and a zero, or "verity:sha256:" and a zero, then the digest.
		// The oldest kernels left "sha1:" away.
		head, digest, ok := bytes.Cut(value, []byte(":\x00"))
		if !ok {
			return r.fail(CodeMalformed, field, fmt.Sprintf("%d bytes", len(value)), "an algorithm, a colon, a zero and a digest")
		}
		kind, alg, ok := strings.Cut(string(head), ":")
		if !ok {
			kind, alg = "", kind
		}
		m.Kind, m.Algorithm, m.FileDigest = kind, alg, digest
	case "n-ng":
		name, ok := bytes.CutSuffix(value, []byte("\x00"))
		if !ok || bytes.IndexByte(name, 0) >= 0 {
			return r.fail(CodeMalformed, field, fmt.Sprintf("%q", value[:min(len(value), maxText)]), "a name and one zero")
		}
		m.Name = string(name)
	case "sig":
		m.Signature = value
	case "buf":
		m.Buffer = value
	}
	return nil
}
