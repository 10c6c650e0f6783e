package relyingparty_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/relyingparty"
	"github.com/azattest/azattest/simulator"
)

// Before a relying party trusts a key that the service publishes, it looks whether
// an enclave holds it, and whose. The enclave here is simulated; for the real
// service leave Roots nil, and compare MRSIGNER with the one that its operator
// announces.
func ExampleVerifySigningCertificate() {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	platform, err := simulator.New(simulator.Config{Now: at})
	if err != nil {
		log.Fatal(err)
	}
	signer := [32]byte{0x51, 0x9e}
	published := simulatedSigningCertificate(platform, simulator.Report{MRSIGNER: signer, ISVProdID: 1, ISVSVN: 2})
	endorsements, err := platform.Collateral(simulator.CollateralOptions{})
	if err != nil {
		log.Fatal(err)
	}

	result, err := relyingparty.VerifySigningCertificate(context.Background(), published, relyingparty.SigningCertificateOptions{
		Roots:      []dcap.Root{platform.Root()},
		Collateral: endorsements,
		At:         at,
		Identity: func(id *relyingparty.Identity) error {
			if id.MRSIGNER != signer || id.ProductID != 1 || id.SVN < 2 || id.Debug {
				return fmt.Errorf("not the service's enclave: %x", id.MRENCLAVE)
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err) // nobody vouches for the key, and err says why
	}
	fmt.Println("TCB:", result.TCB.Status)
	fmt.Println("SVN:", result.Identity.SVN)

	_, err = relyingparty.VerifySigningCertificate(context.Background(), published, relyingparty.SigningCertificateOptions{
		Roots: []dcap.Root{platform.Root()}, At: at, KeyID: "another-key",
		Identity: func(*relyingparty.Identity) error { return nil },
	})
	fmt.Println("under another kid it is accepted:", err == nil)
	// Output:
	// TCB: UpToDate
	// SVN: 2
	// under another kid it is accepted: false
}

// simulatedSigningCertificate does what the service's enclave does: it makes a
// key, has its platform report the key's hash, and puts the report into the key's
// certificate.
func simulatedSigningCertificate(platform *simulator.Platform, report simulator.Report) *x509.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		log.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	report.ReportData = simulator.Bind(append(text, 0))
	raw, err := platform.OpenEnclaveReport(report)
	if err != nil {
		log.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "https://attest.example"},
		NotBefore: platform.Now(), NotAfter: platform.Now().AddDate(1, 0, 0),
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}, Value: raw}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return cert
}
