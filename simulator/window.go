package simulator

import (
	"encoding/json"
	"time"
)

// window is the time within which a part is valid, both ends included.
type window struct{ from, to time.Time }

// gap lies between a window and its shifted twins.
const gap = time.Hour

// earlier is a window just as long that is over before w begins.
func (w window) earlier() window {
	return window{w.from.Add(-gap - w.to.Sub(w.from)), w.from.Add(-gap)}
}

// later is a window just as long that begins when w is over.
func (w window) later() window {
	return window{w.to.Add(gap), w.to.Add(gap + w.to.Sub(w.from))}
}

// date is a time as Intel's documents write it.
type date time.Time

func (d date) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(d).UTC().Format("2006-01-02T15:04:05Z"))
}
