package conformance_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testattest"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// ofEveryReport are the claims that no policy issues.
var ofEveryReport = []string{
	"iss", "iat", "nbf", "exp", "jti", "ver", "x-ms-ver", "x-ms-policy-hash", "rp_data", "nonce", "cnf", "x-ms-tpm-request-key",
}

// resident is what the documents' policies want of a key: fixedTPM, fixedParent,
// sensitiveDataOrigin and nothing else, 50.
const resident = tpm.FixedTPM | tpm.FixedParent | tpm.SensitiveDataOrigin

// Microsoft's published policies for TPMs issue what they should over the boot of a
// real machine: secure boot, no debugger, no BitLocker, no VBS.
func TestMicrosoftsPoliciesForTPMs(t *testing.T) {
	t.Parallel()
	certified := func(_ *machine, r *testattest.Request) {
		public := testattest.Public(&requestKey().PublicKey, resident)
		r.Public, r.Others = public, [][]byte{public}
	}
	bare := func(_ *machine, r *testattest.Request) { r.Certificate = nil }
	some := func(pcrs int) func(*machine, *testattest.Request) {
		return func(m *machine, r *testattest.Request) {
			r.Certificate, r.Banks = nil, []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: m.pcrs.PCRs[:pcrs]}}
		}
	}
	for name, test := range map[string]struct {
		policy string
		mend   []string                                // old and new, in turn, where the published text has a fault
		edit   func(m *machine, r *testattest.Request) // nil for none
		issued map[string]any
		code   string // of the refusal, "" for none
		says   string
	}{
		"1.0, a healthy boot":       {policy: "docs/46-policy-version-1-0-v10-tpm.txt", issued: map[string]any{"PlatformAttested": true}},
		"1.0, VBS demanded":         {policy: "docs/42-policy-examples-tpm-platformattested.txt", issued: map[string]any{}},
		"1.0, no AIK certificate":   {policy: "docs/46-policy-version-1-0-v10-tpm.txt", edit: bare, code: "InvalidQuote", says: "AIK certificate"},
		"1.1, AIK certificate":      {policy: "docs/47-policy-version-1-1-v11-tpm-configrules.txt", issued: map[string]any{"PlatformAttested": true}},
		"1.1, none, and not wanted": {policy: "docs/47-policy-version-1-1-v11-tpm-configrules.txt", edit: bare, issued: map[string]any{"PlatformAttested": false}},
		// Events of PCRs that were not quoted prove nothing, of secure boot neither.
		"1.1, the PCRs of its mask": {policy: "docs/47-policy-version-1-1-v11-tpm-configrules.txt", edit: some(4), issued: map[string]any{}},
		"1.1, fewer PCRs":           {policy: "docs/47-policy-version-1-1-v11-tpm-configrules.txt", edit: some(3), code: "InvalidQuote", says: "PCRs"},
		"1.2, key bound by quote": {
			policy: "docs/55-tpm-attestation-concepts-tpm-key-attestation.txt",
			issued: map[string]any{"requestKeyType": "RSA", "requestKeyQuoteHashAlg": "sha-256"},
		},
		"1.2, keys certified": {
			policy: "docs/55-tpm-attestation-concepts-tpm-key-attestation.txt", edit: certified,
			issued: map[string]any{
				"requestKeyType": "RSA", "requestKeyCertifyNameAlg": 11.0, "requestKeyCertifyObjAttr": 50.0,
				"otherKeysTypes": "RSA", "otherKeysCertifyNameAlgs": 11.0, "otherKeysCertifyObjAttr": 50.0,
			},
		},
		"1.2, certified key demanded": {policy: "docs/62-tpm-attestation-sample-policies-tpm-key-attestation-authz.txt", edit: certified, issued: map[string]any{}},
		"1.2, the same, bound by quote": {
			policy: "docs/62-tpm-attestation-sample-policies-tpm-key-attestation-authz.txt", code: "PolicyEvaluationError", says: "No Permit claim was issued",
		},
		// The sample says true for `true`, which to JMESPath is a member that no module
		// has. Those without a path then pass its filter, and no path is no string: the
		// rule is in error over every boot of Windows, which measures such modules.
		"1.2, drivers, with a fault": {
			policy: "docs/64-tpm-attestation-concepts-tpm-health-sample.txt", code: "PolicyEvaluationError", says: "rule 9 of issuancerules at 23:0",
		},
		"1.2, drivers": {
			policy: "docs/64-tpm-attestation-concepts-tpm-health-sample.txt",
			mend:   []string{"EVENT_IMAGEVALIDATED == true", "EVENT_IMAGEVALIDATED == `true`", "@ != null", "length(@) > `0`"},
			issued: map[string]any{"hvciEnabled": false, "MaliciousDriverLoaded": false},
		},
		"1.2, Windows": {
			policy: "docs/65-tpm-attestation-sample-policies-windows-secureboot-etc.txt",
			issued: map[string]any{"aikValidated": true, "SecureBootEnabled": true, "CodeIntegrityEnabled": true, "BitlockerStatus": false, "ELAMDriverLoaded": true},
		},
		"1.2, PCRs of another machine": {
			policy: "docs/66-tpm-attestation-sample-policies-pcr-golden.txt", code: "PolicyEvaluationError", says: "No Permit claim was issued",
		},
		"1.2, VBS enclave demanded": {
			policy: "docs/67-tpm-attestation-sample-policies-vbs-enclave.txt", code: "PolicyEvaluationError", says: "No Permit claim was issued",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{})
			text := string(corpus.Read(t, "policies", path.Dir(test.policy), path.Base(test.policy)))
			m.setPolicy(t, strings.NewReplacer(test.mend...).Replace(text))
			request := m.challenged(t)
			if test.edit != nil {
				test.edit(m, request)
			}
			if test.code != "" {
				w := m.answer(t, request.V2(t))
				wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, test.code, test.says)
				return
			}
			_, claims := m.report(t, request.V2(t))
			if diff := cmp.Diff(test.issued, without(claims, ofEveryReport...)); diff != "" {
				t.Errorf("issued (-want +got):\n%s", diff)
			}
		})
	}
}

// A policy that knows this machine's PCRs permits, with digests as the operator has
// them written: base64url, or hexadecimal as in Microsoft's sample.
func TestGoldenPCRs(t *testing.T) {
	t.Parallel()
	digest := regexp.MustCompile(`PCRs\[\? Index == .(\d+).\]\.Digests\.SHA256 \| @\[0\] =='[0-9a-f]{64}'`)
	sample := string(corpus.Read(t, "policies", "docs", "66-tpm-attestation-sample-policies-pcr-golden.txt"))
	for name, test := range map[string]struct {
		encoding tpm.DigestEncoding
		write    func([]byte) string
	}{
		"base64url":   {tpm.Base64URL, b64},
		"hexadecimal": {tpm.Hexadecimal, hex.EncodeToString},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t, &deployment{tpms: tpm.VerifierConfig{PCRDigests: test.encoding}})
			text := digest.ReplaceAllStringFunc(sample, func(found string) string {
				index, err := strconv.Atoi(digest.FindStringSubmatch(found)[1])
				if err != nil {
					t.Fatal(err)
				}
				return found[:strings.LastIndex(found, "=='")+3] + test.write(m.pcrs.PCRs[index].Digest) + "'"
			})
			m.setPolicy(t, text)
			m.report(t, m.challenged(t).V2(t))
			// Another boot.
			request := m.challenged(t)
			request.Log, request.Banks = nil, []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: withOther(m.pcrs, 0)}}
			w := m.answer(t, request.V2(t))
			wantRefusal(t, w.Code, w.Body.Bytes(), http.StatusBadRequest, "InvalidQuote", "")
		})
	}
}
