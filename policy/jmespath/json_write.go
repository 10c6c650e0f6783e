package jmespath

import (
	"math"
	"slices"
	"strconv"
)

// JSON returns v as JSON: compact, members sorted bytewise by name, each number
// so that it comes back as the same kind and value.
func (v Value) JSON() string { return string(v.AppendJSON(nil)) }

// AppendJSON appends v as [Value.JSON] writes it.
func (v Value) AppendJSON(dst []byte) []byte {
	switch v.kind {
	case KindBoolean:
		return strconv.AppendBool(dst, v.bits != 0)
	case KindInteger:
		if v.text != "" {
			return append(dst, v.text...)
		}
		return strconv.AppendInt(dst, v.bits, 10)
	case KindFloat:
		return appendFloat(dst, v.asFloat())
	case KindString:
		return appendString(dst, v.text)
	case KindArray:
		dst = append(dst, '[')
		for i := range v.node.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = v.node.items[i].AppendJSON(dst)
		}
		return append(dst, ']')
	case KindObject:
		dst = append(dst, '{')
		for i := range v.node.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendString(dst, v.node.names[i]), ':')
			dst = v.node.items[i].AppendJSON(dst)
		}
		return append(dst, '}')
	default:
		return append(dst, "null"...)
	}
}

// appendFloat writes the shortest digits that mean f, always with a fraction or
// an exponent: without, it would read as an integer.
func appendFloat(dst []byte, f float64) []byte {
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if slices.Contains(dst[start:], '.') {
		return dst
	}
	return append(dst, ".0"...)
}

// appendString escapes only what JSON requires to be escaped.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}

// stringSize returns how long a string is as JSON.
func stringSize(s string) int {
	size := len(s) + 2
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\b', c == '\f', c == '\n', c == '\r', c == '\t':
			size++
		case c < ' ':
			size += len(`\u0000`) - 1
		}
	}
	return size
}

// size returns at least how long v is as JSON.
func (v *Value) size() int {
	switch v.kind {
	case KindNull:
		return len("null")
	case KindBoolean:
		return len("false")
	case KindInteger:
		if v.text != "" {
			return len(v.text)
		}
		return integerSize(v.bits)
	case KindFloat:
		return len("-0.0000012345678901234567")
	case KindString:
		return int(v.bits)
	default:
		return v.node.size
	}
}

func integerSize(i int64) int {
	size := 1
	if i < 0 {
		size++
	}
	for i /= 10; i != 0; i /= 10 {
		size++
	}
	return size
}
