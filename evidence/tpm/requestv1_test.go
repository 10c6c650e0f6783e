package tpm_test

import (
	"crypto/elliptic"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testattest"
)

// claimBlob is a platform claim over all PCRs of a bank.
func claimBlob(tb testing.TB, aik soft, qualifying []byte, bank tpm.Bank) string {
	tb.Helper()
	attest := aik.quote(qualifying, bank)
	return b64(claimOf{bank: bank.Algorithm, pcrs: digestsOf(bank), quote: attest, signature: aik.sign(tb, attest)}.statement())
}

// newDraftV1 is a request of version 1, as Windows makes it.
func newDraftV1(tb testing.TB, aik soft) *draft {
	tb.Helper()
	key := newECKey(tb, elliptic.P256())
	log := windowsLog(tb)
	return &draft{
		aik: aik, key: key, alg: "ES256", typ: "attReq", att: "basic",
		data: map[string]any{
			"rp_id": "https://rp.example", "rp_data": "AQIDBA", "challenge": b64(challenge), "service_context": b64([]byte("context")),
			"tpm_att_data": map[string]any{
				"srtm_boot_log": b64(log), "srtm_resume_log": "", "drtm_boot_log": "", "drtm_resume_log": "",
				"aik_pub": testattest.JWK(tb, aik.signer.Public()), "current_claim": claimBlob(tb, aik, challenge, testattest.Replay(tb, log, tpm.SHA256)), "boot_claim": "",
			},
			"attest_key": testattest.JWK(tb, key.Public()), "custom_claims": []any{},
		},
	}
}

// tpmData are the TPM's parts, for changes.
func (d *draft) tpmData() map[string]any { return d.data["tpm_att_data"].(map[string]any) }

func TestRequestOfVersion1(t *testing.T) {
	t.Parallel()
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	for name, aik := range map[string]soft{"RSA": newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256), "EC": ecSoft(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := checkRequest(t, v, newDraftV1(t, aik).jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := result.PolicyOnly.First("secureBootEnabled"); got != claims.Boolean(true) {
				t.Errorf("secureBootEnabled = %v", got)
			}
			// The token of version 1 confirms the key and does not say how it is bound:
			// nothing binds it.
			if !result.TokenOnly.Has("cnf") || result.TokenOnly.Has("x-ms-tpm-request-key") || result.PolicyOnly.Has("x-ms-tpm-request-key") {
				t.Errorf("token claims %v", result.TokenOnly.Names())
			}
		})
	}
}

// Resumed: what was quoted at boot, and what is quoted now.
func TestRequestAfterHibernation(t *testing.T) {
	t.Parallel()
	aik := ecSoft(t)
	boot, resume := windowsLog(t), otherLog(t)
	bootBank, resumeBank := testattest.Replay(t, boot, tpm.SHA256), testattest.Replay(t, resume, tpm.SHA256)
	early := aik
	counted := func(reset, restart uint32, clock uint64) string {
		attest := early.quote([]byte("at boot"), bootBank)
		a, err := tpm2.Unmarshal[tpm2.TPMSAttest](attest)
		if err != nil {
			t.Fatal(err)
		}
		a.ClockInfo.ResetCount, a.ClockInfo.RestartCount, a.ClockInfo.Clock = reset, restart, clock
		attest = tpm2.Marshal(*a)
		return b64(claimOf{bank: tpm.SHA256, pcrs: digestsOf(bootBank), quote: attest, signature: early.sign(t, attest)}.statement())
	}
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	draftOf := func(bootClaim string) *draft {
		d := newDraftV1(t, aik)
		d.tpmData()["srtm_resume_log"], d.tpmData()["boot_claim"] = b64(resume), bootClaim
		d.tpmData()["current_claim"] = claimBlob(t, aik, challenge, resumeBank)
		return d
	}
	result, err := checkRequest(t, v, draftOf(counted(2, 2, 900)).jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
	if err != nil {
		t.Fatal(err)
	}
	if !result.PolicyOnly.Has("bootEvents") {
		t.Error("no bootEvents")
	}
	// The machine that woke has Secure Boot off, and is not even Windows, whatever it
	// was when it started.
	for _, name := range []string{"secureBootEnabled", "notSafeMode", "bootDebuggingDisabled"} {
		if got, _ := result.PolicyOnly.First(name); got != claims.Boolean(false) {
			t.Errorf("%s = %v", name, got)
		}
	}
	for name, claim := range map[string]string{
		"of another boot": counted(1, 3, 900), "restarted more often": counted(2, 4, 900), "later than now": counted(2, 3, 1001),
	} {
		_, err := checkRequest(t, v, draftOf(claim).jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
		wantRefusal(t, err, tpm.StageQuote, evidence.CodeMismatch)
		if err == nil {
			t.Error(name)
		}
	}
	early = ecSoft(t) // another AIK quoted at boot
	_, err = checkRequest(t, v, draftOf(counted(2, 2, 900)).jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
	wantRefusal(t, err, evidence.StageSignature, evidence.CodeBadSignature)
}

func TestVersion1CanBeRefused(t *testing.T) {
	t.Parallel()
	aik := ecSoft(t)
	v := tpm.NewVerifier(tpm.VerifierConfig{RefuseVersion1: true})
	_, err := checkRequest(t, v, newDraftV1(t, aik).jws(t), evidence.Requirements{PCRs: allPCRMask})
	wantRefusal(t, err, tpm.StageKey, evidence.CodeUnsupported)
	if _, err := checkRequest(t, v, newDraft(t, aik, newECKey(t, elliptic.P256())).jws(t), evidence.Requirements{PCRs: allPCRMask}); err != nil {
		t.Error(err)
	}
}

func TestRequestOfVersion1IsRefused(t *testing.T) {
	t.Parallel()
	aik := ecSoft(t)
	bank := testattest.Replay(t, windowsLog(t), tpm.SHA256)
	for name, test := range map[string]struct {
		change func(d *draft)
		stage  evidence.Stage
		code   evidence.Code
	}{
		"answers another challenge": {func(d *draft) { d.data["challenge"] = b64([]byte("another challenge")) }, tpm.StageQuote, evidence.CodeMismatch},
		"no claim":                  {func(d *draft) { d.tpmData()["current_claim"] = "" }, evidence.StageParse, evidence.CodeMissing},
		"a log that belongs to no claim": {func(d *draft) {
			d.tpmData()["srtm_resume_log"], d.tpmData()["drtm_boot_log"] = d.tpmData()["srtm_boot_log"], b64([]byte("no log"))
		}, evidence.StageParse, evidence.CodeTruncated},
		"a resume of DRTM alone that is none": {func(d *draft) { d.tpmData()["drtm_resume_log"] = b64([]byte("no log")) }, evidence.StageParse, evidence.CodeTruncated},
		"no attest_key":                       {func(d *draft) { delete(d.data, "attest_key") }, evidence.StageParse, evidence.CodeMissing},
		"signed by another key":               {func(d *draft) { d.key = newECKey(t, elliptic.P256()) }, evidence.StageSignature, evidence.CodeBadSignature},
		"no log":                              {func(d *draft) { d.tpmData()["srtm_boot_log"] = "" }, tpm.StageLog, evidence.CodeMismatch},
		"a claim that is none":                {func(d *draft) { d.tpmData()["current_claim"] = "AAAA" }, evidence.StageParse, evidence.CodeTruncated},
		"quote of some PCRs":                  {func(d *draft) { d.tpmData()["current_claim"] = claimSome(t, aik, bank) }, tpm.StageQuote, evidence.CodeMissing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDraftV1(t, aik)
			test.change(d)
			_, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
			wantRefusal(t, err, test.stage, test.code)
		})
	}
}

// claimSome is a claim whose quote has PCRs 0 to 7 only.
func claimSome(tb testing.TB, aik soft, bank tpm.Bank) string {
	tb.Helper()
	attest := aik.quote(challenge, some(bank, 0, 1, 2, 3, 4, 5, 6, 7))
	return b64(claimOf{bank: bank.Algorithm, pcrs: digestsOf(bank), quote: attest, signature: aik.sign(tb, attest)}.statement())
}
