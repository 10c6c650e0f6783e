package testattest

import (
	"crypto"
	"crypto/x509"
	"encoding/binary"
	"maps"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
)

// Request is what a client attests.
type Request struct {
	AIK *AIK
	// Certificate is the AIK's, nil for none.
	Certificate *x509.Certificate
	// Key signs the request: RSA, or ECDSA on P-256. Nil stands for the AIK, of
	// version 2.
	Key crypto.Signer
	// Challenge and Context are what the service gave out.
	Challenge, Context []byte
	// RPData is the relying party's, "" for none.
	RPData string
	// Log is of TCG's form; Banks are quoted.
	Log   []byte
	Banks []tpm.Bank
	// Public, unless nil, is the TPMT_PUBLIC by which the AIK certifies Key; else the
	// quote binds it.
	Public []byte
	// IsFree has nothing bind Key, which the protocol does not allow.
	IsFree bool
	// Others are TPMT_PUBLICs of further keys, certified. Version 2 only.
	Others [][]byte
	// Custom are claims of the client: name, value, type.
	Custom [][3]string
	// Edit changes the data at last, nil for not.
	Edit func(data map[string]any)
}

// V2 returns the request of version 2, a JWS.
func (r *Request) V2(tb testing.TB) []byte {
	tb.Helper()
	data := r.common()
	key := r.Key
	qualifying := r.Challenge
	switch {
	case key == nil:
		key = r.AIK.Signer
	case r.IsFree:
		data["request_key"] = map[string]any{"jwk": JWK(tb, key.Public())}
	case r.Public != nil:
		data["request_key"] = r.certified(tb, r.Public)
	default:
		jwk := JWK(tb, key.Public())
		binding, err := tpm.RequestKeyBinding(tpm.SHA256, string(jwk), r.Challenge)
		if err != nil {
			tb.Fatal(err)
		}
		qualifying = binding
		data["request_key"] = map[string]any{"jwk": jwk, "info": map[string]any{"tpm_quote": map[string]any{"hash_alg": "sha-256"}}}
	}
	var others []any
	for _, public := range r.Others {
		others = append(others, r.certified(tb, public))
	}
	if others != nil {
		data["other_keys"] = others
	}
	quote, signature := r.AIK.Quote(tb, qualifying, r.Banks...)
	current := map[string]any{
		"logs": []any{map[string]any{"type": "TCG", "log": b64(r.Log)}}, "pcrs": PCRs(r.Banks...), "quote": b64(quote), "signature": b64(signature),
	}
	maps.Copy(current, r.aik(tb))
	data["tpm_att_data"] = map[string]any{"current_attestation": current}
	return r.sign(tb, "attReqV2", key, data)
}

// V1 returns the request of version 1, as Windows makes it. There is one bank, of
// all PCRs.
func (r *Request) V1(tb testing.TB) []byte {
	tb.Helper()
	data := r.common()
	quote, signature := r.AIK.Quote(tb, r.Challenge, r.Banks...)
	var pcrs []byte
	for _, p := range r.Banks[0].PCRs {
		pcrs = append(pcrs, p.Digest...)
	}
	// NCRYPT_TPM_PLATFORM_ATTESTATION_STATEMENT
	claim := []byte("TPLA")
	for _, n := range []int{0, int(r.Banks[0].Algorithm), len(signature), len(quote), len(pcrs)} {
		claim = binary.LittleEndian.AppendUint32(claim, uint32(n)) //nolint:gosec // G115: sizes of a kilobyte at most
	}
	claim = append(append(append(claim, signature...), quote...), pcrs...)
	tpmData := r.aik(tb)
	tpmData["srtm_boot_log"], tpmData["current_claim"] = b64(r.Log), b64(claim)
	for _, name := range []string{"srtm_resume_log", "drtm_boot_log", "drtm_resume_log", "boot_claim"} {
		tpmData[name] = ""
	}
	data["tpm_att_data"], data["attest_key"] = tpmData, JWK(tb, r.Key.Public())
	return r.sign(tb, "attReq", r.Key, data)
}

// common is what both versions have.
func (r *Request) common() map[string]any {
	data := map[string]any{"rp_id": "https://rp.example", "challenge": b64(r.Challenge), "service_context": b64(r.Context)}
	if r.RPData != "" {
		data["rp_data"] = r.RPData
	}
	custom := []any{}
	for _, c := range r.Custom {
		custom = append(custom, map[string]any{"name": c[0], "value": c[1], "value_type": c[2]})
	}
	data["custom_claims"] = custom
	return data
}

// aik is how both versions name the AIK.
func (r *Request) aik(tb testing.TB) map[string]any {
	tb.Helper()
	m := map[string]any{"aik_pub": JWK(tb, r.AIK.Signer.Public())}
	if r.Certificate != nil {
		m["aik_cert"] = b64(r.Certificate.Raw)
	}
	return m
}

// certified is a key object with a TPM2_Certify.
func (r *Request) certified(tb testing.TB, public []byte) map[string]any {
	tb.Helper()
	p, err := tpm.ParsePublic(public)
	if err != nil {
		tb.Fatal(err)
	}
	attest, signature := r.AIK.Certify(tb, r.Challenge, public)
	return map[string]any{"jwk": JWK(tb, p.Key), "info": map[string]any{"tpm_certify": map[string]any{
		"public": b64(public), "certification": b64(attest), "signature": b64(signature),
	}}}
}
