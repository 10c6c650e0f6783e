package simulator_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

// A quote without hardware, judged by collateral under which its platform is out
// of date.
func Example() {
	platform, err := simulator.New(simulator.Config{})
	if err != nil {
		log.Fatal(err)
	}
	raw, err := platform.Quote(simulator.Report{ISVSVN: 3, ReportData: simulator.Bind([]byte("runtime data"))})
	if err != nil {
		log.Fatal(err)
	}
	collateral, err := platform.Collateral(simulator.CollateralOptions{Status: evidence.TCBOutOfDate})
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
	result, err := verifier.Verify(context.Background(), quote, sgx.Options{Collateral: collateral, At: platform.Now()})
	if err != nil {
		log.Fatal(err)
	}
	svn, _ := result.Claims.First("x-ms-sgx-svn")
	fmt.Println("SVN", svn)
	fmt.Println("TCB", result.TCB.Status)
	fmt.Println("simulated", result.Simulated)
	// Output:
	// SVN 3
	// TCB OutOfDate
	// simulated true
}

// One fault after the other: a verifier must refuse them all.
func ExamplePlatform_With() {
	platform, err := simulator.New(simulator.Config{
		Seed: []byte("the same bytes in every run"), Now: time.Date(2026, time.March, 14, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := sgx.NewVerifier(sgx.Config{Roots: []dcap.Root{platform.Root()}})
	if err != nil {
		log.Fatal(err)
	}
	for _, fault := range []simulator.Fault{simulator.FaultPCKRevoked, simulator.FaultQEAttributes} {
		faulty, err := platform.With(fault)
		if err != nil {
			log.Fatal(err)
		}
		raw, err := faulty.Quote(simulator.Report{})
		if err != nil {
			log.Fatal(err)
		}
		collateral, err := faulty.Collateral(simulator.CollateralOptions{})
		if err != nil {
			log.Fatal(err)
		}
		quote, err := sgx.Parse(raw)
		if err == nil {
			_, err = verifier.Verify(context.Background(), quote, sgx.Options{Collateral: collateral, At: platform.Now()})
		}
		fmt.Printf("%s (%s): refused %t\n", fault, fault.Description(), err != nil)
	}
	// Output:
	// pck-revoked (the PCK certificate is revoked): refused true
	// qe-attributes (the quoting enclave is debuggable): refused true
}
