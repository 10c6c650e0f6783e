package dcap

import (
	"errors"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/corpus"
)

// TestRevokedCertificateOfIntelsTestPKI checks a certificate that a revocation
// list of Intel's own test PKI names. No list of the production root revokes the
// PCK of a quote that is public.
func TestRevokedCertificateOfIntelsTestPKI(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		return corpus.Read(t, "evidence", "negative", "revoked-pck-inteltest-563e8e1c", name)
	}
	certs, err := ParseCertificates(read("chain.pem"))
	if err != nil {
		t.Fatal(err)
	}
	leaves, err := ParseCertificates(read("leaf.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range certs {
		if !isSelfIssued(c) {
			continue
		}
		key, err := publicKey(c)
		if err != nil {
			t.Fatal(err)
		}
		list, err := verifyCRL("root CA CRL", read("crl.der"), c.Subject.CommonName, key)
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := errors.AsType[*evidence.Error](list.check(leaves[0])); !ok || e.Code != evidence.CodeRevoked {
			t.Errorf("the list of %d does not revoke %s, serial %x", len(list.serials), leaves[0].Subject, leaves[0].SerialNumber)
		}
		return
	}
	t.Fatal("the chain has no root")
}
