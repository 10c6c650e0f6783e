package enroll

import (
	"crypto/sha256"
	"errors"

	"github.com/azattest/azattest/evidence/tpm"
)

// pending is an enrollment between its two messages: what is sealed in the ticket.
//
//	32 bytes  the secret
//	32 bytes  SHA-256 of the EK's certificate
//	1 byte    length of the AIK's name
//	…         the AIK's name
//	…         the name of the TPM, up to the end, see directoryName
type pending struct {
	secret        [secretSize]byte
	ekHash        [sha256.Size]byte
	aikName       tpm.Name
	directoryName []byte
}

func (p *pending) bytes() []byte {
	b := append(p.secret[:len(p.secret):len(p.secret)], p.ekHash[:]...)
	b = append(b, byte(len(p.aikName))) //nolint:gosec // G115: a name has 66 bytes at most
	b = append(b, p.aikName...)
	return append(b, p.directoryName...)
}

// errPending says that a ticket of ours holds something else: a program of another
// version sealed it.
var errPending = errors.New("the ticket holds no enrollment")

func parsePending(b []byte) (*pending, error) {
	p := new(pending)
	const fixed = secretSize + sha256.Size + 1
	if len(b) < fixed {
		return nil, errPending
	}
	copy(p.secret[:], b)
	copy(p.ekHash[:], b[secretSize:])
	size, rest := int(b[fixed-1]), b[fixed:]
	if size == 0 || size >= len(rest) {
		return nil, errPending
	}
	p.aikName, p.directoryName = tpm.Name(rest[:size]), rest[size:]
	return p, nil
}
