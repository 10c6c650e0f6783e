package sgx_test

import (
	"testing"
	"time"
)

// reportRatio runs measured under the benchmark and floor in between, outside
// its timer, and reports how many times the floor measured takes. Taking turns
// keeps a machine that changes its speed from bending the ratio.
func reportRatio(b *testing.B, floor, measured func()) {
	b.Helper()
	const batch = 16
	var floorTime, measuredTime time.Duration
	floors, runs := 0, 0
	for b.Loop() {
		if runs%batch == 0 {
			b.StopTimer()
			start := time.Now()
			for range batch {
				floor()
			}
			floorTime += time.Since(start)
			floors += batch
			b.StartTimer()
		}
		start := time.Now()
		measured()
		measuredTime += time.Since(start)
		runs++
	}
	b.ReportMetric((measuredTime.Seconds()/float64(runs))/(floorTime.Seconds()/float64(floors)), "x-raw")
}
