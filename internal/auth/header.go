package auth

import (
	"net/http"
	"strings"
)

// bearer takes the token out of a request, "" if there is no Authorization
// header. Tokens in forms and queries (RFC 6750, sections 2.2 and 2.3) are not
// looked for: those end up in logs.
func bearer(h http.Header) (string, error) {
	values := h["Authorization"]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
		return parseBearer(values[0])
	}
	// Whoever stands between might have looked at another one.
	return "", invalid(ReasonScheme, "%d Authorization headers, want one", len(values))
}

// parseBearer reads the value of an Authorization header.
func parseBearer(value string) (string, error) {
	scheme, token, ok := strings.Cut(value, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		// What came is not shown: it may be a password.
		return "", invalid(ReasonScheme, "Authorization header of another scheme, want Bearer and a token")
	}
	token = strings.TrimLeft(token, " ")
	if len(token) > maxToken {
		return "", invalid(ReasonMalformed, "token of %d bytes, want at most %d", len(token), maxToken)
	}
	if token == "" {
		return "", invalid(ReasonMalformed, "no token behind the scheme Bearer")
	}
	for i := range len(token) {
		if !isTokenByte(token[i]) {
			return "", invalid(ReasonMalformed, "byte %d of the token is %#02x, want base64url and dots", i, token[i])
		}
	}
	return token, nil
}

// isTokenByte knows the alphabet of a JWS in its compact form (RFC 7515, section
// 7.1).
func isTokenByte(b byte) bool {
	return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.'
}
