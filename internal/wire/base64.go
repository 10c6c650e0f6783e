package wire

import (
	"encoding/base64"
	"strings"
)

// decodeBase64 reads base64url or standard base64, with padding or without: the
// SDKs send base64url without, other clients what their library happens to
// write. A text must keep to one alphabet and pad rightly or not at all. White
// space and bits that mean nothing are refused, so that no two texts of one
// alphabet stand for the same bytes but for the padding.
func decodeBase64(text string) ([]byte, error) {
	// One character at a time is what the processor finds fast.
	if strings.IndexByte(text, '\r') >= 0 || strings.IndexByte(text, '\n') >= 0 {
		return nil, base64.CorruptInputError(strings.IndexAny(text, "\r\n")) // the library would pass over these two
	}
	encoding := base64.RawURLEncoding
	isStandard, isPadded := strings.IndexByte(text, '+') >= 0 || strings.IndexByte(text, '/') >= 0, strings.HasSuffix(text, "=")
	switch {
	case isStandard && isPadded:
		encoding = base64.StdEncoding
	case isStandard:
		encoding = base64.RawStdEncoding
	case isPadded:
		encoding = base64.URLEncoding
	}
	return encoding.Strict().DecodeString(text)
}
