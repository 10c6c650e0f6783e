package keyrelease

import (
	"encoding/json"
	"fmt"
)

// Request is what who asks for a key sends: the body of POST
// /keys/{name}/{version}/release.
type Request struct {
	// Target is the attestation token of the party to which the key is to be released.
	Target string
	// Nonce is repeated in the response, and must be that of the token if it has one.
	// Empty: none.
	Nonce string
	// Algorithm says how the key is to be wrapped. Empty stands for
	// [CKMRSAAESKeyWrap], as at Key Vault.
	Algorithm WrapAlgorithm
}

// ParseRequest reads a request: a JSON object with target, and nonce and enc if it
// likes. Other members are passed over, as a later version of the API may have them.
// The error is a *[RefusalError].
func ParseRequest(body []byte) (*Request, error) {
	root, fault := parseFewJSON(body, maxRequestValues)
	if fault != nil {
		return nil, badParameter(fmt.Sprintf("The request body is not valid JSON: at byte %d, %s.", fault.offset, fault.problem), nil)
	}
	if root.kind != kindObject {
		return nil, badParameter("The request body is "+string(root.kind)+", want an object.", nil)
	}
	r := new(Request)
	var algorithm string
	for _, m := range []struct {
		name  string
		into  *string
		limit int
	}{{"target", &r.Target, maxTokenBytes}, {"nonce", &r.Nonce, maxNonceBytes}, {"enc", &algorithm, maxNameBytes}} {
		switch v := root.member(m.name); {
		case v == nil || v.kind == kindNull:
		case v.kind != kindString:
			return nil, badParameter(fmt.Sprintf("Property %s is %s, want a string.", m.name, v.kind), nil)
		case len(v.text) > m.limit:
			return nil, badParameter(fmt.Sprintf("Property %s has %d bytes, want at most %d.", m.name, len(v.text), m.limit), nil)
		default:
			*m.into = v.text
		}
	}
	r.Algorithm = WrapAlgorithm(algorithm)
	return r, r.check()
}

// check refuses what cannot be answered, and sets what was left out.
func (r *Request) check() error {
	if r.Target == "" {
		return badParameter("Property target is missing, want the attestation token of the target environment.", nil)
	}
	if r.Algorithm == "" {
		r.Algorithm = CKMRSAAESKeyWrap
	}
	if !r.Algorithm.isKnown() {
		return badParameter("Property enc is invalid: "+r.Algorithm.unknown().Error()+".", nil)
	}
	return nil
}

// JSON returns the body.
func (r *Request) JSON() ([]byte, error) {
	return json.Marshal(struct {
		Target    string        `json:"target"`
		Nonce     string        `json:"nonce,omitempty"`
		Algorithm WrapAlgorithm `json:"enc,omitempty"`
	}{r.Target, r.Nonce, r.Algorithm})
}
