package collateral

import "time"

// refresh fetches again what is about to expire, until the cache is closed.
func (c *Cache) refresh() {
	timer := time.NewTimer(maxSleep)
	defer timer.Stop()
	for {
		due, pause := c.due(c.config.Clock())
		for _, k := range due {
			c.work.Go(func() { c.refreshOne(k) })
		}
		timer.Reset(pause)
		select {
		case <-c.ctx.Done():
			return
		case <-c.poke:
		case <-timer.C:
		}
	}
}

// due returns the keys to refresh now, and how long to wait for the next. What
// was not used since it was fetched is left to expire, so that the source is
// not asked for ever for a platform that came once; what has expired is
// forgotten.
func (c *Cache) due(now time.Time) ([]key, time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []key
	pause := maxSleep
	for k, e := range c.entries {
		switch wait := e.refreshAt.Sub(now); {
		case now.After(e.until):
			delete(c.entries, k)
		case !k.at.IsZero() || !e.used || e.refreshing:
		case wait > 0:
			pause = min(pause, wait)
		default:
			e.refreshing = true
			keys = append(keys, k)
		}
	}
	return keys, pause
}

// refreshOne fetches one key again. Its errors are kept and logged where every
// fetch's are.
func (c *Cache) refreshOne(k key) {
	_, _, _ = c.flights.Do(k.String(), func() (any, error) { return c.fetch(k) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[k]; e != nil {
		e.refreshing = false
	}
	c.wake()
}

// wake lets the refresher look again.
func (c *Cache) wake() {
	select {
	case c.poke <- struct{}{}:
	default: // it is about to
	}
}

// refreshAfter says when to ask again for collateral that lives this long: at
// three quarters of its life, or as often as configured, and up to a tenth
// sooner by chance, so that replicas do not ask at once.
func (c *Cache) refreshAfter(life time.Duration) time.Duration {
	after := min(c.config.RefreshEvery, life/4*3)
	return after - chance(after/10)
}
