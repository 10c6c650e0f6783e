package enroll

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a TPM is called in the subject alternative name of its EK's certificate (EK
// credential profile): tpmManufacturer, tpmModel and tpmVersion.
var (
	oidsTPM       = []asn1.ObjectIdentifier{{2, 23, 133, 2, 1}, {2, 23, 133, 2, 2}, {2, 23, 133, 2, 3}}
	oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}
)

// tagDirectoryName is that of GeneralName's directoryName (RFC 5280, 4.2.1.6).
const tagDirectoryName = 4

// directoryName returns a subject alternative name, DER: one directory name with
// manufacturer, model and version of the TPM as its EK's certificate says them. Where
// it says none, the name is the other one, as a common name.
func directoryName(ek *x509.Certificate, other string) ([]byte, error) {
	found := map[string]string{}
	if ek != nil {
		found = namesOf(ek)
	}
	var name pkix.RDNSequence
	add := func(oid asn1.ObjectIdentifier, text string) {
		value := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(text)}
		name = append(name, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: value}})
	}
	for _, oid := range oidsTPM {
		if text, ok := found[oid.String()]; ok {
			add(oid, text)
		}
	}
	if len(name) == 0 {
		add(oidCommonName, other)
	}
	der, err := asn1.Marshal(name)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: tagDirectoryName, IsCompound: true, Bytes: der}})
}

// namesOf reads what an EK's certificate calls the TPM. What cannot be read, or
// would not be shown, is left out: a name proves nothing here.
func namesOf(ek *x509.Certificate) map[string]string {
	found := map[string]string{}
	for _, e := range ek.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		var names []asn1.RawValue
		if _, err := asn1.Unmarshal(e.Value, &names); err != nil {
			return found
		}
		for _, n := range names {
			var sequence pkix.RDNSequence
			if n.Class != asn1.ClassContextSpecific || n.Tag != tagDirectoryName {
				continue
			}
			if rest, err := asn1.Unmarshal(n.Bytes, &sequence); err != nil || len(rest) > 0 {
				continue
			}
			for _, set := range sequence {
				for _, a := range set {
					if text, ok := a.Value.(string); ok && isName(text) {
						found[a.Type.String()] = text
					}
				}
			}
		}
	}
	return found
}

func isName(text string) bool {
	return text != "" && len(text) <= maxNameValue && utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
