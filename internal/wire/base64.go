package wire

import (
	"bytes"
	"encoding/base64"
)

// decodeBase64 reads base64url or standard base64, with padding or without: the
// SDKs send base64url without, other clients what their library happens to
// write. A text must keep to one alphabet and pad rightly or not at all. White
// space and bits that mean nothing are refused, so that no two texts of one
// alphabet stand for the same bytes but for the padding.
func decodeBase64(text []byte) ([]byte, error) {
	// One character at a time is what processors find fast.
	has := func(c byte) bool { return bytes.IndexByte(text, c) >= 0 }
	if has('\r') || has('\n') {
		return nil, base64.CorruptInputError(bytes.IndexAny(text, "\r\n")) // the library would pass over these two
	}
	encoding := rawURL
	isStandard, isPadded := has('+') || has('/'), bytes.HasSuffix(text, []byte("="))
	switch {
	case isStandard && isPadded:
		encoding = standard
	case isStandard:
		encoding = rawStandard
	case isPadded:
		encoding = paddedURL
	}
	return encoding.AppendDecode(make([]byte, 0, encoding.DecodedLen(len(text))), text)
}

// The encodings, each strict; to make one so takes a copy of its tables.
var (
	rawURL, paddedURL     = base64.RawURLEncoding.Strict(), base64.URLEncoding.Strict()
	rawStandard, standard = base64.RawStdEncoding.Strict(), base64.StdEncoding.Strict()
)
