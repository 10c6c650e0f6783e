package ticket

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"
)

// written is a ticket as clients see it. The names are those in the tickets that
// the real service was recorded with; clients look at none of it.
type written struct {
	ProtectionKeyName string
	// ProtectedContext is salt, nonce, ciphertext and tag, in base64url.
	ProtectedContext string
}

// Seal returns a ticket with the payload in it, a JSON text that expires after the
// lifetime.
func (s *Sealer) Seal(use Use, instance string, payload []byte) ([]byte, error) {
	if len(payload) > maxPayload {
		return nil, fmt.Errorf("ticket: payload of %d bytes, want at most %d", len(payload), maxPayload)
	}
	salt := make([]byte, saltSize, saltSize+timeSize+len(payload)+64)
	_, _ = rand.Read(salt) // it never fails, see New
	k := &s.secrets[0]
	aead, err := k.aead(salt, use, instance)
	if err != nil {
		return nil, fmt.Errorf("ticket: %w", err)
	}
	plain := binary.BigEndian.AppendUint64(nil, uint64(s.clock().Add(s.lifetime).Unix())) //nolint:gosec // G115: no clock of ours is before 1970
	plain = append(plain, payload...)
	box := aead.Seal(salt, nil, plain, nil) //nolint:gosec // G407: this kind of AEAD draws its nonce, and wants none given
	return json.Marshal(written{k.name, base64.RawURLEncoding.EncodeToString(box)})
}

// Open returns the payload of a ticket that this sealer, or one with the same
// secrets, made for this use and instance and that has not expired. What it
// refuses gives an *[Error].
func (s *Sealer) Open(use Use, instance string, ticket []byte) ([]byte, error) {
	var w written
	if len(ticket) > maxTicket {
		return nil, &Error{Problem: fmt.Sprintf("%d bytes, want at most %d", len(ticket), maxTicket)}
	}
	if json.Unmarshal(ticket, &w) != nil {
		return nil, &Error{Problem: notOurs}
	}
	// One ticket has one spelling.
	if again, err := json.Marshal(w); err != nil || !bytes.Equal(again, ticket) {
		return nil, &Error{Problem: notOurs}
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(w.ProtectedContext)
	if err != nil || len(box) < saltSize {
		return nil, &Error{Problem: notOurs}
	}
	for i := range s.secrets {
		k := &s.secrets[i]
		if k.name != w.ProtectionKeyName {
			continue
		}
		aead, err := k.aead(box[:saltSize], use, instance)
		if err != nil {
			return nil, fmt.Errorf("ticket: %w", err)
		}
		plain, err := aead.Open(nil, nil, box[saltSize:], nil)
		if err != nil || len(plain) < timeSize {
			return nil, &Error{Problem: "made for another instance or another use, or changed"}
		}
		return s.check(plain)
	}
	return nil, &Error{Problem: "sealed with a key that is not known here"}
}

// notOurs is all that there is to say of what is no ticket.
const notOurs = "not made by this service"

// check looks at the time in front of a payload.
func (s *Sealer) check(plain []byte) ([]byte, error) {
	expires := time.Unix(int64(binary.BigEndian.Uint64(plain)), 0) //nolint:gosec // G115: Seal wrote it
	now := s.clock()
	if !now.Before(expires) {
		return nil, &Error{
			Expired: true,
			Problem: fmt.Sprintf("expired at %s, and it is %s", expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339)),
		}
	}
	if expires.After(now.Add(s.lifetime + clockSlack)) {
		// One whose clock runs ahead must not make quotes count that are old.
		return nil, &Error{Problem: fmt.Sprintf("made by a clock that is ahead: it ends at %s, and it is %s",
			expires.UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339))}
	}
	return plain[timeSize:], nil
}

// Error says why a ticket does not count.
type Error struct {
	// Expired is set for one that came too late.
	Expired bool
	Problem string
}

func (e *Error) Error() string { return "ticket: " + e.Problem }
