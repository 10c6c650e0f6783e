package tpm_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testattest"
	"github.com/azattest/azattest/internal/testlog"
)

// draft is a request of version 2 that a test changes before it is signed.
type draft struct {
	aik soft
	key crypto.Signer // of the request
	// alg and typ go into the header.
	alg, typ string
	att      string
	// data is att_data, or report_signed of an enclave.
	data map[string]any
	// wrap makes att_data of the text of data; nil for the data itself.
	wrap func(data []byte) any
	// edit changes the JSON of the payload at last, nil for not.
	edit func(payload []byte) []byte
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// windowsLog is the log of a real Windows machine, with SHA-256 digests added.
func windowsLog(tb testing.TB) []byte {
	tb.Helper()
	raw := corpus.Read(tb, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json")
	return testlog.Agile(tb, testlog.Windows(tb, raw))
}

// quoted is an attestation object.
func quoted(tb testing.TB, aik soft, qualifying []byte, logs []any, banks ...tpm.Bank) map[string]any {
	tb.Helper()
	attest := aik.quote(qualifying, banks...)
	return map[string]any{
		"logs": logs, "aik_pub": testattest.JWK(tb, aik.signer.Public()), "pcrs": testattest.PCRs(banks...),
		"quote": b64(attest), "signature": b64(aik.sign(tb, attest)),
	}
}

func tcgLog(raw []byte) map[string]any { return map[string]any{"type": "TCG", "log": b64(raw)} }

// newDraft is a request whose key the quote binds, with a real Windows log.
func newDraft(tb testing.TB, aik soft, key crypto.Signer) *draft {
	tb.Helper()
	log := windowsLog(tb)
	d := &draft{aik: aik, key: key, typ: "attReqV2", att: "basic", alg: algorithmOf(key)}
	jwk := testattest.JWK(tb, key.Public())
	binding, err := tpm.RequestKeyBinding(tpm.SHA256, string(jwk), challenge)
	if err != nil {
		tb.Fatal(err)
	}
	d.data = map[string]any{
		"rp_id": "https://rp.example", "rp_data": "AQIDBA", "challenge": b64(challenge), "service_context": b64([]byte("context")),
		"tpm_att_data": map[string]any{"current_attestation": quoted(tb, aik, binding, []any{tcgLog(log)}, testattest.Replay(tb, log, tpm.SHA256))},
		"request_key":  map[string]any{"jwk": jwk, "info": map[string]any{"tpm_quote": map[string]any{"hash_alg": "sha-256"}}},
	}
	return d
}

func algorithmOf(key crypto.Signer) string {
	switch k := key.Public().(type) {
	case *ecdsa.PublicKey:
		if k.Params().BitSize == 384 {
			return "ES384"
		}
		return "ES256"
	default:
		return "PS256"
	}
}

// current is the current attestation, for changes.
func (d *draft) current() map[string]any { return d.platform("current_attestation") }

func (d *draft) platform(name string) map[string]any {
	return d.data["tpm_att_data"].(map[string]any)[name].(map[string]any)
}

// requote quotes anew, with another challenge, other banks or other logs.
func (d *draft) requote(tb testing.TB, qualifying []byte, banks ...tpm.Bank) {
	tb.Helper()
	c := d.current()
	attest := d.aik.quote(qualifying, banks...)
	c["quote"], c["signature"], c["pcrs"] = b64(attest), b64(d.aik.sign(tb, attest)), testattest.PCRs(banks...)
}

// binding is what the quote of the draft's key carries.
func (d *draft) binding(tb testing.TB) []byte {
	tb.Helper()
	b, err := tpm.RequestKeyBinding(tpm.SHA256, string(testattest.JWK(tb, d.key.Public())), challenge)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func (d *draft) certify(tb testing.TB, aik *x509.Certificate) {
	tb.Helper()
	d.current()["aik_cert"] = b64(aik.Raw)
}

// jws signs the draft.
func (d *draft) jws(tb testing.TB) []byte {
	tb.Helper()
	encode := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return b
	}
	var data any = d.data
	if d.wrap != nil {
		data = d.wrap(encode(d.data))
	}
	payload := encode(map[string]any{"att_type": d.att, "att_data": data})
	if d.edit != nil {
		payload = d.edit(payload)
	}
	input := b64(encode(map[string]any{"alg": d.alg, "typ": d.typ})) + "." + b64(payload)
	return []byte(input + "." + b64(signJWS(tb, d.key, d.alg, []byte(input))))
}

func signJWS(tb testing.TB, key crypto.Signer, alg string, input []byte) []byte {
	tb.Helper()
	digest := sha256.Sum256(input)
	var raw []byte
	var err error
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if alg == "RS256" {
			raw, err = rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:])
		} else {
			raw, err = rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
	case *ecdsa.PrivateKey:
		sum := digest[:]
		if alg == "ES384" {
			long := sha512.Sum384(input)
			sum = long[:]
		}
		var r, s *big.Int
		r, s, err = ecdsa.Sign(rand.Reader, k, sum)
		size := (k.Params().BitSize + 7) / 8
		raw = append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}
