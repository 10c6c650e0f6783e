package tpm

import (
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// payloadPath is the path of a request's outermost object.
const payloadPath = "request"

// Request is a request of the TPM attestation protocol, not trusted: what a TPM
// says of a boot, keys that go with it, perhaps the report of a VBS enclave, signed
// by one of those keys.
type Request struct {
	jws *jws
	// rpData is the relying party's, as sent; nil where it was not.
	rpData             *string
	challenge, context []byte
	current            *platform
	boot               *platform // nil if there is none
	key                *requestKey
	otherKeys          []*requestKey
	custom             *claims.Set
	// reportSigned is what an enclave vouches for, byte for byte; nil without one.
	reportSigned []byte
	enclave      *EnclaveReport
}

var _ evidence.Evidence = (*Request)(nil)

// Parse reads a request of either version: a JWS in compact serialization (RFC
// 7515, section 3.1) with typ attReq or attReqV2. All that it brings is read and
// bounded here, logs and structures included; nothing is believed. Errors are
// *[evidence.Error] of [evidence.StageParse], or name the log and its event.
//
// Source: Microsoft, "TPM and VBS enclave attestation protocol", request messages
// v1 and v2.
func Parse(raw []byte) (*Request, error) {
	j, err := parseJWS(raw)
	if err != nil {
		return nil, err
	}
	payload, err := parseJSON(payloadPath, j.payload)
	if err != nil {
		return nil, err
	}
	r := &Request{jws: j}
	data, err := r.openData(payload)
	if err != nil {
		return nil, err
	}
	if err := r.readCommon(data); err != nil {
		return nil, err
	}
	if j.version == 1 {
		err = r.readV1(data)
	} else {
		err = r.readV2(data)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// openData returns the object with the data: att_data, or what an enclave has
// vouched for within.
func (r *Request) openData(payload object) (object, error) {
	kind, _, err := payload.text("att_type")
	if err != nil {
		return object{}, err
	}
	data, ok, err := payload.object("att_data")
	if err != nil || !ok {
		return object{}, orMissing(err, payload, "att_data", "an object")
	}
	switch kind {
	case "basic":
		return data, nil
	case "vbs":
	default:
		return object{}, jsonError(payload.pathOf("att_type"), evidence.CodeUnsupported, fmt.Sprintf("%.32q", kind), "basic or vbs")
	}
	if err := r.readEnclave(data); err != nil {
		return object{}, err
	}
	signed, ok, err := data.object("report_signed")
	if err != nil || !ok {
		return object{}, orMissing(err, data, "report_signed", "an object")
	}
	r.reportSigned, _ = data.get("report_signed")
	return signed, nil
}

// readEnclave reads vsm_report: base64url in version 1, {"enclave":{"report":…}}
// in version 2.
func (r *Request) readEnclave(data object) error {
	holder, name := data, "vsm_report"
	if r.jws.version == 2 {
		report, ok, err := data.object("vsm_report")
		if err != nil || !ok {
			return orMissing(err, data, "vsm_report", "an object")
		}
		enclave, ok, err := report.object("enclave")
		if err != nil || !ok {
			return orMissing(err, report, "enclave", "an object")
		}
		holder, name = enclave, "report"
	}
	raw, err := holder.needed(name, maxEnclaveReport)
	if err != nil {
		return err
	}
	r.enclave, err = ParseEnclaveReport(raw)
	return err
}

// orMissing returns the error of a member that was read and is not there.
func orMissing(err error, o object, name, expected string) error {
	if err != nil {
		return err
	}
	return o.missing(name, expected)
}

// readCommon reads what both versions have.
func (r *Request) readCommon(data object) error {
	// Nothing repeats rp_id: only its form is looked at.
	_, err := readOfRelyingParty(data, "rp_id")
	if err != nil {
		return err
	}
	if r.rpData, err = readOfRelyingParty(data, "rp_data"); err != nil {
		return err
	}
	if r.rpData != nil {
		// The token repeats it as it was sent, so only its form is looked at.
		if _, err := decodeBase64URL([]byte(*r.rpData)); err != nil {
			e := jsonError(data.pathOf("rp_data"), evidence.CodeMalformed, "", "base64url")
			e.Err = err
			return e
		}
	}
	if r.challenge, err = data.needed("challenge", maxChallenge); err != nil {
		return err
	}
	if r.context, err = data.needed("service_context", maxContext); err != nil {
		return err
	}
	r.custom, err = readCustom(data)
	return err
}

// readOfRelyingParty reads a text of the relying party's, nil if it was not sent.
func readOfRelyingParty(data object, name string) (*string, error) {
	text, ok, err := data.text(name)
	if err != nil || !ok {
		return nil, err
	}
	if len(text) > maxRPData {
		return nil, jsonError(data.pathOf(name), evidence.CodeTooLarge, fmt.Sprintf("%d bytes", len(text)), fmt.Sprintf("at most %d", maxRPData))
	}
	return &text, nil
}

// Challenge returns what the request says that it answers, with what the service
// gave out beside it to know it again. Package attest asks for it, by its interface
// Challenged.
func (r *Request) Challenge() (challenge, context []byte) { return r.challenge, r.context }

// Claims returns what configuration rules may read before anything is verified:
// nothing, for Microsoft's have no conditions.
func (r *Request) Claims() *claims.Set { return new(claims.Set) }

// Version is that of the request: 1 or 2.
func (r *Request) Version() int { return r.jws.version }
