package wire

import (
	"fmt"
	"strings"
)

// AttestRequest is the body of POST /attest/SgxEnclave and /attest/OpenEnclave.
type AttestRequest struct {
	// Evidence is the decoded quote or report, never empty.
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

// The members that carry the evidence.
const (
	QuoteMember  = "quote"  // of SgxEnclave
	ReportMember = "report" // of OpenEnclave
)

// ParseAttestRequest reads a request body whose evidence stands in the given
// member. It is as lenient as the real service's clients need: names in any
// case, base64 of either alphabet with padding or without, a nonce that is an
// integer, a data type that is empty, null for absent; members that it does not
// know are passed over. Everything else is refused with a *[RequestError].
//
// Every API version is read alike. A nonce came into the documents with
// 2022-08-01 only, but clients of 2020-10-01 send one, and to drop it in silence
// would cost them the freshness that they ask for.
func ParseAttestRequest(member string, body []byte) (*AttestRequest, error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := new(AttestRequest)
	if r.Evidence, err = parseEvidence(o, member); err != nil {
		return nil, err
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
	if r.Nonce, err = parseNonce(o, "nonce"); err != nil {
		return nil, err
	}
	return r, nil
}

func parseEvidence(o object, member string) ([]byte, error) {
	text, err := o.bytes(member)
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, o.problem(member, "missing, want the evidence in base64url", nil)
	}
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, o.problem(member, "want base64url", err)
	}
	return raw, nil
}

// parseData reads {"data":…,"dataType":…}. Empty data of an empty type means that
// there is none: the sidecar of Azure's confidential containers sends it so.
func parseData(o object, name string) (*Data, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil //nolint:nilnil // an absent member is no error
	}
	inner, err := parseObject(o.memberPath(name), raw)
	if err != nil {
		return nil, err
	}
	text, err := inner.bytes("data")
	if err != nil {
		return nil, err
	}
	kind, err := inner.text("dataType")
	if err != nil {
		return nil, err
	}
	if len(text) == 0 && isEmpty(kind) {
		return nil, nil //nolint:nilnil // see above
	}
	if text == nil {
		return nil, inner.problem("data", "missing, want base64url", nil)
	}
	d := new(Data)
	switch {
	case isEmpty(kind) || Fold(*kind) == "binary":
	case Fold(*kind) == "json":
		d.JSON = true
	default:
		return nil, inner.problem("dataType", fmt.Sprintf("%q, want Binary or JSON", Clip(*kind)), nil)
	}
	if d.Bytes, err = decodeBase64(text); err != nil {
		return nil, inner.problem("data", "want base64url", err)
	}
	return d, nil
}

func isEmpty(text *string) bool { return text == nil || *text == "" }

// parseNonce reads a string, or an integer as it is written: the sidecar of
// Azure's confidential containers sends one of 64 bits. A fraction or an exponent
// is refused, since one number has many such spellings.
func parseNonce(o object, name string) (*string, error) {
	raw, ok := o.get(name)
	if !ok {
		return nil, nil //nolint:nilnil // an absent member is no error
	}
	switch kind := kindOf(raw); kind {
	case kindString:
		return o.text(name)
	case kindNumber:
		text := string(raw)
		if strings.Trim(text, "-0123456789") != "" {
			return nil, o.problem(name, "a number that is not written as an integer, want a string or an integer", nil)
		}
		return &text, nil
	default:
		return nil, o.problem(name, "want a string or an integer, found "+kind, nil)
	}
}
