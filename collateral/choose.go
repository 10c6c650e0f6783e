package collateral

import (
	"cmp"
	"time"
)

// choose picks the set that answers a query, nil if there is none for its
// platform and number.
func choose(sets []Set, q Query) *Set {
	var best *Set
	for i := range sets {
		s := &sets[i]
		if !s.located || s.Platform != q.Platform || s.TCBEvaluationDataNumber < q.TCBEvaluationDataNumber {
			continue
		}
		if best == nil || compare(s, best, q) > 0 {
			best = s
		}
	}
	return best
}

// compare is positive if a answers the query better than b. It leaves no two
// different sets equal, so that the answer does not depend on their order.
func compare(a, b *Set, q Query) int {
	return cmp.Or(
		compareTime(a, b, q.At),
		compareBool(len(a.Problems) == 0, len(b.Problems) == 0),
		compareNumber(a, b, q.TCBEvaluationDataNumber),
		a.Issued.Compare(b.Issued),
		a.ValidFrom.Compare(b.ValidFrom),
		cmp.Compare(a.TCBInfoVersion, b.TCBInfoVersion),
		cmp.Compare(b.Dir, a.Dir),
	)
}

// compareTime puts valid sets before stale ones, and those before sets from
// after the time. Stale sets rank by how late they are from, future ones by how
// early.
func compareTime(a, b *Set, at time.Time) int {
	rank := func(s *Set) int {
		switch {
		case s.ValidAt(at):
			return 2
		case s.ValidFrom.After(at):
			return 0
		}
		return 1
	}
	if byRank := cmp.Compare(rank(a), rank(b)); byRank != 0 {
		return byRank
	}
	switch rank(a) {
	case 1:
		return a.ValidFrom.Compare(b.ValidFrom)
	case 0:
		return b.ValidFrom.Compare(a.ValidFrom)
	}
	return 0
}

// compareNumber prefers the highest number, or the lowest of those that reach
// what was asked for.
func compareNumber(a, b *Set, asked int) int {
	if asked > 0 {
		a, b = b, a
	}
	return cmp.Compare(a.TCBEvaluationDataNumber, b.TCBEvaluationDataNumber)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
