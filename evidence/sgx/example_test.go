package sgx_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

// A quote is taken apart, verified as of a time, and its claims are read. The
// evidence here is simulated; for quotes of real hardware leave Roots nil, and
// take the collateral from package collateral.
func Example() {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	platform, err := simulator.New(simulator.Config{Now: at})
	if err != nil {
		log.Fatal(err)
	}
	raw, err := platform.Quote(simulator.Report{ISVProdID: 1, ISVSVN: 4})
	if err != nil {
		log.Fatal(err)
	}
	endorsements, err := platform.Collateral(simulator.CollateralOptions{})
	if err != nil {
		log.Fatal(err)
	}

	verifier, err := sgx.NewVerifier(sgx.Config{Roots: []dcap.Root{platform.Root()}})
	if err != nil {
		log.Fatal(err)
	}
	quote, err := sgx.Parse(raw)
	if err != nil {
		log.Fatal(err)
	}
	result, err := verifier.Verify(context.Background(), quote, sgx.Options{Collateral: endorsements, At: at})
	if err != nil {
		log.Fatal(err) // not genuine, and err says why
	}
	svn, _ := result.Claims.First("x-ms-sgx-svn")
	debuggable, _ := result.Claims.First("x-ms-sgx-is-debuggable")
	fmt.Println("TCB:", result.TCB.Status)
	fmt.Println("SVN:", svn)
	fmt.Println("debuggable:", debuggable)
	// Output:
	// TCB: UpToDate
	// SVN: 4
	// debuggable: false
}

// A quote that is not parsed says what is wrong with it, and where.
func ExampleParse() {
	_, err := sgx.Parse([]byte{9, 0, 2, 0})
	fmt.Println(err)
	// Output:
	// parse: quote header: version at byte 0: version 9, want 3 (SGX, ECDSA)
}
