package keyring

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/azattest/azattest/token"
)

// Where records stand in the store: one for each key, under the hash that is its
// ID, and one for each algorithm, which every change of a key of that algorithm
// writes too. Two replicas that each make the first key write different records
// of keys and the same record of the algorithm, so one of them is told.
const (
	keysPrefix    = "keys/"
	recordVersion = 1
)

func recordKey(id string) (string, error) {
	hash, err := base64.StdEncoding.Strict().DecodeString(id)
	if err != nil || len(hash) != sha256.Size {
		return "", &UnknownKeyError{ID: id}
	}
	return keysPrefix + hex.EncodeToString(hash), nil
}

func familyKey(a token.Algorithm) string { return keysPrefix + string(a) }

// idOf returns the key ID that a record's place in the store stands for, and
// whether it is the place of a key at all.
func idOf(key string) (string, bool) {
	text := strings.TrimPrefix(key, keysPrefix)
	hash, err := hex.DecodeString(text)
	if err != nil || len(hash) != sha256.Size || text != hex.EncodeToString(hash) {
		return "", false
	}
	return base64.StdEncoding.EncodeToString(hash), true
}

// record is what the store keeps of a key. Which key signs, and which are
// published, follows from the records and the time alone.
type record struct {
	Version   int             `json:"version"`
	ID        string          `json:"id"`
	Algorithm token.Algorithm `json:"algorithm"`
	// Sequence counts the keys of the algorithm. It decides between two that
	// begin in the same second.
	Sequence   int64     `json:"sequence"`
	CreatedAt  time.Time `json:"createdAt"`
	ActiveFrom time.Time `json:"activeFrom"`
	// RevokedAt is set for good. What follows is gone then.
	RevokedAt time.Time `json:"revokedAt,omitzero"`
	// PublicKey is the SubjectPublicKeyInfo in DER.
	PublicKey []byte `json:"publicKey,omitempty"`
	Report    []byte `json:"report,omitempty"`
	// Device is the name by which a device knows the private key.
	Device string `json:"device,omitempty"`
	// WrappedWith names the wrapping key. Empty: the record is not sealed.
	WrappedWith string `json:"wrappedWith,omitempty"`
	// Box is the private key, PKCS#8 in DER, empty for a device's, sealed together with all
	// fields above.
	Box []byte `json:"box,omitempty"`
}

func (r *record) isRevoked() bool { return !r.RevokedAt.IsZero() }

// associated is what the seal covers beside the private key: the whole record,
// in the one form in which it is written. A writer to the database without a
// wrapping key can therefore not bring a key forward or hold it back, change its
// algorithm, report or device, or undo a revocation by editing it. Such a writer
// can delete records, revoke (which needs no seal, and is no more than deleting)
// and put back an older state of a record as a whole: docs/keys.md says what
// helps against that.
func (r *record) associated() ([]byte, error) {
	bare := *r
	bare.Box = nil
	raw, err := json.Marshal(bare)
	if err != nil {
		return nil, err
	}
	return append([]byte("azattest signing key\x00"), raw...), nil
}

// parseRecord reads a record. It accepts the bytes that encode writes and no
// others, so nothing that was not looked at can stand in one. It knows nothing
// of whether the record is genuine.
func parseRecord(raw []byte) (*record, error) {
	if len(raw) > maxRecord {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(raw), maxRecord)
	}
	r := new(record)
	if err := json.Unmarshal(raw, r); err != nil {
		// The decoder's error may quote what it read.
		return nil, fmt.Errorf("%d bytes that are no record", len(raw))
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("version %d, want %d: written by a newer program", r.Version, recordVersion)
	}
	again, err := r.encode()
	if err != nil || !bytes.Equal(again, raw) {
		return nil, fmt.Errorf("%d bytes that no program of ours wrote", len(raw))
	}
	return r, r.check()
}

func (r *record) encode() ([]byte, error) {
	// Base64, hexadecimal digits and times have no characters that HTML needs
	// escaped; a device's name may, and is escaped alike each time.
	return json.Marshal(r)
}

// check refuses what makes no sense. It looks at the public key, if there is
// one, and not at the private key.
func (r *record) check() error {
	switch r.Algorithm {
	case token.RS256, token.PS256, token.ES256:
	default:
		return fmt.Errorf("algorithm %q, want RS256, PS256 or ES256", clip(string(r.Algorithm)))
	}
	if _, err := recordKey(r.ID); err != nil {
		return fmt.Errorf("key ID %q, want the base64 of 32 bytes", clip(r.ID))
	}
	for _, t := range []time.Time{r.CreatedAt, r.ActiveFrom, r.RevokedAt} {
		if t.Location() != time.UTC || t.Nanosecond() != 0 {
			return fmt.Errorf("time %s, want whole seconds in UTC", t.Format(time.RFC3339Nano))
		}
	}
	if r.Sequence < 1 || r.Sequence > maxSequence {
		return fmt.Errorf("sequence %d, want 1 to %d", r.Sequence, int64(maxSequence))
	}
	if r.CreatedAt.IsZero() || r.ActiveFrom.IsZero() {
		return fmt.Errorf("made at %s and active from %s, want both times", r.CreatedAt.Format(time.RFC3339), r.ActiveFrom.Format(time.RFC3339))
	}
	if len(r.Device) > maxDeviceReference {
		return fmt.Errorf("a device's name of %d bytes, want at most %d", len(r.Device), maxDeviceReference)
	}
	if r.isRevoked() {
		if len(r.PublicKey)+len(r.Report)+len(r.Box)+len(r.WrappedWith) > 0 {
			return fmt.Errorf("revoked, and yet with a key")
		}
		return nil
	}
	_, err := r.public()
	return err
}

// public returns the public key, which the ID must name.
func (r *record) public() (crypto.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(r.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("public key: not a SubjectPublicKeyInfo")
	}
	id, err := keyIDOf(pub)
	if err != nil {
		return nil, err
	}
	if id != r.ID {
		return nil, fmt.Errorf("public key: has the ID %s", id)
	}
	return pub, nil
}

// keyIDOf returns the ID under which tokens name a key.
func keyIDOf(pub crypto.PublicKey) (string, error) {
	data, err := token.ReportData(pub)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(data[:sha256.Size]), nil
}

// revoked returns what stays of a record.
func (r *record) revoked(at time.Time) *record {
	return &record{
		Version: recordVersion, ID: r.ID, Algorithm: r.Algorithm, Sequence: r.Sequence, CreatedAt: r.CreatedAt, ActiveFrom: r.ActiveFrom, Device: r.Device, RevokedAt: at,
	}
}

// clip shortens what is quoted from outside.
func clip(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
