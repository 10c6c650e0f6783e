package collateral_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/evidence/dcap"
)

var (
	platform = dcap.Platform{TEE: dcap.SGX, FMSPC: dcap.FMSPC{0x00, 0x60, 0x6a}, CA: dcap.PlatformCA}
	june     = time.Date(2025, time.June, 1, 12, 0, 0, 0, time.UTC)
)

// A service asks a provisioning service through a cache. Here a PCCS stands in
// for Intel; leave BaseURL out to ask Intel.
func Example() {
	pccs := httptest.NewServer(collateral.SyntheticService(platform, 17, june))
	defer pccs.Close()

	source, err := collateral.NewHTTP(collateral.HTTPConfig{BaseURL: pccs.URL + "/sgx/certification/v4/"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = source.Close() }()
	cache, err := collateral.NewCache(source, collateral.CacheConfig{Clock: func() time.Time { return june }})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = cache.Close() }()

	// The platform of a quote is said by dcap.Quote.Platform.
	first, err := cache.Collateral(context.Background(), collateral.Query{Platform: platform})
	if err != nil {
		fmt.Println(err)
		return
	}
	again, err := cache.Collateral(context.Background(), collateral.Query{Platform: platform})
	fmt.Println("the same collateral:", first == again, err)

	info, err := dcap.ParseTCBInfo(first.Parts().TCBInfo)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("TCB evaluation data number", info.TCBEvaluationDataNumber)
	// Output:
	// the same collateral: true <nil>
	// TCB evaluation data number 17
}

// An archive keeps collateral of several dates, so that old evidence can be
// judged as of its own time.
func ExampleOpenArchive() {
	dir, err := os.MkdirTemp("", "archive")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for month := range 3 {
		set := collateral.SyntheticSet(platform, 17+month, june.AddDate(0, month, 0))
		if _, err := collateral.WriteSet(dir, set); err != nil {
			fmt.Println(err)
			return
		}
	}

	archive, err := collateral.OpenArchive(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, set := range archive.Sets() {
		fmt.Println(filepath.ToSlash(set.Dir), "until", set.ValidUntil.Format(time.DateOnly))
	}
	found, err := archive.Collateral(context.Background(), collateral.Query{Platform: platform, At: june.AddDate(0, 1, 7)})
	if err != nil {
		fmt.Println(err)
		return
	}
	info, err := dcap.ParseTCBInfo(found.Parts().TCBInfo)
	fmt.Println("in July", info.TCBEvaluationDataNumber, err)

	other := platform
	other.CA = dcap.ProcessorCA
	_, err = archive.Collateral(context.Background(), collateral.Query{Platform: other, At: june})
	missing, ok := errors.AsType[*collateral.NotFoundError](err)
	if ok {
		fmt.Println(missing.Reason)
	}
	// Output:
	// sgx-00606a000000-platform/2025-06-01-e17-tcbv3 until 2025-07-01
	// sgx-00606a000000-platform/2025-07-01-e18-tcbv3 until 2025-07-31
	// sgx-00606a000000-platform/2025-08-01-e19-tcbv3 until 2025-08-31
	// in July 18 <nil>
	// it has 1 other platforms: SGX FMSPC 00606a000000, platform CA
}
