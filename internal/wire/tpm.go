package wire

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// TPMMessage is the body of POST /attest/Tpm, decoded: one of the two messages that
// a client sends.
type TPMMessage struct {
	// Request is the signed request, a JWS in compact serialization; nil for the
	// message that asks for a challenge.
	Request []byte
}

// typeAIKCert is the only type of attestation that the protocol knows.
const typeAIKCert = "aikcert"

// ParseTPMMessage reads {"data":"…"}, whose data is base64url of JSON:
//
//	{"payload":{"type":"aikcert"}}        asks for a challenge
//	{"payload":{"request":"<JWS>"}}       answers it
//
// What stands beside payload, such as metadata about the system, is passed over.
// Anything else is refused with a *[RequestError].
func ParseTPMMessage(body []byte) (*TPMMessage, error) {
	outer, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	text, err := outer.bytes("data")
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return nil, outer.problem("data", "missing, want a message of the TPM attestation protocol in base64url", nil)
	}
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, outer.problem("data", "want base64url", err)
	}
	inner, err := parseInner("data", raw)
	if err != nil {
		return nil, err
	}
	payload, ok := inner.get("payload")
	if !ok {
		return nil, inner.problem("payload", "missing, want an object", nil)
	}
	message, err := parseObject(inner.memberPath("payload"), payload)
	if err != nil {
		return nil, err
	}
	return parsePayload(message)
}

func parsePayload(o object) (*TPMMessage, error) {
	request, err := o.bytes("request")
	if err != nil {
		return nil, err
	}
	kind, err := o.text("type")
	switch {
	case err != nil:
		return nil, err
	case request != nil && kind != nil:
		return nil, o.problem("", "type and request, want one of them", nil)
	case request != nil && len(request) == 0:
		return nil, o.problem("request", "empty, want a JWS", nil)
	case request != nil:
		return &TPMMessage{Request: request}, nil
	case kind == nil:
		return nil, o.problem("type", "missing, want "+typeAIKCert+" to ask for a challenge, or a request that answers one", nil)
	case *kind != typeAIKCert:
		return nil, o.problem("type", fmt.Sprintf("%q, want %s", Clip(*kind), typeAIKCert), nil)
	}
	return new(TPMMessage), nil
}

// TPMAnswer is the body of the answer to either message.
type TPMAnswer struct {
	// Data is base64url of a JSON text, {"payload":{…}}.
	Data string `json:"data"`
}

// NewTPMChallenge answers the first message.
func NewTPMChallenge(challenge, context []byte) (TPMAnswer, error) {
	return newTPMAnswer(struct {
		Challenge      string `json:"challenge"`
		ServiceContext string `json:"service_context"`
	}{base64.RawURLEncoding.EncodeToString(challenge), base64.RawURLEncoding.EncodeToString(context)})
}

// NewTPMReport answers the second message with a token.
func NewTPMReport(token string) (TPMAnswer, error) {
	return newTPMAnswer(struct {
		Report string `json:"report"`
	}{token})
}

func newTPMAnswer(payload any) (TPMAnswer, error) {
	text, err := json.Marshal(struct {
		Payload any `json:"payload"`
	}{payload})
	if err != nil {
		return TPMAnswer{}, fmt.Errorf("wire: %w", err)
	}
	return TPMAnswer{Data: base64.RawURLEncoding.EncodeToString(text)}, nil
}
