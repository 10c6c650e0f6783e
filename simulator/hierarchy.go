package simulator

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"

	"github.com/azattest/azattest/evidence/dcap"
)

// Common names of Intel's certificate profile, by which verifiers know what a
// certificate is for. Only the root's is our own.
const (
	platformCAName  = "Intel SGX PCK Platform CA"
	processorCAName = "Intel SGX PCK Processor CA"
	pckName         = "Intel SGX PCK Certificate"
	tcbSigningName  = "Intel SGX TCB Signing"
	// organization marks every certificate for whoever looks at one.
	organization = "SIMULATED by azattest, not Intel Corporation"
	// crlAddress stands where Intel's certificates say where their list is. The
	// domain .invalid is reserved (RFC 2606): nobody can answer there.
	crlAddress = "https://azattest-simulated.invalid/crl.der"
)

// hierarchy is a set of certificates that has been issued.
type hierarchy struct {
	root, ca, pck, tcbSigner *certificate
}

type certificate struct {
	der    []byte
	serial *big.Int
}

// hierarchyDraft is a set of certificates before it is issued: the place where
// faults change them.
type hierarchyDraft struct {
	keys                     *keys
	root, ca, pck, tcbSigner certificateDraft
}

type certificateDraft struct {
	serial          *big.Int
	subject, issuer string // common names
	// key is the subject's; issuerKey is the key of the issuer that the
	// certificate names, signer the one that really signs.
	key, issuerKey *ecdsa.PublicKey
	signer         *ecdsa.PrivateKey
	valid          window
	isCA           bool
	// pathLength is that of a CA.
	pathLength int
	usage      x509.KeyUsage
	// extension is the SGX extension, nil for none.
	extension []byte
}

// caName is the common name of a kind of CA.
func caName(ca dcap.CA) string {
	if ca == dcap.ProcessorCA {
		return processorCAName
	}
	return platformCAName
}

func (k *keys) ca(ca dcap.CA) *ecdsa.PrivateKey {
	if ca == dcap.ProcessorCA {
		return k.processorCA
	}
	return k.platformCA
}

// issue makes the certificates, spoiled by change if that is not nil.
func (p *Platform) issue(change func(*hierarchyDraft)) (*hierarchy, error) {
	const (
		forCA     = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		forEntity = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	)
	k, c := p.keys, p.config
	extension, err := sgxExtension(c, p.ids)
	if err != nil {
		return nil, err
	}
	ca, valid := k.ca(c.CA), c.certificates()
	d := &hierarchyDraft{
		keys: k,
		root: certificateDraft{
			serial: p.ids.rootSerial, subject: RootName, issuer: RootName, key: &k.root.PublicKey, issuerKey: &k.root.PublicKey,
			signer: k.root, valid: valid, isCA: true, pathLength: 1, usage: forCA,
		},
		ca: certificateDraft{
			serial: p.ids.caSerial, subject: caName(c.CA), issuer: RootName, key: &ca.PublicKey, issuerKey: &k.root.PublicKey,
			signer: k.root, valid: valid, isCA: true, usage: forCA,
		},
		pck: certificateDraft{
			serial: p.ids.pckSerial, subject: pckName, issuer: caName(c.CA), key: &k.pck.PublicKey, issuerKey: &ca.PublicKey,
			signer: ca, valid: valid, usage: forEntity, extension: extension,
		},
		tcbSigner: certificateDraft{
			serial: p.ids.tcbSignerSerial, subject: tcbSigningName, issuer: RootName, key: &k.tcbSigning.PublicKey, issuerKey: &k.root.PublicKey,
			signer: k.root, valid: valid, usage: forEntity,
		},
	}
	if change != nil {
		change(d)
	}
	h := new(hierarchy)
	for _, f := range []struct {
		dst   **certificate
		draft *certificateDraft
	}{{&h.root, &d.root}, {&h.ca, &d.ca}, {&h.pck, &d.pck}, {&h.tcbSigner, &d.tcbSigner}} {
		if *f.dst, err = f.draft.issue(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (d *certificateDraft) issue() (*certificate, error) {
	subject, err := distinguishedName(d.subject)
	if err != nil {
		return nil, err
	}
	issuer, err := distinguishedName(d.issuer)
	if err != nil {
		return nil, err
	}
	id, err := keyID(d.key)
	if err != nil {
		return nil, err
	}
	issuerID, err := keyID(d.issuerKey)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SignatureAlgorithm: x509.ECDSAWithSHA256, SerialNumber: d.serial, RawSubject: subject,
		NotBefore: d.valid.from, NotAfter: d.valid.to, KeyUsage: d.usage, SubjectKeyId: id, AuthorityKeyId: issuerID,
		BasicConstraintsValid: true, IsCA: d.isCA, MaxPathLen: d.pathLength, MaxPathLenZero: d.isCA && d.pathLength == 0,
		CRLDistributionPoints: []string{crlAddress},
	}
	if !d.isCA {
		template.MaxPathLen = -1
	}
	if d.extension != nil {
		template.ExtraExtensions = []pkix.Extension{{Id: sgxExtensionID, Value: d.extension}}
	}
	// The issuer is only a name and a key ID here, so that a draft can be signed
	// by a key that is not the issuer's. No source of randomness makes the
	// signature deterministic.
	parent := &x509.Certificate{RawSubject: issuer, SubjectKeyId: issuerID}
	der, err := x509.CreateCertificate(nil, template, parent, d.key, d.signer)
	if err != nil {
		return nil, fmt.Errorf("simulator: issuing the certificate %q: %w", d.subject, err)
	}
	return &certificate{der: der, serial: d.serial}, nil
}

// distinguishedName encodes a name with the attributes of Intel's, in their
// order.
func distinguishedName(commonName string) ([]byte, error) {
	utf8 := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)} }
	der, err := asn1.Marshal(pkix.RDNSequence{
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: utf8(commonName)}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: utf8(organization)}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 7}, Value: utf8("Nowhere")}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 8}, Value: utf8("None")}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "ZZ"}},
	})
	if err != nil {
		return nil, fmt.Errorf("simulator: encoding the name %q: %w", commonName, err)
	}
	return der, nil
}

func chainPEM(chain ...*certificate) []byte {
	var b bytes.Buffer
	for _, c := range chain {
		// Writing to a bytes.Buffer cannot fail.
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.der})
	}
	return b.Bytes()
}
