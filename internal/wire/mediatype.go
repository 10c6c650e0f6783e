package wire

import (
	"mime"
	"strings"
)

// ContentType is that of every answer.
const ContentType = "application/json; charset=utf-8"

// IsJSON reports whether a request's Content-Type announces JSON in UTF-8, as
// the body must be: application/json, text/json or a type ending in +json. None
// at all counts as JSON.
func IsJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return media == "application/json" || media == "text/json" ||
		strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
}
