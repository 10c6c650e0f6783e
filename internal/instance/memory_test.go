package instance_test

import "testing"

// It runs alone, for it looks at the heap of the process. BenchmarkMemory does the
// same with a thousand.
func TestAThousandInstancesFitIntoAHundredMebibytes(t *testing.T) { //nolint:paralleltest // it measures
	const n = 100
	idle, live := cost(t, many(t, n), n)
	t.Logf("%d bytes per instance as opened, %d once each has attested", idle/n, live/n)
	if live/n >= (100<<20)/1000 {
		t.Errorf("%d bytes per instance, want less than 100 MiB for a thousand", live/n)
	}
}
