package dcap

import "sync"

// remembered keeps the verdicts on bytes that have been checked, up to a number
// of entries; the oldest goes first. Failures are never put in.
type remembered[K comparable, V any] struct {
	limit int

	mu      sync.RWMutex
	entries map[K]V
	order   []K // ring of keys, oldest at next once it is full
	next    int
}

func newRemembered[K comparable, V any](limit int) *remembered[K, V] {
	return &remembered[K, V]{limit: limit, entries: make(map[K]V)}
}

func (r *remembered[K, V]) get(key K) (V, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	v, ok := r.entries[key]
	return v, ok
}

func (r *remembered[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.entries[key]; known {
		r.entries[key] = v
		return
	}
	if len(r.order) < r.limit {
		r.order = append(r.order, key)
	} else {
		delete(r.entries, r.order[r.next])
		r.order[r.next] = key
		r.next = (r.next + 1) % r.limit
	}
	r.entries[key] = v
}
