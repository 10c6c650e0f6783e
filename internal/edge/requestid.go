package edge

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
)

// RequestID continues the client's trace, or begins one: the real service
// answers with the traceparent that it was sent, and with one of its own if it
// was sent none (W3C Trace Context, section 3.2).
func RequestID(traceparent string) string {
	if isTraceparent(traceparent) {
		return traceparent
	}
	var b [24]byte
	// The reader never fails.
	_, _ = rand.Read(b[:])
	return "00-" + hex.EncodeToString(b[:16]) + "-" + hex.EncodeToString(b[16:]) + "-00"
}

// isTraceparent accepts version 00: "00-", a trace ID of 32 lower-case
// hexadecimal digits, a parent ID of 16 and flags of 2. An ID of zeros alone is
// not valid.
func isTraceparent(text string) bool {
	if len(text) != 55 {
		return false
	}
	fields := strings.Split(text, "-")
	return len(fields) == 4 && fields[0] == "00" &&
		len(fields[1]) == 32 && isHex(fields[1]) && strings.Trim(fields[1], "0") != "" &&
		len(fields[2]) == 16 && isHex(fields[2]) && strings.Trim(fields[2], "0") != "" &&
		isHex(fields[3])
}

func isHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// IsToken reports whether text can be repeated in a header and a log line:
// visible ASCII, not too long.
func IsToken(text string) bool {
	if text == "" || len(text) > MaxEchoedID {
		return false
	}
	for _, c := range []byte(text) {
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}
