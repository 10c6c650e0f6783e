package tpm_test

import (
	"bytes"
	"crypto/elliptic"
	"slices"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/testvbs"
)

// bootBank is bank SHA-256 of a TPM after events.
func bootBank(events []testvbs.Event) tpm.Bank {
	values := testvbs.PCRs(events...)
	bank := bankOf(tpm.SHA256, indexes(24)...)
	for i := range bank.PCRs {
		bank.PCRs[i].Digest = values[i]
	}
	return bank
}

// beforeRestart is a quote of the same power cycle, made before the TPM of
// [soft.quote] was restarted.
func beforeRestart(tb testing.TB, aik soft, events []testvbs.Event) map[string]any {
	tb.Helper()
	return beforeRestarts(tb, aik, events, 1)
}

// beforeRestarts is one with several restarts since.
func beforeRestarts(tb testing.TB, aik soft, events []testvbs.Event, restarts uint32) map[string]any {
	tb.Helper()
	bank := bootBank(events)
	q := quoted(tb, aik, []byte("at boot"), []any{tcgLog(testvbs.Log(events...))}, bank)
	a, err := tpm2.Unmarshal[tpm2.TPMSAttest](aik.quote([]byte("at boot"), bank))
	if err != nil {
		tb.Fatal(err)
	}
	a.ClockInfo.RestartCount -= restarts
	attest := tpm2.Marshal(*a)
	q["quote"], q["signature"] = b64(attest), b64(aik.sign(tb, attest))
	return q
}

// What a boot says of Windows counts for what runs now, and only where all of it was
// quoted: who owns a machine chooses which PCRs he quotes, and may send the quote of
// an honest boot beside that of whatever he started after it.
func TestClaimsOfABoot(t *testing.T) {
	t.Parallel()
	aik, key, kernel := ecSoft(t), newECKey(t, elliptic.P256()), testvbs.New(t, 2048)
	tag := func(id uint32, value byte) []byte { return testvbs.Tag(id, []byte{value}) }
	resume := testvbs.Tag(eventlog.TagTransferControl, []byte{2, 0, 0, 0})
	windows := kernel.Boot()
	noVBS := kernel.Boot(tag(eventlog.TagBootDebugging, 0))
	resumed := kernel.Boot(resume, tag(eventlog.TagBootDebugging, 0))
	const secureBoot = 6 + 8 // with which firmware's events of a boot end
	linux := windows[:secureBoot]
	// What Windows measured into PCR 12 when it was started for repairs.
	repairs := kernel.Boot(tag(eventlog.TagSafeMode, 1), tag(eventlog.TagWinPE, 1), tag(eventlog.TagBootDebugging, 1))
	repairs = slices.Insert(repairs, secureBoot+1, testvbs.Boundary(13, tag(eventlog.TagBootDebugging, 0)))
	// What root on Linux extends, beside what shim did before: its list of keys.
	forged := slices.Insert(slices.Clone(windows[:secureBoot+1]), secureBoot, testvbs.Event{PCR: 14, Type: eventlog.EvIPL, Data: []byte("MokList")})

	const vbs, iommu, debugging, safe, winPE = "vbsEnabled", "iommuEnabled", "bootDebuggingDisabled", "notSafeMode", "notWinPE"
	all := indexes(24)
	tests := map[string]struct {
		boot, now []testvbs.Event
		pcrs      []int
		holds     []string
	}{
		"Windows": {nil, windows, all, []string{vbs, iommu, debugging, safe, winPE}},
		"Windows, with no more PCRs than it takes": {nil, windows, []int{7, 12, 13, 14}, []string{vbs, iommu, debugging, safe, winPE}},
		"resumed":                                    {windows, resumed, all, []string{vbs, iommu, debugging, safe, winPE}},
		"resumed from nobody knows what":             {nil, resumed, all, []string{debugging}},
		"resumed from a resume":                      {resumed, resumed, all, []string{debugging}},
		"resumed from repairs":                       {repairs, resumed, all, nil},
		"Linux after Windows":                        {windows, linux, all, nil},
		"Windows without VBS after one with it":      {windows, noVBS, all, []string{debugging, safe, winPE}},
		"repairs":                                    {nil, repairs, all, nil},
		"repairs, whose PCR is not quoted":           {nil, repairs, []int{7, 13, 14}, nil},
		"Linux as Windows, shim's PCR is not quoted": {nil, forged, []int{7, 12, 13}, nil},
		"resumed, and shim's PCR is not quoted":      {windows, resumed, []int{7, 12, 13}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDraft(t, aik, key)
			d.current()["logs"] = []any{tcgLog(testvbs.Log(test.now...))}
			d.requote(t, d.binding(t), some(bootBank(test.now), test.pcrs...))
			if test.boot != nil {
				d.tpmData()["boot_attestation"] = beforeRestart(t, aik, test.boot)
			}
			result, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{PCRs: 1 << 7})
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{vbs, iommu, debugging, safe, winPE} {
				want := claims.Boolean(slices.Contains(test.holds, name))
				if got, _ := result.PolicyOnly.First(name); got != want {
					t.Errorf("%s = %v, want %v", name, got, want)
				}
			}
			if got, _ := result.PolicyOnly.First("secureBootEnabled"); got != claims.Boolean(true) {
				t.Errorf("secureBootEnabled = %v", got)
			}
		})
	}
	t.Run("another start between boot and resume", func(t *testing.T) {
		t.Parallel()
		d := newDraft(t, aik, key)
		d.current()["logs"] = []any{tcgLog(testvbs.Log(resumed...))}
		d.requote(t, d.binding(t), bootBank(resumed))
		d.tpmData()["boot_attestation"] = beforeRestarts(t, aik, windows, 2)
		result, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{PCRs: allPCRMask})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{vbs, iommu, safe, winPE} {
			if got, _ := result.PolicyOnly.First(name); got != claims.Boolean(false) {
				t.Errorf("%s = %v, though nobody knows what was resumed", name, got)
			}
		}
	})
	t.Run("boot quoted in another bank", func(t *testing.T) {
		t.Parallel()
		d := newDraft(t, aik, key)
		empty := tpm.Bank{Algorithm: tpm.SHA384}
		for i := range 24 {
			empty.PCRs = append(empty.PCRs, tpm.PCR{Index: i, Digest: make([]byte, 48)})
		}
		d.tpmData()["boot_attestation"] = quoted(t, aik, []byte("at boot"), nil, empty)
		_, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{})
		wantRefusal(t, err, tpm.StageQuote, evidence.CodeMismatch)
		// Where firmware has left a bank empty, policies see that it is that one.
		delete(d.tpmData(), "boot_attestation")
		d.current()["logs"] = nil
		d.requote(t, d.binding(t), empty)
		result, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := result.PolicyOnly.First("x-azattest-tpm-bank"); got != claims.String("SHA384") {
			t.Errorf("bank %v", got)
		}
	})
	t.Run("Linux as Windows", func(t *testing.T) {
		t.Parallel()
		d := newDraft(t, aik, key)
		d.current()["logs"] = []any{tcgLog(testvbs.Log(forged...))}
		d.requote(t, d.binding(t), bootBank(forged))
		_, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{})
		wantRefusal(t, err, tpm.StageLog, evidence.CodeMismatch)
	})
	t.Run("key of a secure kernel in a boot of which a PCR is missing", func(t *testing.T) {
		t.Parallel()
		d := enclaveDraft(t, aik, kernel, kernel, 2)
		d.requote(t, d.binding(t), some(bootBank(windows), 7, 12, 13))
		_, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{})
		wantRefusal(t, err, tpm.StageEnclave, evidence.CodeMissing)
	})
}

// A debugger of the firmware's gets past Secure Boot, whatever its variable says.
func TestFirmwareInDebugMode(t *testing.T) {
	t.Parallel()
	aik, key, kernel := ecSoft(t), newECKey(t, elliptic.P256()), testvbs.New(t, 2048)
	events := slices.Insert(kernel.Boot(), 1, testvbs.Event{PCR: 7, Type: eventlog.EvEFIAction, Data: []byte("UEFI Debug Mode")})
	d := newDraft(t, aik, key)
	d.current()["logs"] = []any{tcgLog(testvbs.Log(events...))}
	bank := bootBank(events)
	bank.PCRs[10].Digest = bytes.Repeat([]byte{7}, 32)
	d.requote(t, d.binding(t), bank)
	result, err := checkRequest(t, tpm.NewVerifier(tpm.VerifierConfig{}), d.jws(t), evidence.Requirements{PCRs: allPCRMask})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := result.PolicyOnly.First("secureBootEnabled"); got != claims.Boolean(false) {
		t.Errorf("secureBootEnabled = %v", got)
	}
	// What no log explains is there for the policy to see.
	if got := result.PolicyOnly.Values("x-azattest-tpm-unexplained-pcrs"); !slices.Equal(got, []claims.Value{claims.Integer(10)}) {
		t.Errorf("unexplained %v", got)
	}
}
