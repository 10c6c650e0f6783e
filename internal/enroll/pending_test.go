package enroll

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence/tpm"
)

// FuzzParsePending checks that what is read is written again as it was.
func FuzzParsePending(f *testing.F) {
	p := pending{aikName: append(tpm.Name{0, 0x0b}, make([]byte, 32)...), directoryName: []byte{0x30, 0}}
	f.Add(p.bytes())
	f.Add(make([]byte, 65))
	f.Add(append(make([]byte, 64), 1, 2, 3))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parsePending(raw)
		if err != nil {
			return
		}
		if len(p.aikName) == 0 || len(p.directoryName) == 0 {
			t.Fatal("accepted without a name")
		}
		if again := p.bytes(); !bytes.Equal(again, raw) {
			t.Fatalf("%x, written again %x", raw, again)
		}
	})
}

// FuzzDirectoryName checks that whatever an EK's certificate calls a TPM, the name
// in ours is one directory name, of a bounded size, which says the same.
func FuzzDirectoryName(f *testing.F) {
	with := func(san []byte) *x509.Certificate {
		return &x509.Certificate{Extensions: []pkix.Extension{{Id: oidSubjectAltName, Value: san}}}
	}
	good, err := directoryName(nil, "soft")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{0x30, 0x15, 0xa4, 0x13, 0x30, 0x11, 0x31, 0x0f, 0x30, 0x0d, 0x06, 0x05, 0x67, 0x81, 0x05, 0x02, 0x01, 0x0c, 0x04, 'i', 'd', ':', '1'})
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, san []byte) {
		der, err := directoryName(with(san), "other")
		if err != nil || len(der) > 600 {
			t.Fatalf("%d bytes, %v", len(der), err)
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(der, &names); err != nil || len(rest) > 0 || len(names) != 1 || names[0].Tag != tagDirectoryName || names[0].Class != asn1.ClassContextSpecific {
			t.Fatalf("%x: %v", der, err)
		}
		again, err := directoryName(with(der), "other")
		if diff := cmp.Diff(der, again); err != nil || diff != "" {
			t.Fatalf("%v (-made +made of it):\n%s", err, diff)
		}
	})
}
