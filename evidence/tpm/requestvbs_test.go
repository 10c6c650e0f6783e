package tpm_test

import (
	"crypto/elliptic"
	"encoding/json"
	"testing"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/testvbs"
)

// enclaveDraft is a request that an enclave vouches for, on a boot that measured the
// key of the secure kernel. The reports are of our own making: see testvbs.
func enclaveDraft(tb testing.TB, aik soft, kernel, signer *testvbs.Kernel, version int) *draft {
	tb.Helper()
	events := kernel.Boot()
	log, values := testvbs.Log(events...), testvbs.PCRs(events...)
	bank := bankOf(tpm.SHA256, indexes(24)...)
	for i := range bank.PCRs {
		if bank.PCRs[i].Digest = values[i]; values[i] == nil {
			bank.PCRs[i].Digest = make([]byte, 32)
		}
	}
	report := func(signed []byte) string { return b64(signer.Sign(tb, testvbs.NewReport(signed))) }
	var d *draft
	if version == 1 {
		d = newDraftV1(tb, aik)
		d.tpmData()["srtm_boot_log"], d.tpmData()["current_claim"] = b64(log), claimBlob(tb, aik, challenge, bank)
		d.wrap = func(signed []byte) any {
			return map[string]any{"report_signed": json.RawMessage(signed), "vsm_report": report(signed)}
		}
	} else {
		d = newDraft(tb, aik, newECKey(tb, elliptic.P256()))
		d.current()["logs"] = []any{tcgLog(log)}
		d.requote(tb, d.binding(tb), bank)
		d.wrap = func(signed []byte) any {
			return map[string]any{"report_signed": json.RawMessage(signed), "vsm_report": map[string]any{"enclave": map[string]any{"report": report(signed)}}}
		}
	}
	d.att = "vbs"
	return d
}

func TestRequestOfAnEnclave(t *testing.T) {
	t.Parallel()
	aik, kernel := ecSoft(t), testvbs.New(t, 2048)
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	for _, version := range []int{1, 2} {
		d := enclaveDraft(t, aik, kernel, kernel, version)
		result, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
		if err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		if result.Type != "vbs" {
			t.Errorf("type %q", result.Type)
		}
		for _, name := range []string{"vbsReportPresent", "vsmReportPresent", "vbsEnabled", "iommuEnabled"} {
			if got, _ := result.PolicyOnly.First(name); got != claims.Boolean(true) {
				t.Errorf("version %d: %s = %v", version, name, got)
			}
		}
		for _, name := range []string{"enclaveAuthorId", "enclaveImageId", "enclaveOwnerId", "enclaveFamilyId", "enclaveSvn", "enclavePlatformSvn", "enclaveFlags"} {
			if !result.PolicyOnly.Has(name) {
				t.Errorf("version %d: no %s", version, name)
			}
		}
	}
}

func TestRequestOfAnEnclaveIsRefused(t *testing.T) {
	t.Parallel()
	aik, kernel := ecSoft(t), testvbs.New(t, 2048)
	v := tpm.NewVerifier(tpm.VerifierConfig{})
	refuse := func(name string, d *draft, stage evidence.Stage, code evidence.Code) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
			wantRefusal(t, err, stage, code)
		})
	}
	refuse("report by another kernel", enclaveDraft(t, aik, kernel, testvbs.New(t, 2048), 2), evidence.StageSignature, evidence.CodeBadSignature)
	// One white space more than what the enclave has hashed.
	spaced := enclaveDraft(t, aik, kernel, kernel, 2)
	spaced.edit = replace(`"report_signed":{`, `"report_signed":{ `)
	refuse("what was signed was written otherwise", spaced, tpm.StageEnclave, evidence.CodeMismatch)
	// A boot without the key: a real Windows log, of a machine without VBS.
	bare := newDraft(t, aik, newECKey(t, elliptic.P256()))
	bare.att = "vbs"
	bare.wrap = func(signed []byte) any {
		return map[string]any{"report_signed": json.RawMessage(signed), "vsm_report": map[string]any{
			"enclave": map[string]any{"report": b64(kernel.Sign(t, testvbs.NewReport(signed)))},
		}}
	}
	refuse("boot that did not measure the key", bare, tpm.StageEnclave, evidence.CodeMissing)
	// Somebody booted a kernel with a key of his own before this one.
	own := testvbs.New(t, 2048)
	forged := enclaveDraft(t, aik, kernel, own, 2)
	forged.tpmData()["boot_attestation"] = beforeRestart(t, aik, own.Boot())
	refuse("report by a kernel that was booted before", forged, evidence.StageSignature, evidence.CodeBadSignature)
	other := enclaveDraft(t, aik, kernel, own, 2)
	other.current()["logs"] = []any{tcgLog(testvbs.Log(own.Boot()[:14]...))}
	other.requote(t, other.binding(t), bootBank(own.Boot()[:14]))
	other.tpmData()["boot_attestation"] = beforeRestart(t, aik, own.Boot())
	refuse("report by a kernel that runs no more", other, tpm.StageEnclave, evidence.CodeMissing)
	// PCRs that prove the key are not quoted.
	partial := enclaveDraft(t, aik, kernel, kernel, 2)
	partial.requote(t, partial.binding(t), some(bankOf(tpm.SHA256, indexes(24)...), 20))
	t.Run("quote without the PCRs of the key", func(t *testing.T) {
		t.Parallel()
		_, err := checkRequest(t, v, partial.jws(t), evidence.Requirements{})
		wantRefusal(t, err, tpm.StageEnclave, evidence.CodeMissing)
	})
}

// After hibernation the kernel's key stands in the log of the boot, unless the resume
// measured one.
func TestRequestOfAResumedEnclave(t *testing.T) {
	t.Parallel()
	aik, kernel := ecSoft(t), testvbs.New(t, 2048)
	resume := testvbs.Tag(eventlog.TagTransferControl, []byte{2, 0, 0, 0})
	for name, test := range map[string]struct {
		signer   *testvbs.Kernel
		restarts uint32
		measured [][]byte // by the resume
		stage    evidence.Stage
		code     evidence.Code
	}{
		"by the key of the boot":           {kernel, 1, nil, "", ""},
		"by another key":                   {testvbs.New(t, 2048), 1, nil, evidence.StageSignature, evidence.CodeBadSignature},
		"another start between the two":    {kernel, 2, nil, tpm.StageEnclave, evidence.CodeMissing},
		"quoted under the same start only": {kernel, 0, nil, tpm.StageEnclave, evidence.CodeMissing},
		"the resume measured another key":  {kernel, 1, [][]byte{testvbs.New(t, 2048).Info()}, evidence.StageSignature, evidence.CodeBadSignature},
		"one that cannot be read":          {kernel, 1, [][]byte{{1, 0, 0}}, evidence.StageParse, evidence.CodeTruncated},
		"one of another kind":              {kernel, 1, [][]byte{append([]byte{2}, kernel.Info()[1:]...)}, evidence.StageParse, evidence.CodeUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := enclaveDraft(t, aik, kernel, test.signer, 2)
			events := kernel.Boot(resume)
			tags := [][]byte{resume} // without the kernel's key
			for _, info := range test.measured {
				tags = append(tags, testvbs.Tag(eventlog.TagVSMIDKSInfo, info))
			}
			events[14] = testvbs.Boundary(12, tags...)
			d.current()["logs"] = []any{tcgLog(testvbs.Log(events...))}
			d.requote(t, d.binding(t), bootBank(events))
			d.tpmData()["boot_attestation"] = beforeRestarts(t, aik, kernel.Boot(), test.restarts)
			_, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{PCRs: allPCRMask})
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, test.stage, test.code)
		})
	}
}
