package collateral

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// day0 is when the collateral of most tests is issued.
var day0 = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Platforms of the tests.
var (
	sgxProcessor = dcap.Platform{TEE: dcap.SGX, FMSPC: dcap.FMSPC{0x00, 0x90, 0x6e, 0xd5, 0, 0}, CA: dcap.ProcessorCA}
	sgxPlatform  = dcap.Platform{TEE: dcap.SGX, FMSPC: dcap.FMSPC{0x00, 0x60, 0x6a, 0, 0, 0}, CA: dcap.PlatformCA}
	tdxPlatform  = dcap.Platform{TEE: dcap.TDX, FMSPC: dcap.FMSPC{0x00, 0x60, 0x6a, 0, 0, 0}, CA: dcap.PlatformCA}
)

// recipe says what synthetic collateral looks like. It has the form of Intel's
// and carries no signature that holds.
type recipe struct {
	platform dcap.Platform
	number   int // 0: 17
	version  int // 0: 3
	issued   time.Time
	life     time.Duration // 0: 30 days
	revoked  int           // serials in the PCK CRL
}

func (r recipe) parts() dcap.CollateralParts {
	if r.number == 0 {
		r.number = 17
	}
	if r.version == 0 {
		r.version = 3
	}
	if r.issued.IsZero() {
		r.issued = day0
	}
	if r.life == 0 {
		r.life = days(30)
	}
	p := pki()
	ca := p.processor
	if r.platform.CA == dcap.PlatformCA {
		ca = p.platform
	}
	signing := chainPEM(p.signing, p.root)
	return dcap.CollateralParts{
		TCBInfo:               r.tcbInfo(),
		TCBInfoIssuerChain:    signing,
		QEIdentity:            r.qeIdentity(),
		QEIdentityIssuerChain: signing,
		PCKCRL:                crl(ca, r.issued, r.issued.Add(r.life), r.revoked),
		PCKCRLIssuerChain:     chainPEM(ca, p.root),
		RootCACRL:             crl(p.root, day0.Add(-days(90)), day0.Add(days(275)), 0),
	}
}

func (r recipe) collateral() *dcap.Collateral { return dcap.NewCollateral(r.parts()) }

const noSignature = "00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"

func (r recipe) dates() string {
	const layout = `"issueDate":"2006-01-02T15:04:05Z"`
	return r.issued.UTC().Format(layout) + "," + strings.Replace(r.issued.Add(r.life).UTC().Format(layout), "issueDate", "nextUpdate", 1)
}

func (r recipe) tcbInfo() []byte {
	id, tcb := "", ""
	if r.version == 3 {
		id = fmt.Sprintf(`"id":%q,`, r.platform.TEE)
		tcb = `"sgxtcbcomponents":[` + strings.TrimSuffix(strings.Repeat(`{"svn":1},`, 16), ",") + `],"pcesvn":11`
	} else {
		for i := range 16 {
			tcb += fmt.Sprintf(`"sgxtcbcomp%02dsvn":1,`, i+1)
		}
		tcb += `"pcesvn":11`
	}
	return fmt.Appendf(nil,
		`{"tcbInfo":{%s"version":%d,%s,"fmspc":"%s","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":%d,"tcbLevels":[{"tcb":{%s},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"UpToDate"}]},"signature":"%s"}`,
		id, r.version, r.dates(), strings.ToUpper(r.platform.FMSPC.String()), r.number, tcb, noSignature)
}

func (r recipe) qeIdentity() []byte {
	return fmt.Appendf(nil,
		`{"enclaveIdentity":{"id":%q,"version":2,%s,"tcbEvaluationDataNumber":%d,"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"11000000000000000000000000000000","attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","mrsigner":"%s","isvprodid":1,"tcbLevels":[{"tcb":{"isvsvn":8},"tcbDate":"2024-03-13T00:00:00Z","tcbStatus":"UpToDate"}]},"signature":"%s"}`,
		qeIdentityIDs[r.platform.TEE], r.dates(), r.number, strings.Repeat("8C", 32), noSignature)
}

// authority is a certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

type authorities struct{ root, processor, platform, signing authority }

// pki is made once: nothing of it is trusted anywhere.
var pki = sync.OnceValue(func() authorities {
	root := certify("Intel SGX Root CA", authority{}, true)
	return authorities{
		root:      root,
		processor: certify("Intel SGX PCK Processor CA", root, true),
		platform:  certify("Intel SGX PCK Platform CA", root, true),
		signing:   certify("Intel SGX TCB Signing", root, false),
	}
})

func certify(name string, issuer authority, isCA bool) authority {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: day0.Add(-days(2000)), NotAfter: day0.Add(days(2000)),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, IsCA: isCA, BasicConstraintsValid: true,
		SubjectKeyId: []byte(name),
	}
	if issuer.key == nil {
		issuer = authority{cert: template, key: key}
	}
	der := must(x509.CreateCertificate(rand.Reader, template, issuer.cert, key.Public(), issuer.key))
	return authority{cert: must(x509.ParseCertificate(der)), key: key}
}

func chainPEM(chain ...authority) []byte {
	var text []byte
	for _, a := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})...)
	}
	return text
}

func crl(issuer authority, from, until time.Time, revoked int) []byte {
	template := &x509.RevocationList{Number: big.NewInt(from.Unix()), ThisUpdate: from, NextUpdate: until}
	for i := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(int64(i) + 1), RevocationTime: from})
	}
	return must(x509.CreateRevocationList(rand.Reader, template, issuer.cert, issuer.key))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
