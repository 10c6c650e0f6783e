package collateral

import (
	"slices"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	t.Parallel()
	set := func(dir string, number, from, until int, change ...func(*Set)) Set {
		s := Set{
			Dir: dir, Platform: sgxProcessor, TCBEvaluationDataNumber: number, TCBInfoVersion: 3, located: true,
			Issued: day0.Add(days(from)), ValidFrom: day0.Add(days(from)), ValidUntil: day0.Add(days(until)),
		}
		for _, f := range change {
			f(&s)
		}
		return s
	}
	for name, test := range map[string]struct {
		sets   []Set
		number int
		at     int // days after day0
		want   string
	}{
		"nothing":                             {nil, 0, 0, ""},
		"the one that is valid":               {[]Set{set("past", 17, -60, -30), set("now", 17, -10, 20), set("next", 17, 5, 35)}, 0, 0, "now"},
		"the highest number":                  {[]Set{set("e16", 16, -1, 29), set("e18", 18, -9, 21), set("e17", 17, -2, 28)}, 0, 0, "e18"},
		"the lowest that reaches the number":  {[]Set{set("e16", 16, -1, 29), set("e18", 18, -1, 21), set("e19", 19, -1, 28)}, 17, 0, "e18"},
		"the number itself":                   {[]Set{set("e16", 16, -1, 29), set("e17", 17, -9, 21), set("e19", 19, -1, 28)}, 17, 0, "e17"},
		"none reaches the number":             {[]Set{set("e16", 16, -1, 29)}, 17, 0, ""},
		"the newest of a number":              {[]Set{set("old", 17, -20, 10), set("new", 17, -1, 29)}, 0, 0, "new"},
		"version 3 before version 2":          {[]Set{set("v2", 17, -1, 29, func(s *Set) { s.TCBInfoVersion = 2 }), set("v3", 17, -1, 29)}, 0, 0, "v3"},
		"validity before number":              {[]Set{set("high, expired", 19, -40, -10), set("low, valid", 17, -10, 20)}, 0, 0, "low, valid"},
		"stale: the last before":              {[]Set{set("older", 17, -90, -60), set("old", 17, -60, -30), set("next", 17, 1, 31)}, 0, 0, "old"},
		"stale before future, however near":   {[]Set{set("long ago", 17, -900, -870), set("tomorrow", 17, 1, 31)}, 0, 0, "long ago"},
		"before the first: the nearest":       {[]Set{set("far", 17, 40, 70), set("near", 17, 10, 40)}, 0, 0, "near"},
		"both ends are valid":                 {[]Set{set("ends", 17, -30, 0), set("past", 18, -60, -1)}, 0, 0, "ends"},
		"a whole set before one with a hole":  {[]Set{set("hole", 18, -1, 29, func(s *Set) { s.Problems = []error{errNoChain} }), set("whole", 17, -1, 29)}, 0, 0, "whole"},
		"a hole rather than nothing":          {[]Set{set("hole", 18, -1, 29, func(s *Set) { s.Problems = []error{errNoChain} })}, 0, 0, "hole"},
		"never valid together counts as past": {[]Set{set("never", 17, -10, -20)}, 0, 0, "never"},
		"other FMSPC":                         {[]Set{set("other", 17, -1, 29, func(s *Set) { s.Platform.FMSPC[0]++ })}, 0, 0, ""},
		"other CA":                            {[]Set{set("other", 17, -1, 29, func(s *Set) { s.Platform.CA = sgxPlatform.CA })}, 0, 0, ""},
		"other TEE":                           {[]Set{set("other", 17, -1, 29, func(s *Set) { s.Platform.TEE = tdxPlatform.TEE })}, 0, 0, ""},
		"broken":                              {[]Set{set("broken", 17, -1, 29, func(s *Set) { s.located = false })}, 0, 0, ""},
		"twins: the first by name":            {[]Set{set("b", 17, -1, 29), set("a", 17, -1, 29)}, 0, 0, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := Query{Platform: sgxProcessor, At: day0.Add(days(test.at)), TCBEvaluationDataNumber: test.number}
			for range 2 {
				got := ""
				if s := choose(test.sets, q); s != nil {
					got = s.Dir
				}
				if got != test.want {
					t.Errorf("chose %q, want %q", got, test.want)
				}
				// The answer must not depend on the order.
				slices.Reverse(test.sets)
			}
		})
	}
}

func TestCompareIsAnOrder(t *testing.T) {
	t.Parallel()
	var sets []Set
	for _, dir := range []string{"a", "b"} {
		for _, number := range []int{16, 17, 18} {
			for _, from := range []int{-50, -10, 10} {
				sets = append(sets, Set{
					Dir: dir, TCBEvaluationDataNumber: number, Issued: day0.Add(days(from)),
					ValidFrom: day0.Add(days(from)), ValidUntil: day0.Add(days(from + 30)),
				})
			}
		}
	}
	for _, q := range []Query{{At: day0}, {At: day0, TCBEvaluationDataNumber: 16}, {At: day0.Add(time.Hour * 1e5)}} {
		for i := range sets {
			for j := range sets {
				if ij, ji := compare(&sets[i], &sets[j], q), compare(&sets[j], &sets[i], q); ij != -ji || (ij == 0) != (i == j) {
					t.Fatalf("%+v and %+v compare as %d and %d", sets[i], sets[j], ij, ji)
				}
			}
		}
	}
}
