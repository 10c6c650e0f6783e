package store_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain sees to it that nothing here leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
