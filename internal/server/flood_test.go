package server_test

import (
	"net/http"
	"testing"

	"github.com/azattest/azattest/internal/auth"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/internal/throttle"
)

// The limit of an instance is all used up by those who attest, which anybody may.
func TestTheLimitOfAnInstanceKeepsNoOperatorOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.config.Limits.Instance = throttle.Limit{PerSecond: .001, Burst: 2}
	s := f.server(t)
	for range 2 {
		tokenOf(t, do(t, s, http.MethodPost, sgxPath, body))
	}
	wantRefusal(t, do(t, s, http.MethodPost, sgxPath, body), http.StatusTooManyRequests, "TooManyRequests")
	const path = "/policies/SgxEnclave?api-version=2025-06-01"
	// Strangers get no further by asking for something else.
	wantRefusal(t, do(t, s, http.MethodPut, path, policytoken.Unsigned(denying)), http.StatusTooManyRequests, "TooManyRequests")
	name, value := bearer(t, auth.Contributor)
	for _, text := range []string{denying, numbered("1")} {
		tokenOf(t, do(t, s, http.MethodPut, path, policytoken.Unsigned(text), name, value))
	}
	wantRefusal(t, do(t, s, http.MethodPut, path, policytoken.Unsigned(denying), name, value), http.StatusTooManyRequests, "TooManyRequests")
}
