package wire

import (
	"encoding/json"
	"fmt"
	"strings"
)

// AttestRequest is the body of POST /attest/SgxEnclave and /attest/OpenEnclave.
type AttestRequest struct {
	// Evidence is the decoded quote or report.
	Evidence []byte
	// RuntimeData and InitTimeData are nil where the request has none.
	RuntimeData, InitTimeData *Data
	// DraftPolicy is the text of a policy, nil for none.
	DraftPolicy *string
	// Nonce is to be repeated in the token, nil for none.
	Nonce *string
}

// Data is runtime or init-time data, decoded.
type Data struct {
	Bytes []byte
	// JSON says that the client wants it shown as JSON.
	JSON bool
}

// Members that carry the evidence.
const (
	QuoteMember  = "quote"  // of SgxEnclave
	ReportMember = "report" // of OpenEnclave
)

// ParseAttestRequest reads a request body whose evidence stands in the given
// member. It is as lenient as the real service: names in any case, base64 of
// either alphabet with or without padding, a nonce that is a number, an empty
// data type, null for absent; members that it does not know are passed over.
// Everything else is refused with a *[RequestError].
func ParseAttestRequest(member string, body []byte) (*AttestRequest, error) {
	o, err := parseObject(bodyPath, body)
	if err != nil {
		return nil, err
	}
	r := new(AttestRequest)
	evidence, err := o.text(member)
	if err != nil {
		return nil, err
	}
	if evidence == nil || *evidence == "" {
		return nil, o.problem(member, "missing, want the evidence in base64url", nil)
	}
	if r.Evidence, err = decodeBase64(*evidence); err != nil {
		return nil, o.problem(member, "want base64url", err)
	}
	if r.RuntimeData, err = parseData(o, "runtimeData"); err != nil {
		return nil, err
	}
	if r.InitTimeData, err = parseData(o, "initTimeData"); err != nil {
		return nil, err
	}
	if r.DraftPolicy, err = o.text("draftPolicyForAttestation"); err != nil {
		return nil, err
	}
	if r.Nonce, err = parseNonce(o); err != nil {
		return nil, err
	}
	return r, nil
}

// parseData reads {"data":…,"dataType":…}. Empty data of no type means that there
// is none: the confidential containers' sidecar sends it so.
func parseData(o object, name string) (*Data, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil //nolint:nilnil // an absent member is no error
	}
	path := name
	if o.path != bodyPath {
		path = o.path + "." + name
	}
	inner, err := parseObject(path, raw)
	if err != nil {
		return nil, err
	}
	text, err := inner.text("data")
	if err != nil {
		return nil, err
	}
	kind, err := inner.text("dataType")
	if err != nil {
		return nil, err
	}
	if (text == nil || *text == "") && (kind == nil || *kind == "") {
		return nil, nil //nolint:nilnil // see above
	}
	if text == nil {
		return nil, inner.problem("data", "missing, want base64url", nil)
	}
	d := new(Data)
	if kind != nil {
		switch {
		case *kind == "", strings.EqualFold(*kind, "Binary"):
		case strings.EqualFold(*kind, "JSON"):
			d.JSON = true
		default:
			return nil, inner.problem("dataType", fmt.Sprintf("%q, want Binary or JSON", *kind), nil)
		}
	}
	if d.Bytes, err = decodeBase64(*text); err != nil {
		return nil, inner.problem("data", "want base64url", err)
	}
	return d, nil
}

// parseNonce reads a string, or a number as it is written: the confidential
// containers' sidecar sends one.
func parseNonce(o object) (*string, error) {
	raw, ok := o.get("nonce")
	if !ok {
		return nil, nil //nolint:nilnil // an absent member is no error
	}
	switch kindOf(raw) {
	case "a string":
		return o.text("nonce")
	case "a number":
		var n json.Number
		if err := json.Unmarshal(raw, &n); err != nil {
			return nil, o.problem("nonce", "want a string or a number", err)
		}
		text := n.String()
		return &text, nil
	}
	return nil, o.problem("nonce", "want a string or a number, found "+kindOf(raw), nil)
}
