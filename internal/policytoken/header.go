package policytoken

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// parseHeader reads which algorithm the token is said to be signed with, and the
// certificates of the key.
func (t *Token) parseHeader(text string) error {
	if base64.RawURLEncoding.DecodedLen(len(text)) > maxHeader {
		return refuse(ReasonTooLarge, "header", fmt.Sprintf("%d characters, want at most %d bytes when decoded", len(text), maxHeader), nil)
	}
	raw, err := decodePart("header", text)
	if err != nil {
		return err
	}
	header, err := parseDocument(ReasonHeader, "header", raw)
	if err != nil {
		return err
	}
	if err := checkExtensions(header); err != nil {
		return err
	}
	algorithm, ok, err := header.text("alg")
	if err != nil {
		return err
	}
	if !ok || !isAlgorithm(algorithm) {
		return refuse(ReasonAlgorithm, "header: alg", fmt.Sprintf("%q, want %s", clip(algorithm), acceptedAlgorithms), nil)
	}
	t.algorithm = algorithm
	x5c, path, err := certificatesOf(header)
	if err != nil {
		return err
	}
	if x5c == nil {
		if t.IsSigned() {
			return refuse(ReasonNoCertificate, "header", "signed, but without the certificate of the key in x5c or jwk.x5c; a bare key is never trusted", nil)
		}
		return nil
	}
	if !t.IsSigned() {
		// Whoever wrote it believed it to be signed.
		return refuse(ReasonHeader, path, "certificates beside algorithm none, want neither or both of certificate and signature", nil)
	}
	t.chain, err = parseChain(ReasonCertificate, path, x5c)
	return err
}

// checkExtensions refuses headers that say that the rest must be read in another
// way than here.
func checkExtensions(header object) error {
	if _, ok := header.members["crit"]; ok {
		return refuse(ReasonHeader, "header: crit", "extensions must be understood, and none is", nil)
	}
	if b64, ok := header.members["b64"]; ok && string(b64) != "true" {
		return refuse(ReasonHeader, "header: b64", "a payload that is not encoded, want base64url", nil)
	}
	return nil
}

// certificatesOf returns the header's x5c, or that of its jwk; nil for none. Where
// both stand readers would not agree on whose token it is.
func certificatesOf(header object) (json.RawMessage, string, error) {
	x5c, isDirect := header.get("x5c")
	path := "header: x5c"
	raw, ok := header.get("jwk")
	if !ok {
		return x5c, path, nil
	}
	jwk, err := parseObject(ReasonHeader, "header: jwk", raw)
	if err != nil {
		return nil, "", err
	}
	inner, ok := jwk.get("x5c")
	switch {
	case !ok:
		return x5c, path, nil
	case isDirect:
		return nil, "", refuse(ReasonHeader, path, "stands beside jwk.x5c, want one of them", nil)
	}
	return inner, "header: jwk: x5c", nil
}

// parseChain reads an x5c: an array of certificates in DER and standard base64,
// which is not base64url (RFC 7515, section 4.1.6).
func parseChain(reason Reason, path string, raw json.RawMessage) ([]*x509.Certificate, error) {
	texts, err := parseX5C(reason, path, raw)
	if err != nil {
		return nil, err
	}
	chain := make([]*x509.Certificate, len(texts))
	for i, text := range texts {
		at := fmt.Sprintf("%s[%d]", path, i)
		if chain[i], err = parseCertificate(reason, at, text); err != nil {
			return nil, err
		}
		for _, earlier := range chain[:i] {
			if bytes.Equal(earlier.Raw, chain[i].Raw) {
				return nil, refuse(reason, at, "stands twice", nil)
			}
		}
	}
	return chain, nil
}

// parseX5C reads the texts of an x5c, at least one.
func parseX5C(reason Reason, path string, raw json.RawMessage) ([]string, error) {
	// Counted before anything is made of them; no base64 has a comma.
	if n := bytes.Count(raw, []byte(",")) + 1; n > maxChain {
		return nil, refuse(reason, path, fmt.Sprintf("%d certificates, want at most %d", n, maxChain), nil)
	}
	var texts []string
	if err := json.Unmarshal(raw, &texts); err != nil || len(texts) == 0 {
		return nil, refuse(reason, path, "want an array of certificates in base64", nil)
	}
	return texts, nil
}

func parseCertificate(reason Reason, path, text string) (*x509.Certificate, error) {
	// The library passes over line ends, which no client writes.
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || base64.StdEncoding.EncodedLen(len(der)) != len(text) {
		return nil, refuse(reason, path, "want standard base64, padded and on one line", err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, refuse(reason, path, "want an X.509 certificate in DER", err)
	}
	return certificate, nil
}
