package attest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

func TestAcceptedTCB(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		accepted []evidence.TCBStatus
		ok       []evidence.TCBStatus
	}{
		"default": {nil, []evidence.TCBStatus{evidence.TCBUpToDate, evidence.TCBSWHardeningNeeded}},
		"strict":  {[]evidence.TCBStatus{evidence.TCBUpToDate}, []evidence.TCBStatus{evidence.TCBUpToDate}},
		"lax": {
			[]evidence.TCBStatus{evidence.TCBOutOfDate, evidence.TCBConfigurationNeeded},
			[]evidence.TCBStatus{evidence.TCBConfigurationNeeded, evidence.TCBOutOfDate},
		},
	}
	for name, tt := range tests {
		for _, status := range evidence.TCBStatuses() {
			t.Run(name+"/"+string(status), func(t *testing.T) {
				t.Parallel()
				v := &fakeVerifier{result: newResult()}
				v.result.TCB.Status = status
				c := newConfig(t, v)
				c.AcceptedTCB = tt.accepted
				s := newService(t, c)
				if slices.Contains(tt.ok, status) {
					mustAttest(t, s, request())
					return
				}
				err := refusal[*attest.TCBError](t, s, request(), string(status))
				if err.TCB != v.result.TCB {
					t.Error("the error does not hold the verifier's verdict")
				}
			})
		}
	}
}

func TestTCBErrorSaysEverything(t *testing.T) {
	t.Parallel()
	s, v := serviceWith(t, policy.DefaultSGX)
	v.result.TCB = &evidence.TCB{
		Status: evidence.TCBOutOfDate, Platform: evidence.TCBSWHardeningNeeded, QE: evidence.TCBOutOfDate,
		Advisories: []string{"INTEL-SA-00161", "INTEL-SA-00334"}, Date: time.Date(2021, 11, 10, 0, 0, 0, 0, time.UTC),
		EvaluationDataNumber: 17, Behind: []string{"quoting enclave: ISV SVN 5, want 8"},
	}
	err := refusal[*attest.TCBError](t, s, request(), "")
	const want = "attest: TCB status OutOfDate (platform SWHardeningNeeded, quoting enclave OutOfDate; TCB date 2021-11-10; " +
		"TCB evaluation data number 17; advisories INTEL-SA-00161, INTEL-SA-00334; behind: quoting enclave: ISV SVN 5, want 8), " +
		"want UpToDate or SWHardeningNeeded"
	if err.Error() != want {
		t.Errorf("error\n%s\nwant\n%s", err, want)
	}
	v.result.TCB = &evidence.TCB{Status: evidence.TCBNoMatchingLevel, Platform: evidence.TCBNoMatchingLevel, QE: evidence.TCBUpToDate}
	if text := refusal[*attest.TCBError](t, s, request(), "").Error(); strings.Contains(text, "date 0001") || strings.Contains(text, "advisories") {
		t.Errorf("error %q speaks of what there is none of", text)
	}
}

// A platform that is not accepted gets no word of the policy, and one whose data
// is not bound gets none of the platform.
func TestOrderOfRefusals(t *testing.T) {
	t.Parallel()
	s, v := serviceWith(t, `version= 1.0;authorizationrules{=> deny();};`)
	v.result.TCB.Status = evidence.TCBOutOfDate
	wantRefusal[*attest.TCBError](t, s, request(), "")
	r := request()
	r.RuntimeData = &attest.Data{Bytes: []byte("somebody else's")}
	wantRefusal[*attest.BindingError](t, s, r, "")
}
