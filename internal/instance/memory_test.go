package instance_test

import "testing"

// It runs alone, for it looks at the heap of the process.
func TestAThousandInstancesFitIntoAHundredMebibytes(t *testing.T) { //nolint:paralleltest // it measures
	if testing.Short() {
		t.Skip("it makes a thousand instances")
	}
	idle, live := cost(t, many(t))
	t.Logf("%d bytes per instance as opened, %d once each has attested", idle/manyInstances, live/manyInstances)
	if live >= 100<<20 {
		t.Errorf("%d bytes, want less than 100 MiB", live)
	}
}
