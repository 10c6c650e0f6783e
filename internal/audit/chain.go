package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
)

// Head is the end of a trail: how many records were ever written, and the SHA-256
// of the last line, without its line break, in hexadecimal. Who keeps it elsewhere
// can tell later that nothing was cut off and nothing before it was changed.
type Head struct {
	Sequence int64  `json:"sequence"`
	Hash     string `json:"hash"`
}

// genesis is what the first line of all names as the one before it.
var genesis = Head{Hash: strings.Repeat("0", 2*sha256.Size)}

// link is the part of a line that makes the chain, in this order at its beginning.
type link struct {
	Sequence int64
	Previous string
}

// appendLine appends the line that follows head, with its line break, and returns
// the new head. The record is a JSON object.
func appendLine(to []byte, head Head, record []byte) ([]byte, Head) {
	start := len(to)
	to = append(to, `{"sequence":`...)
	to = strconv.AppendInt(to, head.Sequence+1, 10)
	to = append(to, `,"previous":"`...)
	to = append(to, head.Hash...)
	to = append(to, `",`...)
	to = append(to, record[1:]...)
	head = Head{Sequence: head.Sequence + 1, Hash: hashOf(to[start:])}
	return append(to, '\n'), head
}

func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}

// Entry is a record of a trail, where it stands.
type Entry struct {
	Sequence int64
	// Previous is the hash of the line before.
	Previous string
	Record   Record
	// Line is the line itself, without its line break.
	Line []byte
}

// readLink reads what makes the chain of a line: its beginning, to the letter as
// appendLine writes it.
func readLink(line []byte) (link, error) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"sequence":`))
	number, rest, hasPrevious := bytes.Cut(rest, []byte(`,"previous":"`))
	if !ok || !hasPrevious || len(number) > maxDigits || len(rest) < len(genesis.Hash) {
		return link{}, errNoLink
	}
	sequence, err := strconv.ParseInt(string(number), 10, 64)
	hash, rest := rest[:len(genesis.Hash)], rest[len(genesis.Hash):]
	isCanonical := err == nil && strconv.FormatInt(sequence, 10) == string(number)
	if !isCanonical || sequence < 1 || !isHash(hash) || !bytes.HasPrefix(rest, []byte(`",`)) {
		return link{}, errNoLink
	}
	return link{Sequence: sequence, Previous: string(hash)}, nil
}

// maxDigits is how many digits a sequence can have.
const maxDigits = 19

var errNoLink = errors.New(`no line of a trail, want {"sequence":…,"previous":"…",…}`)

func isHash(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// readEntry reads the whole line.
func readEntry(line []byte) (Entry, error) {
	l, err := readLink(line)
	if err != nil {
		return Entry{}, err
	}
	var w written
	if err := json.Unmarshal(line, &w); err != nil {
		return Entry{}, err
	}
	r, err := w.record()
	if err != nil {
		return Entry{}, err
	}
	return Entry{Sequence: l.Sequence, Previous: l.Previous, Record: r, Line: line}, nil
}
