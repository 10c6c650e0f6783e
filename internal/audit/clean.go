package audit

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean bounds every text of the record, so that a line stays below maxLine and
// does nothing to whatever shows it.
func (r *Record) clean() *Record {
	c := *r
	c.URI = cleanURI(c.URI)
	if c.Properties.FailureCategory == "" {
		c.Properties.FailureCategory = "None"
	}
	p, d := &c.Properties, &c.Properties.Details
	for _, text := range []*string{
		&c.ResourceID, &c.Region, &c.Location, &c.OperationName, &c.ResultSignature, &c.CallerIPAddress, &c.URI,
		(*string)(&c.Category), (*string)(&c.ResultType), (*string)(&c.Level),
		&c.TraceContext.TraceID, &c.TraceContext.ParentID,
		&c.Identity.CallerAADUPN, &c.Identity.CallerAADObjectID, &c.Identity.CallerID,
		&p.FailureResourceID, &p.FailureCategory, &p.FailureDetails,
		&p.InfoDataReceived.Headers.UserAgent, &p.InfoDataReceived.ContentType, &p.InfoDataReceived.TraceParent,
		&d.Instance, &d.AttestationType, &d.Code, &d.PolicyHash, &d.PolicyTokenHash, &d.Thumbprint, &d.KeyID, &d.AIKName, &d.EKCertificateHash, &d.TokenID,
		&d.Authority, &d.TargetKeyID,
	} {
		*text = cleanText(*text)
	}
	return &c
}

// cleanText cuts a text at maxText bytes and replaces what is not printable: the
// trail is read in terminals, and much of it was chosen by clients.
func cleanText(text string) string {
	if len(text) > maxText {
		end := maxText
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
	}
	if isPlain(text) {
		return text
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

// isPlain spares nearly all texts the longer look.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// cleanURI leaves out whatever of a URI may be a secret: user names, fragments,
// and of the query all but api-version.
func cleanURI(uri string) string {
	bare, query, _ := strings.Cut(uri, "?")
	bare, _, _ = strings.Cut(bare, "#")
	if scheme, rest, ok := strings.Cut(bare, "://"); ok {
		authority, path, hasPath := strings.Cut(rest, "/")
		authority = authority[strings.LastIndexByte(authority, '@')+1:]
		bare = scheme + "://" + authority
		if hasPath {
			bare += "/" + path
		}
	}
	query, _, _ = strings.Cut(query, "#")
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name != "api-version" {
			continue
		}
		// A version is a date with a suffix; anything else may be anything.
		if value, err := url.QueryUnescape(value); err == nil && isVersion(value) {
			return cleanText(bare) + "?api-version=" + value
		}
		break
	}
	return bare
}

func isVersion(text string) bool {
	return text != "" && len(text) <= maxVersion && strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyz-.") == ""
}
