package keyrelease

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Released is a key that was released to this party. However it is printed, logged or
// encoded, Material does not show.
type Released struct {
	// Material is the secret: PKCS #8 in DER, or the bytes of a symmetric key.
	Material []byte
	// Name, Version, KeyID, Type, Operations, Attributes and Policy are as in
	// [Response].
	Name, Version, KeyID string
	Type                 string
	Operations           []string
	Attributes           Attributes
	Policy               *Policy
}

func newReleased(r *Response, material []byte) *Released {
	return &Released{
		Material: material, Name: r.Name, Version: r.Version, KeyID: r.KeyID, Type: r.Type, Operations: r.Operations,
		Attributes: r.Attributes, Policy: r.Policy,
	}
}

// Clear overwrites Material.
func (r *Released) Clear() {
	if r != nil {
		clear(r.Material)
		r.Material = nil
	}
}

// String says which key it is.
func (r Released) String() string { return "released key " + r.KeyID + " (" + r.Type + ")" }

// GoString says which key it is.
func (r Released) GoString() string { return r.String() }

// Format says which key it is, whatever the verb: %d and %x would show Material.
func (r Released) Format(f fmt.State, _ rune) {
	// What fmt writes to does not fail.
	_, _ = io.WriteString(f, r.String())
}

// LogValue says which key it is.
func (r Released) LogValue() slog.Value {
	return slog.GroupValue(slog.String("key_id", r.KeyID), slog.String("type", r.Type))
}

// MarshalJSON writes which key it is.
func (r Released) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		KeyID      string   `json:"kid"`
		Type       string   `json:"kty"`
		Operations []string `json:"key_ops,omitempty"`
	}{r.KeyID, r.Type, r.Operations})
}

var _ interface {
	fmt.Formatter
	fmt.GoStringer
	fmt.Stringer
	json.Marshaler
	slog.LogValuer
} = Released{}
