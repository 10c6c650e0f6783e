package dcap

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
)

// The names in a certificate are the sender's own: an error must not let them
// forge lines of a log, or fill it.
func TestNamesOfCertificatesAreTamedInErrors(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Intel SGX PCK Certificate":  "certificate Intel SGX PCK Certificate",
		"x\nlevel=INFO token issued": `certificate "x\nlevel=INFO token issued"`,
		"\x1b[2J":                    `certificate "\x1b[2J"`,
		strings.Repeat("a", 1<<16):   "certificate " + strings.Repeat("a", 128) + "…",
	} {
		if got := certificatePart(&x509.Certificate{Subject: pkix.Name{CommonName: name}}); got != want {
			t.Errorf("%.40q is named %.60q, want %.60q", name, got, want)
		}
	}
}
