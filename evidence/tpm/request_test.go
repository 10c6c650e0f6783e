package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testattest"
)

const allPCRMask = 1<<24 - 1

// checkRequest parses and verifies a request.
func checkRequest(tb testing.TB, v *tpm.Verifier, raw []byte, want evidence.Requirements) (*evidence.Result, error) {
	tb.Helper()
	e, err := v.Parse(raw)
	if err != nil {
		return nil, err
	}
	want.At = issued
	return v.Verify(tb.Context(), e, want)
}

// signers are the keys that the protocol knows, by name.
func signers(tb testing.TB) map[string]crypto.Signer {
	tb.Helper()
	return map[string]crypto.Signer{"RSA": rsaKey(), "P-256": newECKey(tb, elliptic.P256()), "P-384": newECKey(tb, elliptic.P384())}
}

func text(tb testing.TB, s *claims.Set, name string) string {
	tb.Helper()
	v, _ := s.First(name)
	return v.String()
}

func TestRequestOfAWindowsBoot(t *testing.T) {
	t.Parallel()
	aiks := map[string]soft{
		"RSASSA": newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256),
		"RSAPSS": newSoft(t, rsaKey(), tpm.RSAPSS, tpm.SHA256),
		"P-256":  newSoft(t, newECKey(t, elliptic.P256()), tpm.ECDSA, tpm.SHA256),
		"P-384":  newSoft(t, newECKey(t, elliptic.P384()), tpm.ECDSA, tpm.SHA384),
	}
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	for aikName, aik := range aiks {
		for keyName, key := range signers(t) {
			t.Run(aikName+" and "+keyName, func(t *testing.T) {
				t.Parallel()
				d := newDraft(t, aik, key)
				d.data["custom_claims"] = []any{
					map[string]any{"name": "aikValidated", "value": "true", "value_type": "Boolean"},
					map[string]any{"name": "count", "value": "-7", "value_type": "Integer"},
				}
				result, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
				if err != nil {
					t.Fatal(err)
				}
				for name, want := range map[string]claims.Value{
					"aikValidated": claims.Boolean(false), "tpmVersion": claims.Integer(2), "aikPubHash": claims.String(aik.aik(t).Hash()),
					"secureBootEnabled": claims.Boolean(true), "notSafeMode": claims.Boolean(true), "notWinPE": claims.Boolean(true),
					"bootDebuggingDisabled": claims.Boolean(true), "vbsReportPresent": claims.Boolean(false),
					"x-azattest-tpm-reset-count": claims.Integer(2),
				} {
					if got, _ := result.PolicyOnly.First(name); got != want {
						t.Errorf("%s = %v, want %v", name, got, want)
					}
				}
				jwk := string(testattest.JWK(t, key.Public()))
				if got := text(t, result.PolicyOnly, "x-ms-tpm-request-key"); got != sorted(t, `{"jwk":`+jwk+`,"info":{"tpm_quote":{"hash_alg":"sha-256"}}}`) {
					t.Errorf("request key %s", got)
				}
				if got := text(t, result.TokenOnly, "cnf"); got != sorted(t, `{"jwk":`+jwk+`}`) {
					t.Errorf("cnf %s", got)
				}
				if got := text(t, result.TokenOnly, "nonce") + text(t, result.TokenOnly, "rp_data"); got != "AQIDBAAQIDBA" {
					t.Errorf("nonce and rp_data %q", got)
				}
				if result.Type != "tpm" || result.Custom.Len() != 2 {
					t.Errorf("type %q, %d custom claims", result.Type, result.Custom.Len())
				}
			})
		}
	}
}

// sorted is a JSON text as claims have it.
func sorted(tb testing.TB, raw string) string {
	tb.Helper()
	v, err := claims.JSON([]byte(raw))
	if err != nil {
		tb.Fatal(err)
	}
	return v.String()
}

func TestRequestWithCertifiedKeys(t *testing.T) {
	t.Parallel()
	aik, key := ecSoft(t), newECKey(t, elliptic.P256())
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	certified := func(key crypto.PublicKey, attributes tpm.Attributes) map[string]any {
		raw := publicOf(t, key, uint32(attributes), tpm.SHA256, tpm.Null, tpm.Null)
		attest := aik.certify(challenge, parsePublic(t, raw))
		return map[string]any{"jwk": testattest.JWK(t, key), "info": map[string]any{"tpm_certify": map[string]any{
			"public": b64(raw), "certification": b64(attest), "signature": b64(aik.sign(t, attest)),
		}}}
	}
	const resident = tpm.FixedTPM | tpm.FixedParent | tpm.SensitiveDataOrigin
	log := windowsLog(t)
	bank := testattest.Replay(t, log, tpm.SHA256)
	d := newDraft(t, aik, key)
	d.data["request_key"] = certified(key.Public(), resident|tpm.Sign)
	other := newECKey(t, elliptic.P384())
	d.data["other_keys"] = []any{certified(rsaKey().Public(), tpm.Decrypt), map[string]any{"jwk": testattest.JWK(t, other.Public()), "info": map[string]any{}}}
	d.requote(t, challenge, bank)
	result, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
	if err != nil {
		t.Fatal(err)
	}
	var shown struct {
		Info struct {
			Certify struct {
				NameAlg int `json:"name_alg"`
				ObjAttr int `json:"obj_attr"`
			} `json:"tpm_certify"`
		} `json:"info"`
	}
	if err := json.Unmarshal([]byte(text(t, result.PolicyOnly, "x-ms-tpm-request-key")), &shown); err != nil || shown.Info.Certify.NameAlg != 11 || shown.Info.Certify.ObjAttr != int(resident|tpm.Sign) {
		t.Errorf("request key %+v, %v", shown, err)
	}
	var others []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text(t, result.PolicyOnly, "x-ms-tpm-other-keys")), &others); err != nil || len(others) != 2 || others[1]["info"] != nil {
		t.Errorf("other keys %v, %v", others, err)
	}

	// A key that another place has a copy of is certified truthfully, and yet does
	// not bind the request to the TPM.
	d.data["request_key"] = certified(key.Public(), tpm.FixedTPM|tpm.FixedParent|tpm.Sign)
	_, err = checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
	wantRefusal(t, err, tpm.StageCertification, evidence.CodeMissing)
}

func TestRequestWithoutAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, aik := range map[string]soft{"RSA": newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256), "EC": ecSoft(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDraft(t, aik, aik.signer)
			delete(d.data, "request_key")
			d.requote(t, challenge, testattest.Replay(t, windowsLog(t), tpm.SHA256))
			if name == "RSA" {
				d.alg = "RS256"
			}
			v := tpm.NewVerifier(tpm.VerifierConfig{})
			result, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
			if err != nil {
				t.Fatal(err)
			}
			if result.TokenOnly.Has("cnf") || result.PolicyOnly.Has("x-ms-tpm-request-key") {
				t.Error("a key is confirmed")
			}
			d.key = newECKey(t, elliptic.P256())
			d.alg = "ES256"
			if _, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true}); err == nil {
				t.Error("another key signed it, and it was taken")
			}
		})
	}
}

func TestValidatedAIK(t *testing.T) {
	t.Parallel()
	aik, key := ecSoft(t), newECKey(t, elliptic.P256())
	ca, stranger := newAuthority(t, "AIK CA", nil), newAuthority(t, "Stranger", nil)
	ours, theirs := ca.issue(t, aik.signer.Public(), aikCertificate), stranger.issue(t, aik.signer.Public(), aikCertificate)
	trusting := tpm.NewVerifier(tpm.VerifierConfig{AIKs: newAuthorities(t, ca.certificate)})
	trustless := tpm.NewVerifier(tpm.VerifierConfig{})
	tests := map[string]struct {
		verifier  *tpm.Verifier
		change    func(d *draft)
		demanded  bool
		validated bool
		code      evidence.Code // of the refusal
	}{
		"certified":                     {trusting, func(d *draft) { d.certify(t, ours) }, true, true, ""},
		"certified, without aik_pub":    {trusting, func(d *draft) { d.certify(t, ours); delete(d.current(), "aik_pub") }, true, true, ""},
		"certified, and not demanded":   {trusting, func(d *draft) { d.certify(t, ours) }, false, true, ""},
		"no certificate":                {trusting, func(*draft) {}, false, false, ""},
		"no certificate, and demanded":  {trusting, func(*draft) {}, true, false, evidence.CodeMissing},
		"a stranger's":                  {trusting, func(d *draft) { d.certify(t, theirs) }, false, false, ""},
		"a stranger's, without aik_pub": {trusting, func(d *draft) { d.certify(t, theirs); delete(d.current(), "aik_pub") }, false, false, ""},
		"a stranger's, and demanded":    {trusting, func(d *draft) { d.certify(t, theirs) }, true, false, evidence.CodeUntrustedRoot},
		"nobody is trusted":             {trustless, func(d *draft) { d.certify(t, ours) }, true, false, evidence.CodeUntrustedRoot},
		"of another key":                {trusting, func(d *draft) { d.certify(t, ca.issue(t, key.Public(), aikCertificate)) }, false, false, evidence.CodeMismatch},
		"of an EK":                      {trusting, func(d *draft) { d.certify(t, ca.issue(t, aik.signer.Public(), ekCertificate)) }, true, false, evidence.CodeMismatch},
		"neither certificate nor key":   {trusting, func(d *draft) { delete(d.current(), "aik_pub") }, false, false, evidence.CodeMissing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDraft(t, aik, key)
			test.change(d)
			result, err := checkRequest(t, test.verifier, d.jws(t), evidence.Requirements{PCRs: allPCRMask, ValidAIK: test.demanded})
			if test.code != "" {
				if e, ok := errors.AsType[*evidence.Error](err); !ok || e.Code != test.code {
					t.Errorf("got %v, want a refusal with code %s", err, test.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := result.PolicyOnly.First("aikValidated"); got != claims.Boolean(test.validated) {
				t.Errorf("aikValidated = %v", got)
			}
		})
	}
}

func TestRequestIsRefused(t *testing.T) {
	t.Parallel()
	aik, key := ecSoft(t), newECKey(t, elliptic.P256())
	log := windowsLog(t)
	bank := testattest.Replay(t, log, tpm.SHA256)
	const parse, quote, signature = evidence.StageParse, tpm.StageQuote, evidence.StageSignature
	tests := map[string]struct {
		change func(d *draft)
		stage  evidence.Stage
		code   evidence.Code
		part   string
	}{
		"answers another challenge":  {func(d *draft) { d.data["challenge"] = b64([]byte("another challenge")) }, quote, evidence.CodeMismatch, "extraData"},
		"quotes another key":         {func(d *draft) { d.key = newECKey(t, elliptic.P256()) }, signature, evidence.CodeBadSignature, "JWS"},
		"quote without the key":      {func(d *draft) { d.requote(t, challenge, bank) }, quote, evidence.CodeMismatch, "another request key"},
		"key that nothing binds":     {func(d *draft) { unbind(t, d, bank) }, tpm.StageCertification, evidence.CodeMissing, "request_key.info"},
		"quote by another AIK":       {func(d *draft) { d.current()["aik_pub"] = testattest.JWK(t, key.Public()) }, signature, evidence.CodeBadSignature, "current_attestation"},
		"no quote":                   {func(d *draft) { delete(d.current(), "quote") }, parse, evidence.CodeMissing, "tpm_att_data.current_attestation.quote"},
		"other PCR values":           {func(d *draft) { d.current()["pcrs"] = testattest.PCRs(bankOf(tpm.SHA256, indexes(24)...)) }, quote, evidence.CodeMismatch, "pcrDigest"},
		"PCRs that are not demanded": {func(d *draft) { d.requote(t, d.binding(t), some(bank, 0, 7)) }, quote, evidence.CodeMissing, "0x000081"},
		"PCRs over two banks": {func(d *draft) {
			d.requote(t, d.binding(t), some(bank, indexes(12)...), bankOf(tpm.SHA384, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23))
		}, quote, evidence.CodeMissing, "spread over several banks"},
		"SHA-1 alone":                 {func(d *draft) { d.requote(t, d.binding(t), testattest.Replay(t, log, tpm.SHA1)) }, quote, evidence.CodeMissing, "SHA-1 does not count"},
		"a log of another boot":       {func(d *draft) { d.current()["logs"] = []any{tcgLog(otherLog(t))} }, tpm.StageLog, evidence.CodeMismatch, "PCR 0"},
		"no log":                      {func(d *draft) { delete(d.current(), "logs") }, tpm.StageLog, evidence.CodeMismatch, "PCR"},
		"a log cut off":               {func(d *draft) { d.current()["logs"] = []any{tcgLog(log[:len(log)-7])} }, parse, evidence.CodeTruncated, "logs[0].log"},
		"a log with more":             {func(d *draft) { d.current()["logs"] = []any{tcgLog(append(bytes.Clone(log), 1, 2, 3))} }, parse, "", "logs[0].log"},
		"a log reordered":             {func(d *draft) { d.current()["logs"] = []any{tcgLog(reordered(t, log))} }, tpm.StageLog, evidence.CodeMismatch, "PCR 7"},
		"a log without its end":       {func(d *draft) { d.current()["logs"] = []any{tcgLog(log[:lastEvent(t, log)])} }, tpm.StageLog, evidence.CodeMismatch, "PCR"},
		"a log twice":                 {func(d *draft) { d.current()["logs"] = []any{tcgLog(log), tcgLog(log)} }, tpm.StageLog, "", "PCR"},
		"a log altered":               {func(d *draft) { d.current()["logs"] = []any{tcgLog(altered(t, log))} }, tpm.StageLog, evidence.CodeMismatch, "PCR"},
		"a TCG log said to be IMA's":  {func(d *draft) { d.current()["logs"] = []any{map[string]any{"type": "IMA", "log": b64(log)}} }, parse, evidence.CodeMismatch, "type IMA"},
		"a log of no known type":      {func(d *draft) { d.current()["logs"] = []any{map[string]any{"type": "XYZ", "log": b64(log)}} }, parse, evidence.CodeUnsupported, "logs[0].type"},
		"nine logs":                   {func(d *draft) { d.current()["logs"] = make([]any, 9) }, parse, evidence.CodeTooLarge, "logs"},
		"three other keys":            {func(d *draft) { d.data["other_keys"] = make([]any, 3) }, parse, evidence.CodeTooLarge, "other_keys"},
		"other key bound by quote":    {func(d *draft) { d.data["other_keys"] = []any{d.data["request_key"]} }, parse, evidence.CodeUnsupported, "other_keys[0].info.tpm_quote"},
		"binding by SHA-1":            {func(d *draft) { setHash(d, "sha-1") }, parse, evidence.CodeUnsupported, "hash_alg"},
		"binding by another hash":     {func(d *draft) { setHash(d, "sha-384") }, quote, evidence.CodeMismatch, "extraData"},
		"no service context":          {func(d *draft) { delete(d.data, "service_context") }, parse, evidence.CodeMissing, "service_context"},
		"no challenge":                {func(d *draft) { d.data["challenge"] = "" }, parse, evidence.CodeMissing, "challenge"},
		"rp_data that is no base64":   {func(d *draft) { d.data["rp_data"] = "a nonce!" }, parse, evidence.CodeMalformed, "rp_data"},
		"long rp_data":                {func(d *draft) { d.data["rp_data"] = strings.Repeat("A", 5000) }, parse, evidence.CodeTooLarge, "rp_data"},
		"custom claim of no type":     {func(d *draft) { setCustom(d, "a", "1", "Float") }, parse, evidence.CodeMalformed, "custom_claims[0]"},
		"custom claim of wrong value": {func(d *draft) { setCustom(d, "a", "one", "Integer") }, parse, evidence.CodeMalformed, "custom_claims[0]"},
		"custom claim without a name": {func(d *draft) { setCustom(d, "", "one", "String") }, parse, evidence.CodeMalformed, "custom_claims[0].name"},
		"no such typ":                 {func(d *draft) { d.typ = "JWT" }, parse, evidence.CodeUnsupported, "typ"},
		"alg none":                    {func(d *draft) { d.alg = "none" }, parse, evidence.CodeUnsupported, "alg"},
		"alg of an RSA key":           {func(d *draft) { d.alg = "PS256" }, signature, evidence.CodeMismatch, "ES256"},
		"no such att_type":            {func(d *draft) { d.att = "vsm" }, parse, evidence.CodeUnsupported, "att_type"},
		"vbs without a report":        {func(d *draft) { d.att = "vbs" }, parse, evidence.CodeMissing, "vsm_report"},
		"a member twice":              {func(d *draft) { d.edit = replace(`"att_type":"basic"`, `"att_type":"basic","att_type":"basic"`) }, parse, evidence.CodeMalformed, "a second time"},
		"a member twice, within":      {func(d *draft) { d.edit = replace(`"challenge":`, `"challenge":"AAAA","challenge":`) }, parse, evidence.CodeMalformed, "a second time"},
		"an escaped name":             {func(d *draft) { d.edit = replace(`"challenge":`, `"ch\u0061llenge":`) }, parse, evidence.CodeMalformed, "escaped name"},
		"no JSON":                     {func(d *draft) { d.edit = replace(`}`, ``) }, parse, "", "want JSON"},
		"more after the JSON":         {func(d *draft) { d.edit = func(b []byte) []byte { return append(b, "{}"...) } }, parse, evidence.CodeTrailingData, "the end of the object"},
		"a PCR twice":                 {func(d *draft) { d.current()["pcrs"] = testattest.PCRs(twice(bank)) }, parse, evidence.CodeTooLarge, "values"},
		"a PCR that there is not": {func(d *draft) {
			d.current()["pcrs"] = testattest.PCRs(some(bank, 0), tpm.Bank{Algorithm: tpm.SHA384, PCRs: []tpm.PCR{{Index: 24, Digest: make([]byte, 48)}}})
		}, parse, evidence.CodeMalformed, "index"},
		"a bank that there is not": {func(d *draft) { d.current()["pcrs"] = testattest.PCRs(tpm.Bank{Algorithm: 0x0012}) }, parse, evidence.CodeUnsupported, "algorithm"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDraft(t, aik, key)
			test.change(d)
			result, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
			e, ok := errors.AsType[*evidence.Error](err)
			if !ok || result != nil {
				t.Fatalf("got %v, %v; want a refusal", result, err)
			}
			if e.Stage != test.stage || test.code != "" && e.Code != test.code || !strings.Contains(e.Error(), test.part) {
				t.Errorf("got %s/%s: %v; want %s/%s about %q", e.Stage, e.Code, e, test.stage, test.code, test.part)
			}
		})
	}
}

func indexes(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

// some is a bank with some of its PCRs.
func some(b tpm.Bank, pcrs ...int) tpm.Bank {
	s := tpm.Bank{Algorithm: b.Algorithm}
	for _, i := range pcrs {
		s.PCRs = append(s.PCRs, b.PCRs[i])
	}
	return s
}

func twice(b tpm.Bank) tpm.Bank { b.PCRs = append(slices.Clone(b.PCRs), b.PCRs[0]); return b }

func unbind(tb testing.TB, d *draft, bank tpm.Bank) {
	tb.Helper()
	delete(d.data["request_key"].(map[string]any), "info")
	d.requote(tb, challenge, bank)
}

func setHash(d *draft, name string) {
	d.data["request_key"].(map[string]any)["info"] = map[string]any{"tpm_quote": map[string]any{"hash_alg": name}}
}

func setCustom(d *draft, name, value, kind string) {
	d.data["custom_claims"] = []any{map[string]any{"name": name, "value": value, "value_type": kind}}
}

func replace(old, with string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(with), 1) }
}

// otherLog is the log of another machine.
func otherLog(tb testing.TB) []byte {
	tb.Helper()
	return corpus.Read(tb, "evidence", "tpm-eventlog", "gotpmtools", "ubuntu-2104-no-secure-boot.bin")
}

// altered is a log with a bit of an event's data changed.
func altered(tb testing.TB, log []byte) []byte {
	tb.Helper()
	changed := bytes.Clone(log)
	i := bytes.Index(changed, []byte("S\x00e\x00c\x00u\x00r\x00e\x00B\x00o\x00o\x00t\x00"))
	if i < 0 {
		tb.Fatal("no variable SecureBoot")
	}
	changed[i+len("SecureBoot")*2] ^= 1
	return changed
}

// lastEvent is where the last event of a log begins.
func lastEvent(tb testing.TB, log []byte) int {
	tb.Helper()
	parsed, err := eventlog.Parse(log)
	if err != nil {
		tb.Fatal(err)
	}
	return parsed.Events[len(parsed.Events)-1].Offset
}

// reordered is a log with the first two events of PCR 7 in the other order.
func reordered(tb testing.TB, log []byte) []byte {
	tb.Helper()
	parsed, err := eventlog.Parse(log)
	if err != nil {
		tb.Fatal(err)
	}
	for i := range parsed.Events {
		if e := parsed.Events; e[i].PCR == 7 && e[i+1].PCR == 7 {
			from, between, to := e[i].Offset, e[i+1].Offset, e[i+2].Offset
			return slices.Concat(log[:from], log[between:to], log[from:between], log[to:])
		}
	}
	tb.Fatal("no two events of PCR 7")
	return nil
}
