package tpm

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/azattest/azattest/evidence/tpm"
)

// Types of a request's JWS.
const (
	typeVersion1 = "attReq"
	typeVersion2 = "attReqV2"
)

// challenge is what the service wants to be signed, and what it wants back with it.
type challenge struct {
	challenge []byte
	context   string // service_context, as it came
}

// attData is att_data of a request. The members of both versions are in the order
// in which Microsoft's document has them.
type attData struct {
	RPID           string          `json:"rp_id"`
	RPData         string          `json:"rp_data"`
	Challenge      string          `json:"challenge"`
	TPMAttData     any             `json:"tpm_att_data"`
	AttestKey      json.RawMessage `json:"attest_key,omitempty"`  // version 1
	RequestKey     *wireKey        `json:"request_key,omitempty"` // version 2
	OtherKeys      []wireKey       `json:"other_keys,omitempty"`
	CustomClaims   []CustomClaim   `json:"custom_claims,omitempty"`
	ServiceContext string          `json:"service_context"`
}

// vsmData is att_data where an enclave vouches for the rest.
type vsmData struct {
	ReportSigned json.RawMessage `json:"report_signed"`
	VSMReport    any             `json:"vsm_report"`
}

// tpmDataV2 is tpm_att_data of version 2.
type tpmDataV2 struct {
	Current attestationV2 `json:"current_attestation"`
}

type attestationV2 struct {
	Logs      []wireLog       `json:"logs,omitempty"`
	AIKCert   string          `json:"aik_cert,omitempty"` // DER
	AIKPub    json.RawMessage `json:"aik_pub"`
	PCRs      []wireBank      `json:"pcrs"`
	Quote     string          `json:"quote"`     // TPMS_ATTEST
	Signature string          `json:"signature"` // TPMT_SIGNATURE
}

type wireLog struct {
	Type LogType `json:"type"`
	Log  string  `json:"log"`
}

type wireBank struct {
	Algorithm tpm.Algorithm `json:"algorithm"` // TPM_ALG_ID, a number
	Values    []wirePCR     `json:"values"`
}

type wirePCR struct {
	Index  int    `json:"index"`
	Digest string `json:"digest"`
}

// tpmDataV1 is tpm_att_data of version 1. There are further logs for machines that
// resumed, or that started a second time by DRTM; what is collected here has none.
type tpmDataV1 struct {
	BootLog       string          `json:"srtm_boot_log"`
	ResumeLog     string          `json:"srtm_resume_log"`
	DRTMBootLog   string          `json:"drtm_boot_log"`
	DRTMResumeLog string          `json:"drtm_resume_log"`
	AIKCert       string          `json:"aik_cert,omitempty"`
	AIKPub        json.RawMessage `json:"aik_pub"`
	CurrentClaim  string          `json:"current_claim"`
}

// request makes a signed request of a challenge, and returns the quote in it, too.
func (o *AttestOptions) request(ctx context.Context, t *TPM, key *requestKey, c challenge) (string, *tpm.Quote, error) {
	data := attData{
		RPID: o.RPID, RPData: encode(o.Nonce), Challenge: encode(c.challenge), CustomClaims: o.CustomClaims, ServiceContext: c.context,
	}
	kind, fill := typeVersion2, o.fillV2
	if o.Version == version1 {
		kind, fill = typeVersion1, o.fillV1
	}
	q, err := fill(ctx, t, key, c.challenge, &data)
	if err != nil {
		return "", nil, err
	}
	payload, err := o.enclosed(ctx, compact(data))
	if err != nil {
		return "", nil, err
	}
	var signed string
	if key == nil {
		signed, err = o.AIK.signJWS(ctx, kind, payload)
	} else {
		signed, err = signJWS(ctx, key.signer, kind, payload)
	}
	return signed, q.verified, err
}

// enclosed puts att_data into a payload, with the report of an enclave over its very
// bytes if there is one.
func (o *AttestOptions) enclosed(ctx context.Context, data json.RawMessage) ([]byte, error) {
	payload := struct {
		AttType string `json:"att_type"`
		AttData any    `json:"att_data"`
	}{"basic", data}
	if o.VSMReport == nil {
		return compact(payload), nil
	}
	raw, err := o.VSMReport(ctx, data)
	if err != nil {
		return nil, &Error{Op: "report of the enclave", Err: err}
	}
	if len(raw) == 0 {
		return nil, &Error{Op: "report of the enclave", Found: "no bytes", Expected: "what EnclaveGetAttestationReport returns"}
	}
	var report any = encode(raw)
	if o.Version == version2 {
		report = map[string]any{"enclave": map[string]string{"report": encode(raw)}}
	}
	payload.AttType, payload.AttData = "vbs", vsmData{data, report}
	return compact(payload), nil
}

// fillV2 quotes, and has the keys certified.
func (o *AttestOptions) fillV2(ctx context.Context, t *TPM, key *requestKey, challenge []byte, data *attData) (*quote, error) {
	// Keys first: what changes most, PCRs and logs, comes last.
	qualifying := challenge
	var err error
	if key != nil {
		wire, err := key.wire(ctx, o.AIK, challenge)
		if err != nil {
			return nil, err
		}
		data.RequestKey = &wire
		if qualifying, err = key.qualifyingData(challenge); err != nil {
			return nil, &Error{Op: "request key", Err: err}
		}
	}
	if data.OtherKeys, err = o.AIK.wireOthers(ctx, o.OtherKeys, challenge); err != nil {
		return nil, err
	}
	q, logs, err := o.measure(ctx, t, qualifying)
	if err != nil {
		return nil, err
	}
	a := attestationV2{AIKCert: o.AIK.leaf(), AIKPub: compact(o.AIK.key.public.JWK()), Quote: encode(q.attest), Signature: encode(q.signature)}
	for _, l := range logs {
		a.Logs = append(a.Logs, wireLog{l.Type, encode(l.Bytes)})
	}
	for _, b := range q.verified.Banks {
		bank := wireBank{Algorithm: b.Algorithm}
		for _, p := range b.PCRs {
			bank.Values = append(bank.Values, wirePCR{p.Index, encode(p.Digest)})
		}
		a.PCRs = append(a.PCRs, bank)
	}
	data.TPMAttData = tpmDataV2{a}
	return q, nil
}

// fillV1 quotes the challenge alone: in version 1 nothing binds the key.
func (o *AttestOptions) fillV1(ctx context.Context, t *TPM, key *requestKey, challenge []byte, data *attData) (*quote, error) {
	q, logs, err := o.measure(ctx, t, challenge)
	if err != nil {
		return nil, err
	}
	claim, err := platformClaim(q)
	if err != nil {
		return nil, err
	}
	d := tpmDataV1{AIKCert: o.AIK.leaf(), AIKPub: compact(o.AIK.key.public.JWK()), CurrentClaim: encode(claim)}
	for _, l := range logs {
		if l.Type == LogTCG { // there is no room for IMA's
			d.BootLog = encode(l.Bytes)
		}
	}
	data.TPMAttData, data.AttestKey = d, key.jwk
	return q, nil
}

// measure quotes the PCRs and reads the logs after that.
func (o *AttestOptions) measure(ctx context.Context, t *TPM, qualifying []byte) (*quote, []Log, error) {
	banks := o.Banks
	if len(banks) == 0 {
		logs, err := o.logs(t)
		if err != nil {
			return nil, nil, err
		}
		banks = []tpm.Algorithm{t.defaultBank(logs)}
	}
	s, err := t.selected(banks, o.PCRs)
	if err != nil {
		return nil, nil, err
	}
	q, err := o.AIK.quote(ctx, qualifying, s)
	if err != nil {
		return nil, nil, err
	}
	// Again: IMA's has grown, perhaps.
	logs, err := o.logs(t)
	return q, logs, err
}

// logs returns those to send, as they are now.
func (o *AttestOptions) logs(t *TPM) ([]Log, error) {
	if o.NoLogs || len(o.Logs) > 0 {
		return o.Logs, nil
	}
	if o.Root == "" && !t.isOwn {
		return nil, nil
	}
	return ReadLogs(o.Root)
}

// leaf is the AIK's certificate as requests have it, "" if there is none.
func (a *AIK) leaf() string {
	if len(a.chain) == 0 {
		return ""
	}
	return encode(a.chain[0].Raw)
}

// parseChallenge reads the answer to the first message.
func parseChallenge(text []byte) (challenge, error) {
	payload, err := payloadOf(text)
	if err != nil {
		return challenge{}, err
	}
	var c challenge
	if c.challenge, err = payload.bytes("challenge", maxChallenge); err != nil {
		return challenge{}, err
	}
	if len(c.challenge) == 0 {
		return challenge{}, fmt.Errorf("member %q is empty", "challenge")
	}
	if c.context, err = payload.text("service_context"); err != nil {
		return challenge{}, err
	}
	if len(c.context) > maxContext {
		return challenge{}, fmt.Errorf("member %q: %d bytes, want at most %d", "service_context", len(c.context), maxContext)
	}
	return c, nil
}

// parseReport reads the answer to the second message.
func parseReport(text []byte) (string, error) {
	payload, err := payloadOf(text)
	if err != nil {
		return "", err
	}
	return payload.text("report")
}

func payloadOf(text []byte) (object, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, err
	}
	return o.object("payload")
}
