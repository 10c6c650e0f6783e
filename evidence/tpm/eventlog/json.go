package eventlog

import "unicode/utf8"

// appendText writes a text with what JSON wants escaped. Bytes that are no
// UTF-8 become U+FFFD.
func appendText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	done := 0 // what follows up to i is written as it is
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[done:i]...)
		n := 1
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < 0x20:
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&0xf])
		default:
			var r rune
			r, n = utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r) // U+FFFD of a byte that is none
		}
		i += n
		done = i
	}
	return append(append(b, s[done:]...), '"')
}

// appendMember writes a member of an object whose value is a text. Its name needs
// nothing escaped.
func appendMember(b []byte, name, text string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return appendText(append(append(append(b, '"'), name...), `":`...), text)
}
