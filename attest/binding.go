package attest

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

const (
	runtimeData  = "runtime data"
	initTimeData = "init-time data"

	// bindingSize is how much of a field binds data: its first 32 bytes hold the
	// SHA-256. The rest of the 64 bytes belongs to the enclave. Enclaves of the
	// Open Enclave SDK leave it zero, others need not, and nothing says that the
	// real service looks at it.
	bindingSize = sha256.Size
)

// BindingError says that data is not what the evidence vouches for.
type BindingError struct {
	// Data is "runtime data" or "init-time data".
	Data string
	// Digest is the SHA-256 of the data.
	Digest [sha256.Size]byte
	// Bound is the digest that the evidence holds, nil if this platform binds no
	// such data.
	Bound []byte
}

func (e *BindingError) Error() string {
	if e.Bound == nil {
		return fmt.Sprintf("attest: %s: this platform binds none, want a request without it", e.Data)
	}
	return fmt.Sprintf("attest: %s: its SHA-256 is %x, but the evidence holds %x: want the very bytes that were hashed when it was made",
		e.Data, e.Digest, e.Bound)
}

// bound is data that the evidence vouches for.
type bound struct {
	runtime, initTime *Data
	// The data as claims, if it came as JSON.
	runtimeJSON, initTimeJSON claims.Value
}

// bind holds the data of the request against the evidence.
func bind(r *Request, result *evidence.Result) (*bound, error) {
	b := &bound{runtime: r.RuntimeData, initTime: r.InitTimeData}
	var err error
	if b.runtimeJSON, err = bindOne(runtimeData, r.RuntimeData, result.RuntimeBinding); err != nil {
		return nil, err
	}
	if b.initTimeJSON, err = bindOne(initTimeData, r.InitTimeData, result.InitTimeBinding); err != nil {
		return nil, err
	}
	return b, nil
}

func bindOne(name string, d *Data, field []byte) (claims.Value, error) {
	if d == nil {
		return claims.Value{}, nil
	}
	digest := sha256.Sum256(d.Bytes)
	if field == nil {
		return claims.Value{}, &BindingError{Data: name, Digest: digest}
	}
	if subtle.ConstantTimeCompare(digest[:], field[:bindingSize]) != 1 {
		return claims.Value{}, &BindingError{Data: name, Digest: digest, Bound: bytes.Clone(field[:bindingSize])}
	}
	if !d.JSON {
		return claims.Value{}, nil
	}
	return parseObject(name, d.Bytes)
}

// parseObject reads data that came as JSON. C programs hash the NUL that ends
// their strings along with the text, and the real service lets them.
func parseObject(name string, raw []byte) (claims.Value, error) {
	v, err := claims.JSON(bytes.TrimSuffix(raw, []byte{0}))
	if err != nil {
		return claims.Value{}, &RequestError{Part: name, Problem: "sent as JSON and is none", Err: err}
	}
	// The clients' models know nothing but objects here.
	if text, ok := v.RawJSON(); !ok || text[0] != '{' {
		return claims.Value{}, &RequestError{Part: name, Problem: "sent as JSON and is no object"}
	}
	return v, nil
}
