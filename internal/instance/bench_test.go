package instance_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

const manyInstances = 1000

// many makes records of instances with policies of their own, 2 KiB long. Made by
// Create, each would look at all others first.
func many(tb testing.TB, n int) *memory.Store {
	tb.Helper()
	shared := memory.New()
	padding := ""
	for len(padding) < 2<<10 {
		padding += "// one more line of a policy that somebody explains at length\n"
	}
	for k := range n {
		name := fmt.Sprintf("i%d", k)
		text := padding + numbered(name)
		p := instance.Policy{Version: 1, Action: instance.ActionSet, Token: policytoken.Unsigned(text), Text: text, Hash: policy.Hash(text), By: "test", At: at, ID: name}
		if _, err := shared.Commit(tb.Context(),
			store.Put("instances/"+name, encoded(tb, aad(name)), 0),
			store.Put("instances/"+name+"/policies/SgxEnclave", encoded(tb, p), 0),
		); err != nil {
			tb.Fatal(err)
		}
	}
	return shared
}

func encoded(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// cost returns how many bytes a directory of many instances takes: as it is
// opened, and once each has attested.
func cost(tb testing.TB, shared *memory.Store, n int) (idle, live uint64) {
	tb.Helper()
	before := heap()
	d := open(tb, config(shared))
	idle = heap() - before
	for k := range n {
		hashInForce(tb, d, fmt.Sprintf("i%d.example", k))
	}
	live = heap() - before
	if served, _ := d.Count(); served != n {
		tb.Fatalf("%d instances", served)
	}
	runtime.KeepAlive(d)
	return idle, live
}

// BenchmarkMemory reports the bytes of heap per instance with a policy of its own,
// as opened and after each has attested.
func BenchmarkMemory(b *testing.B) {
	shared := many(b, manyInstances)
	b.ResetTimer()
	var idle, live uint64
	for b.Loop() {
		idle, live = cost(b, shared, manyInstances)
	}
	b.ReportMetric(float64(idle)/manyInstances, "idle-B/instance")
	b.ReportMetric(float64(live)/manyInstances, "live-B/instance")
}

// BenchmarkLookup finds one of a thousand.
func BenchmarkLookup(b *testing.B) {
	d := open(b, config(many(b, manyInstances)))
	for b.Loop() {
		if _, _, ok := d.Lookup("i500.example:443", "/attest/sgxenclave"); !ok {
			b.Fatal("not found")
		}
	}
}

// BenchmarkSetPolicy changes a policy beside a thousand other instances, and keeps
// every version.
func BenchmarkSetPolicy(b *testing.B) {
	d := open(b, config(many(b, manyInstances)))
	n := 0
	for b.Loop() {
		n++
		if _, err := d.SetPolicy(b.Context(), instance.PolicyChange{
			Instance: "i500", Type: attest.SGXEnclave, Token: unsigned(b, numbered(fmt.Sprint(n))), By: "test",
		}); err != nil {
			b.Fatal(err)
		}
	}
}
