package syntax

import (
	"encoding/base64"
	"strings"
)

// packed reports a text that is no policy text at all but what one is packed
// into: scanning it would only tell of its characters.
func packed(text string) (Diagnostic, bool) {
	if isUTF16(text) {
		s := scanner{text: text, pos: Position{Line: 1}}
		s.pos.Offset, s.pos.Column = 1, 1
		return Diagnostic{
			Code:       NotUTF8,
			Range:      Range{Position{Line: 1}, s.pos},
			Message:    "the text is UTF-16, not UTF-8",
			Hint:       "save the policy as UTF-8",
			Found:      text[:1],
			Production: "policy",
		}, true
	}
	s := scanner{text: text, pos: Position{Line: 1}}
	if strings.HasPrefix(text, "\ufeff") {
		s.step()
	}
	s.skipBlank()
	rest := text[s.pos.Offset:]
	message, hint := unpack(rest)
	if message == "" {
		return Diagnostic{}, false
	}
	start := s.pos
	s.step()
	s.skipWhile(isWordByte)
	return Diagnostic{
		Code:       NotPolicyText,
		Range:      Range{start, s.pos},
		Message:    message,
		Hint:       hint,
		Found:      cut(Range{start, s.pos}.Of(text), maxFound),
		Expected:   []string{"'version'"},
		Production: "policy > versionInfo",
	}, true
}

// isUTF16 reports a byte order mark of UTF-16, or the zeros of its ASCII.
func isUTF16(text string) bool {
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return true
	}
	return len(text) >= 4 && (text[0] == 0) == (text[2] == 0) && (text[1] == 0) == (text[3] == 0) && (text[0] == 0) != (text[1] == 0)
}

// unpack returns what text is and how to come by the policy in it.
func unpack(text string) (string, string) {
	switch {
	case strings.HasPrefix(text, "eyJ") && only(text, isTokenByte):
		if strings.Contains(text, ".") {
			return "this is a policy's token (a JWS), expected the policy's text",
				"decode the token's middle part (base64url); in it, AttestationPolicy is the text, in base64url again"
		}
		return "this is JSON in base64, expected the policy's text", "decode it; in it, AttestationPolicy is the text, in base64url again"
	case text[:min(1, len(text))] == "{":
		if strings.Contains(text, "AttestationPolicy") {
			return "this is JSON, expected the policy's text", "AttestationPolicy in it is the text, in base64url: decode it"
		}
		return "this is JSON, expected the policy's text", "a policy begins with " + firstStatement
	case strings.HasPrefix(text, `"`):
		return "this is a quoted string, expected the policy's text", `remove the quotation marks around it and resolve the escapes in it: \n, \"`
	case isPackedPolicy(text):
		return "this is a policy in base64, expected its text", "decode it"
	}
	return "", ""
}

func only(text string, is func(byte) bool) bool {
	for i := range len(text) {
		if !is(text[i]) {
			return false
		}
	}
	return true
}

// isTokenByte reports whether c may stand in a JWS or in base64, line breaks
// included.
func isTokenByte(c byte) bool {
	return isWordByte(c) || strings.IndexByte("-+/=. \t\r\n", c) >= 0
}

// isPackedPolicy reports whether a text in base64 begins like a policy.
func isPackedPolicy(text string) bool {
	const begin = 64 // the word version stands within the first 48 bytes
	if len(text) < begin/2 || !only(text, isTokenByte) {
		return false
	}
	head := text[:min(begin, len(text)/4*4)]
	head = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(head)
	head = head[:len(head)/4*4]
	raw, err := base64.StdEncoding.DecodeString(head)
	return err == nil && strings.Contains(strings.ToLower(string(raw)), wordVersion)
}
