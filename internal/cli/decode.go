package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// decodeEvidence undoes the text forms in which evidence travels. Evidence
// itself is never text: each format has bytes outside ASCII, or zero ones, among
// its first.
func decodeEvidence(input []byte) ([]byte, error) {
	if !isText(input) {
		return input, nil
	}
	if bytes.Contains(input, []byte("-----BEGIN ")) {
		return decodePEM(input)
	}
	text := strings.Join(strings.Fields(string(input)), "")
	if raw, err := hex.DecodeString(strings.TrimPrefix(text, "0x")); err == nil {
		return raw, nil
	}
	standard := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.Strict().DecodeString(standard)
	if err != nil {
		e := textError(fmt.Sprintf("%q…", text[:min(len(text), 16)]), "bytes, or their hexadecimal, base64, base64url or PEM form")
		e.Err = err
		return nil, e
	}
	return raw, nil
}

// decodePEM returns the DER of the one certificate in the text.
func decodePEM(text []byte) ([]byte, error) {
	certs, err := dcap.ParseCertificates(text)
	if err != nil {
		return nil, err
	}
	if len(certs) != 1 {
		return nil, textError(fmt.Sprintf("%d certificates", len(certs)), "one, the attested certificate")
	}
	return certs[0].Raw, nil
}

// isText reports whether there is nothing but printable ASCII and white space.
func isText(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > '~') && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return len(b) > 0
}

func textError(found, expected string) *evidence.Error {
	return &evidence.Error{
		Stage: evidence.StageParse, Code: evidence.CodeMalformed, Part: "evidence as text", Offset: -1, Found: found, Expected: expected,
	}
}
