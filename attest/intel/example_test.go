package intel_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/azattest/azattest/attest/intel"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/simulator"
)

// A verifier that fetches: here from a simulated platform, in earnest from a
// collateral.Archive or a collateral.Cache in front of a collateral.HTTP.
func Example() {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	platform, err := simulator.New(simulator.Config{Now: at})
	if err != nil {
		log.Fatal(err)
	}
	source := sourceFunc(func(context.Context, collateral.Query) (*dcap.Collateral, error) {
		return platform.Collateral(simulator.CollateralOptions{})
	})
	verifier, err := intel.NewSGX(intel.Config{Source: source, Roots: []dcap.Root{platform.Root()}})
	if err != nil {
		log.Fatal(err)
	}

	quote, err := platform.Quote(simulator.Report{ISVSVN: 2})
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := verifier.Parse(quote)
	if err != nil {
		log.Fatal(err)
	}
	result, err := verifier.Verify(context.Background(), parsed, evidence.Requirements{At: at})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Type, result.TCB.Status, "simulated:", result.Simulated)
	// Output:
	// sgx UpToDate simulated: true
}
