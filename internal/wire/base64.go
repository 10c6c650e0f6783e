package wire

import (
	"encoding/base64"
	"strings"
)

// decodeBase64 reads base64url or standard base64, with or without padding: the
// SDKs send the first without, some clients the others. White space is refused.
func decodeBase64(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	if strings.ContainsAny(text, "\r\n") {
		return nil, base64.CorruptInputError(strings.IndexAny(text, "\r\n"))
	}
	if strings.ContainsAny(text, "+/") {
		return base64.RawStdEncoding.DecodeString(text)
	}
	return base64.RawURLEncoding.DecodeString(text)
}
