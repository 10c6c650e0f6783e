package wire

import (
	"strings"
	"testing"
)

// An entry in a map costs many times what a small member weighs on the wire.
func TestManyMembersAreRefused(t *testing.T) {
	t.Parallel()
	for count, ok := range map[int]bool{63: true, 64: false, 100_000: false} {
		var b strings.Builder
		b.WriteString(`{"quote":"AAAA"`)
		for i := range count {
			b.WriteString(`,"m`)
			b.WriteString(strings.Repeat("x", i%7))
			b.WriteByte(byte('a' + i%26))
			b.WriteByte(byte('a' + i/26%26))
			b.WriteByte(byte('a' + i/676%26))
			b.WriteByte(byte('a' + i/17576%26))
			b.WriteString(`":0`)
		}
		b.WriteByte('}')
		if _, err := ParseAttestRequest(QuoteMember, []byte(b.String())); (err == nil) != ok {
			t.Errorf("%d members beside the evidence: error %v, want success %t", count, err, ok)
		}
	}
}
