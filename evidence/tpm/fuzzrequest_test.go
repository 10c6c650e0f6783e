package tpm_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/base64"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testvbs"
)

// FuzzParse puts a payload into a request. What is read is verified too, which
// must refuse it, for nobody signed it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"att_type":"basic","att_data":{}}`,
		`{"att_type":"vbs","att_data":{"report_signed":{"challenge":"AAAA","service_context":"AAAA"},"vsm_report":{"enclave":{"report":"AAAA"}}}}`,
		`{"att_type":"basic","att_data":{"challenge":"AAAA","service_context":"AAAA","custom_claims":[{"name":"a","value":"1","value_type":"Integer"}],` +
			`"tpm_att_data":{"current_attestation":{"aik_pub":{"kty":"EC","crv":"P-256","x":"","y":""},"logs":[],"pcrs":[{"algorithm":11,"values":[{"index":0,"digest":"AA"}]}]}}}}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	if _, ok := corpus.Find(); ok {
		aik, kernel := ecSoft(f), testvbs.New(f, 2048)
		for _, d := range []*draft{newDraft(f, aik, newECKey(f, elliptic.P256())), newDraftV1(f, aik), enclaveDraft(f, aik, kernel, kernel, 1), enclaveDraft(f, aik, kernel, kernel, 2)} {
			parts := bytes.Split(d.jws(f), []byte("."))
			payload, err := base64.RawURLEncoding.AppendDecode(nil, parts[1])
			if err != nil {
				f.Fatal(err)
			}
			f.Add(payload, d.typ == "attReq")
		}
	}
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	f.Fuzz(func(t *testing.T, payload []byte, isV1 bool) {
		header := `{"alg":"ES256","typ":"attReqV2"}`
		if isV1 {
			header = `{"alg":"ES256","typ":"attReq"}`
		}
		raw := []byte(b64([]byte(header)) + "." + b64(payload) + "." + b64(make([]byte, 64)))
		e, err := v.Parse(raw)
		if err != nil {
			refusal(t, payload, err)
			return
		}
		if challenge, context := e.(*tpm.Request).Challenge(); len(challenge) == 0 || len(context) == 0 {
			t.Error("a request without a challenge was read")
		}
		if _, err = v.Verify(t.Context(), e, evidence.Requirements{At: issued}); err == nil {
			t.Errorf("verified: %q", payload)
		} else if _, ok := err.(*evidence.Error); !ok { //nolint:errorlint // as in refusal
			t.Errorf("refused with %#v", err)
		}
	})
}
