package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
)

// readPlain reads an object as clients write it: names and strings without
// escapes, and no values but strings, objects and null. Of anything else it says
// false, and the decoder decides. It never accepts what the decoder would refuse,
// nor reads it otherwise; it is there because the decoder goes over each byte of
// long evidence several times, which costs more than to decode its base64.
//
// The text must be valid UTF-8.
func (o object) readPlain(raw []byte) bool {
	p := plain{raw: raw}
	isWhole := p.object(1, func(name, value []byte) bool {
		folded := Fold(string(name))
		if _, twice := o.members[folded]; twice || len(o.members) == maxMembers {
			return false
		}
		o.members[folded] = json.RawMessage(value)
		return true
	})
	p.space()
	return isWhole && p.at == len(raw)
}

// plain goes through a text. Its methods report false where they are at a loss.
type plain struct {
	raw []byte
	at  int
}

func (p *plain) space() {
	for p.at < len(p.raw) {
		switch p.raw[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// take passes over white space and one character.
func (p *plain) take(c byte) bool {
	p.space()
	if p.at == len(p.raw) || p.raw[p.at] != c {
		return false
	}
	p.at++
	return true
}

// object reads an object at a level of nesting.
func (p *plain) object(level int, member func(name, value []byte) bool) bool {
	if level > maxDepth || !p.take('{') {
		return false
	}
	if p.take('}') {
		return true
	}
	for {
		name, ok := p.text()
		if !ok || !p.take(':') {
			return false
		}
		value, ok := p.value(level)
		if !ok || !member(name[1:len(name)-1], value) {
			return false
		}
		if p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// value returns a value without the white space around it.
func (p *plain) value(level int) ([]byte, bool) {
	p.space()
	rest := p.raw[p.at:]
	switch {
	case bytes.HasPrefix(rest, []byte("null")):
		p.at += len("null")
		return rest[:len("null")], true
	case bytes.HasPrefix(rest, []byte("{")):
		start := p.at
		ok := p.object(level+1, func([]byte, []byte) bool { return true })
		return p.raw[start:p.at], ok
	}
	return p.text()
}

// text returns a string with its quotes.
func (p *plain) text() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	length := bytes.IndexByte(p.raw[p.at:], '"')
	if length < 0 {
		return nil, false
	}
	start := p.at - 1
	inside := p.raw[p.at : p.at+length]
	if bytes.IndexByte(inside, '\\') >= 0 || hasControl(inside) {
		return nil, false
	}
	p.at += length + 1
	return p.raw[start:p.at], true
}

// hasControl reports whether a byte is below the blank, which JSON has in no
// string.
func hasControl(text []byte) bool {
	const each = 0x0101010101010101
	for ; len(text) >= 8; text = text[8:] {
		// A byte below 0x20 borrows when that is taken from it, and so sets the high
		// bit, which it did not have. A borrow goes on into the next byte only where
		// there is such a byte below it.
		eight := binary.LittleEndian.Uint64(text)
		if (eight-0x20*each)&^eight&(0x80*each) != 0 {
			return true
		}
	}
	for _, c := range text {
		if c < 0x20 {
			return true
		}
	}
	return false
}
