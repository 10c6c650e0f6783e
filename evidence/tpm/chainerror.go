package tpm

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence"
)

type pkixExtension = pkix.Extension

// explain says why crypto/x509 found no chain.
func explain(leaf *x509.Certificate, err error, at time.Time) error {
	e := chainError(evidence.CodeUntrustedRoot, leaf, "", "a chain to a root that the operator trusts")
	e.Err = err
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		e.Expected = ""
		switch {
		case invalid.Reason != x509.Expired:
			e.Code = evidence.CodeMalformed
		case invalid.Cert != nil && at.Before(invalid.Cert.NotBefore):
			e.Code = evidence.CodeNotYetValid
		default:
			e.Code = evidence.CodeExpired
		}
	}
	if _, ok := errors.AsType[x509.UnhandledCriticalExtension](err); ok {
		e.Code, e.Expected = evidence.CodeUnsupported, "no critical extension that is unknown"
	}
	return e
}

// chainError names the certificate by subject or, where that is empty, as an AIK's
// and an EK's are, by issuer. Both are the sender's: they are cut and quoted.
func chainError(code evidence.Code, c *x509.Certificate, found, expected string) *evidence.Error {
	part := "certificate by " + clip(c.Issuer.String())
	if name := c.Subject.String(); name != "" {
		part = "certificate " + clip(name)
	}
	return refuse(evidence.StageChain, code, part, found, expected)
}

func clip(text string) string {
	const most = 128
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return strconv.Quote(text)
}
