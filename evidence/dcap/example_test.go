package dcap_test

import (
	"fmt"
	"log"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

// An unverified quote says which collateral is needed to verify it.
func ExampleQuote_Platform() {
	platform, err := simulator.New(simulator.Config{FMSPC: dcap.FMSPC{0x00, 0x90, 0x6e, 0xd5}, CA: dcap.ProcessorCA})
	if err != nil {
		log.Fatal(err)
	}
	raw, err := platform.Quote(simulator.Report{})
	if err != nil {
		log.Fatal(err)
	}
	quote, err := dcap.ParseQuote(raw)
	if err != nil {
		log.Fatal(err)
	}
	needs, err := quote.Platform()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(needs)
	// Output:
	// SGX FMSPC 00906ed50000, processor CA
}

// The root that is trusted by default is a key, whatever certificate carries it.
func ExampleIntelRoot() {
	root := dcap.IntelRoot()
	fmt.Println(root.Name(), root.IsSimulated())
	// Output:
	// Intel SGX Root CA false
}
