package collateral

import (
	"net/http"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// SyntheticSet is what the examples have instead of Intel's collateral: the same
// form, signed by nobody.
func SyntheticSet(p dcap.Platform, number int, issued time.Time) *dcap.Collateral {
	return recipe{platform: p, number: number, issued: issued}.collateral()
}

// SyntheticService serves a synthetic set as a provisioning service does.
func SyntheticService(p dcap.Platform, number int, issued time.Time) http.Handler {
	s := newService()
	s.shape = shapePCCS
	s.add(p, number, recipe{platform: p, number: number, issued: issued}.parts())
	return s
}
