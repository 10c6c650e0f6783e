package openenclave_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/openenclave"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/simulator"
)

// A report of the Open Enclave SDK is unwrapped and verified. The evidence here
// is simulated; for reports of real hardware leave Roots nil.
func Example() {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	platform, err := simulator.New(simulator.Config{Now: at})
	if err != nil {
		log.Fatal(err)
	}
	raw, err := platform.OpenEnclaveReport(simulator.Report{ISVProdID: 9, Debug: true})
	if err != nil {
		log.Fatal(err)
	}
	endorsements, err := platform.Collateral(simulator.CollateralOptions{})
	if err != nil {
		log.Fatal(err)
	}

	verifier, err := openenclave.NewVerifier(sgx.Config{Roots: []dcap.Root{platform.Root()}})
	if err != nil {
		log.Fatal(err)
	}
	report, err := openenclave.Parse(raw)
	if err != nil {
		log.Fatal(err)
	}
	result, err := verifier.Verify(context.Background(), report, sgx.Options{Collateral: endorsements, At: at})
	if err != nil {
		log.Fatal(err) // not genuine, and err says why
	}
	product, _ := result.Claims.First("x-ms-sgx-product-id")
	debuggable, _ := result.Claims.First("x-ms-sgx-is-debuggable")
	fmt.Println("product:", product, "debuggable:", debuggable)
	// Output:
	// product: 9 debuggable: true
}
