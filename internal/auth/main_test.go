package auth

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain finds fetches that outlive their Authenticator.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
