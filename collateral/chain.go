package collateral

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/azattest/azattest/evidence/dcap"
)

// Headers in which a service sends issuer chains. Azure and older versions of
// the PCCS use the second name for that of the TCB info.
var (
	tcbInfoChainHeaders    = []string{"TCB-Info-Issuer-Chain", "SGX-TCB-Info-Issuer-Chain"}
	qeIdentityChainHeaders = []string{"SGX-Enclave-Identity-Issuer-Chain"}
	pckCRLChainHeaders     = []string{"SGX-PCK-CRL-Issuer-Chain"}
)

var errNoChain = errors.New("no issuer chain")

// issuerChain returns the PEM chain in the first of these headers that is there.
func issuerChain(h http.Header, names []string) ([]byte, error) {
	for _, name := range names {
		if value := h.Get(name); value != "" {
			chain, err := decodeChain(value)
			if err != nil {
				return nil, fmt.Errorf("header %s: %w", name, err)
			}
			return chain, nil
		}
	}
	return nil, fmt.Errorf("%w: no header %s", errNoChain, strings.Join(names, " or "))
}

// decodeChain undoes the percent encoding of a PEM chain in a header.
//
// The sign '+' makes it less simple than it looks. It is a digit of base64, and
// services encode it as %2B. Some encode the space in "BEGIN CERTIFICATE" as
// '+', as forms do; some leave the '+' of base64 alone; and some proxies turn
// that into a space. Only one reading gives certificates, so each is tried.
func decodeChain(value string) ([]byte, error) {
	if len(value) > 3*maxChain {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(value), 3*maxChain)
	}
	literal, err := url.PathUnescape(value)
	if err != nil {
		return nil, fmt.Errorf("percent encoding: %w", err)
	}
	_, err = dcap.ParseCertificates([]byte(literal))
	if err == nil {
		return []byte(literal), nil
	}
	folded := strings.NewReplacer(
		"BEGIN CERTIFICATE", "BEGIN CERTIFICATE", "END CERTIFICATE", "END CERTIFICATE", " ", "+",
	).Replace(literal)
	readings := []string{folded}
	if form, err := url.QueryUnescape(value); err == nil {
		readings = append(readings, form)
	}
	for _, reading := range readings {
		if _, otherErr := dcap.ParseCertificates([]byte(reading)); otherErr == nil {
			return []byte(reading), nil
		}
	}
	return nil, err
}
