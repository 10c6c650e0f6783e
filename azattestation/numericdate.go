package azattestation

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// maxNumericDate is the last second of the year 9999, the last that RFC 3339 can
// write.
const maxNumericDate = 253402300799

// parseNumericDate reads seconds since 1970 (RFC 7519, section 2), an integer or,
// as early versions of the service wrote, a fraction.
func parseNumericDate(value json.RawMessage) (time.Time, error) {
	if len(value) == 0 || value[0] == '"' || value[0] > '9' {
		return time.Time{}, fmt.Errorf("%s, want a number of seconds", orAbsent(value))
	}
	text := string(value)
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds < 0 || seconds > maxNumericDate {
			return time.Time{}, fmt.Errorf("%s, want a date from 1970 to 9999", shown(text))
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 || seconds > maxNumericDate {
		return time.Time{}, fmt.Errorf("%s, want a number of seconds from 1970 to 9999", shown(text))
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*float64(time.Second))).UTC(), nil
}

func orAbsent(value json.RawMessage) string {
	if len(value) == 0 {
		return "absent"
	}
	return shown(string(value))
}
