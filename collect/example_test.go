package collect_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/azattest/azattest/collect"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/token"
)

// A program that wants to be attested puts the hash of its data into the
// evidence, and sends both.
func Example() {
	data := []byte("public key of the enclave")
	root := enclave(data)
	source, err := collect.Detect(collect.Config{Root: root}) // Config{} for the machine itself
	if errors.Is(err, collect.ErrNone) {
		log.Fatal("run me in an enclave: ", err)
	}
	if err != nil {
		log.Fatal(err)
	}
	var reportData [collect.ReportDataSize]byte
	sum := sha256.Sum256(data)
	copy(reportData[:], sum[:])
	evidence, err := source.Quote(context.Background(), reportData)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(source)
	fmt.Println(evidence.Kind, len(evidence.Bytes) > 1000)
	_ = os.RemoveAll(root)
	// Output:
	// Gramine (/dev/attestation)
	// SGX quote true
}

// A service that signs tokens shows with its certificate that the key lives in
// an enclave. Only SGX quotes have their place there.
func ExampleSource() {
	signer, err := token.GenerateSigner(token.ES256, 0)
	if err != nil {
		log.Fatal(err)
	}
	reportData, err := token.ReportData(signer.Public())
	if err != nil {
		log.Fatal(err)
	}
	root := enclaveFor(reportData)
	source, err := collect.Detect(collect.Config{Root: root}) // Config{} for the machine itself
	if err != nil {
		log.Fatal(err)
	}
	var report []byte
	if source.Kind() == collect.SGXQuote {
		evidence, err := source.Quote(context.Background(), reportData)
		if err != nil {
			log.Fatal(err)
		}
		report = token.OpenEnclaveReport(evidence.Bytes)
	}
	key, err := token.NewKey(token.KeyConfig{Signer: signer, Algorithm: token.ES256, Issuer: "https://contoso.example", Report: report})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("report in the certificate:", key.Report() != nil)
	_ = os.RemoveAll(root)
	// Output: report in the certificate: true
}

func ExampleDetect() {
	empty, err := os.MkdirTemp("", "machine")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(empty) }()
	_, err = collect.Detect(collect.Config{Root: empty})
	fmt.Println(errors.Is(err, collect.ErrNone))
	// Output: true
}

// enclave is a folder that looks like the root of an enclave under Gramine.
func enclave(data []byte) string { return enclaveFor(simulator.Bind(data)) }

func enclaveFor(reportData [64]byte) string {
	platform, err := simulator.New(simulator.Config{})
	if err != nil {
		log.Fatal(err)
	}
	quote, err := platform.Quote(simulator.Report{ReportData: reportData})
	if err != nil {
		log.Fatal(err)
	}
	root, err := os.MkdirTemp("", "enclave")
	if err != nil {
		log.Fatal(err)
	}
	dir := filepath.Join(root, "dev", "attestation")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string][]byte{"attestation_type": []byte("dcap"), "user_report_data": nil, "quote": quote} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			log.Fatal(err)
		}
	}
	return root
}
