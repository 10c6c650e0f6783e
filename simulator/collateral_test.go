package simulator_test

import (
	"crypto/x509"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/evidence/sgx"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/simulator"
)

func TestCollateralIsValidFromIssueToNextUpdate(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	v := newVerifier(t, p.Root())
	quote := quoteOf(t, p, simulator.Report{})
	year := epoch.AddDate(1, 0, 0)
	for name, tc := range map[string]struct {
		options  simulator.CollateralOptions
		from, to time.Time
	}{
		"default": {simulator.CollateralOptions{}, epoch, epoch.Add(30 * 24 * time.Hour)},
		"a week":  {simulator.CollateralOptions{Validity: 7 * 24 * time.Hour}, epoch, epoch.Add(7 * 24 * time.Hour)},
		"later":   {simulator.CollateralOptions{IssueDate: year, Validity: time.Second}, year, year.Add(time.Second)},
		"fractions are cut": {
			simulator.CollateralOptions{IssueDate: year.Add(time.Second / 2), Validity: 3 * time.Second / 2}, year, year.Add(time.Second),
		},
		"another zone": {
			simulator.CollateralOptions{IssueDate: year.In(time.FixedZone("east", 3600)), Validity: time.Minute}, year, year.Add(time.Minute),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := collateralOf(t, p, tc.options)
			for _, at := range []struct {
				time time.Time
				code evidence.Code
			}{
				{tc.from.Add(-time.Second), evidence.CodeNotYetValid}, {tc.from, ""}, {tc.to, ""}, {tc.to.Add(time.Second), evidence.CodeExpired},
			} {
				_, err := verifyWith(t, v, quote, sgx.Options{Collateral: c, At: at.time})
				if at.code == "" && err != nil {
					t.Errorf("at %v: %v", at.time, err)
				}
				if at.code != "" {
					wantRefusal(t, err, evidence.StageRevocation, at.code)
				}
			}
		})
	}
}

func TestCertificatesAreValidADayBefore(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{Validity: 72 * time.Hour})
	v := newVerifier(t, p.Root())
	quote := quoteOf(t, p, simulator.Report{})
	from := epoch.Add(-24 * time.Hour)
	for _, tc := range []struct {
		at   time.Time
		code evidence.Code
	}{
		{from.Add(-time.Second), evidence.CodeNotYetValid},
		{from, ""},
		{from.Add(72 * time.Hour), ""},
		{from.Add(72*time.Hour + time.Second), evidence.CodeExpired},
	} {
		_, err := verifyWith(t, v, quote, sgx.Options{Collateral: collateralOf(t, p, simulator.CollateralOptions{IssueDate: tc.at}), At: tc.at})
		if tc.code == "" {
			if err != nil {
				t.Errorf("at %v: %v", tc.at, err)
			}
			continue
		}
		wantRefusal(t, err, evidence.StageChain, tc.code)
	}
}

func TestCollateralHoldsWithoutAQuote(t *testing.T) {
	t.Parallel()
	for _, ca := range []dcap.CA{dcap.PlatformCA, dcap.ProcessorCA} {
		p := newPlatform(t, simulator.Config{CA: ca})
		v, err := dcap.NewVerifier(dcap.Config{Roots: []dcap.Root{p.Root()}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.CheckCollateral(t.Context(), dcap.Options{Collateral: collateralOf(t, p, simulator.CollateralOptions{EvaluationDataNumber: 18}), At: epoch})
		if err != nil {
			t.Fatal(err)
		}
		if got.CA != ca || !got.Simulated || got.TCBInfo.FMSPC != p.Identity().FMSPC || got.TCBInfo.TCBEvaluationDataNumber != 18 {
			t.Errorf("%s CA, simulated %t, FMSPC %s, number %d", got.CA, got.Simulated, got.TCBInfo.FMSPC, got.TCBInfo.TCBEvaluationDataNumber)
		}
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	for name, tc := range map[string]struct {
		options simulator.CollateralOptions
		want    string
	}{
		"status":            {simulator.CollateralOptions{Status: "Fine"}, `TCB status "Fine"`},
		"QE status":         {simulator.CollateralOptions{QEStatus: "uptodate"}, `QE status "uptodate"`},
		"TCB info 1":        {simulator.CollateralOptions{TCBInfoVersion: 1}, "TCB info of version 1, want 2 or 3"},
		"TCB info 4":        {simulator.CollateralOptions{TCBInfoVersion: 4}, "TCB info of version 4, want 2 or 3"},
		"QE identity 3":     {simulator.CollateralOptions{QEIdentityVersion: 3}, "QE identity of version 3, want 1 or 2"},
		"negative number":   {simulator.CollateralOptions{EvaluationDataNumber: -1}, "evaluation data number -1"},
		"large number":      {simulator.CollateralOptions{EvaluationDataNumber: 1 << 31}, "evaluation data number 2147483648"},
		"no time":           {simulator.CollateralOptions{Validity: time.Millisecond}, "collateral valid for 0s"},
		"negative time":     {simulator.CollateralOptions{Validity: -time.Hour}, "collateral valid for -1h"},
		"ages":              {simulator.CollateralOptions{Validity: 41 * 365 * 24 * time.Hour}, "want 1s to"},
		"before":            {simulator.CollateralOptions{IssueDate: time.Unix(0, 0)}, "issued in the year 1970"},
		"after":             {simulator.CollateralOptions{IssueDate: time.Date(9001, 1, 1, 0, 0, 0, 0, time.UTC)}, "issued in the year 9001"},
		"QE 1 revoked":      {simulator.CollateralOptions{QEIdentityVersion: 1, QEStatus: revoked}, "version 1 of the QE identity cannot say Revoked"},
		"QE 1 no level":     {simulator.CollateralOptions{QEIdentityVersion: 1, QEStatus: noLevel}, "version 1 of the QE identity cannot say NoMatchingLevel"},
		"QE 1 advisories":   {simulator.CollateralOptions{QEIdentityVersion: 1, QEAdvisories: []string{"X"}}, "version 1 of the QE identity has no advisories"},
		"empty advisory":    {simulator.CollateralOptions{Advisories: []string{"INTEL-SA-00615", ""}}, `advisory ""`},
		"long advisory":     {simulator.CollateralOptions{QEAdvisories: []string{strings.Repeat("x", 65)}}, "want 1 to 64 bytes"},
		"flood of advisory": {simulator.CollateralOptions{Advisories: make([]string, 257)}, "257 advisories, want at most 256"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := p.Collateral(tc.options)
			if c != nil || err == nil {
				t.Fatalf("Collateral returned %v, %v; want an error", c, err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q, want it to say %q", err, tc.want)
			}
			if again := tc.options.Validate(); again == nil || again.Error() != err.Error() {
				t.Errorf("Validate says %v, Collateral %v", again, err)
			}
		})
	}
	if err := (simulator.CollateralOptions{}).Validate(); err != nil {
		t.Errorf("the zero options are refused: %v", err)
	}
}

func TestRevocationListsNameOthersOnly(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	for f, want := range map[simulator.Fault][2]int{
		"": {1, 0}, simulator.FaultPCKRevoked: {2, 0}, simulator.FaultPCKCARevoked: {1, 1}, simulator.FaultTCBSignerRevoked: {1, 1},
	} {
		from := p
		if f != "" {
			from = withFault(t, p, f)
		}
		parts := collateralOf(t, from, simulator.CollateralOptions{}).Parts()
		for i, raw := range [][]byte{parts.PCKCRL, parts.RootCACRL} {
			list, err := x509.ParseRevocationList(raw)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(list.RevokedCertificateEntries); got != want[i] {
				t.Errorf("fault %q, list of %s: %d serials, want %d", f, list.Issuer.CommonName, got, want[i])
			}
		}
	}
}

// members are the names in a JSON object, in order, with those of its objects
// and of the first element of its arrays.
func members(t *testing.T, raw []byte) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	var names []string
	var walk func(path string, keep bool)
	walk = func(path string, keep bool) {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		switch token {
		case json.Delim('{'):
			for d.More() {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				inner := fmt.Sprintf("%s/%s", path, name)
				if keep {
					names = append(names, inner)
				}
				walk(inner, keep)
			}
		case json.Delim('['):
			for i := 0; d.More(); i++ {
				walk(path+"[]", keep && i == 0)
			}
		default:
			return
		}
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
	}
	walk("", true)
	return names
}

func TestDocumentsHaveTheMembersOfRealOnes(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, simulator.Config{})
	current := collateralOf(t, p, simulator.CollateralOptions{Status: hardening, Advisories: []string{"INTEL-SA-00615"}}).Parts()
	old := collateralOf(t, p, simulator.CollateralOptions{TCBInfoVersion: 2, QEIdentityVersion: 1}).Parts()
	for name, tc := range map[string]struct {
		ours []byte
		real []string
	}{
		"TCB info v3":    {current.TCBInfo, []string{"sgx-v3", "automata-00606a-1cc4", "collateral", "2024-06-19-e16-tcbv3", "tcb_info.json"}},
		"TCB info v2":    {old.TCBInfo, []string{"sgx-v3", "automata-00606a-1cc4", "collateral", "2024-01-25-e16-tcbv2", "tcb_info.json"}},
		"QE identity v2": {current.QEIdentity, []string{"sgx-v3", "automata-00606a-1cc4", "collateral", "2024-06-19-e16-tcbv3", "qe_identity.json"}},
		"QE identity v1": {old.QEIdentity, []string{"negative", "oe-json-parser", "qeidentity__data__qe_identity_ok.json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			intel := corpus.Read(t, append([]string{"evidence"}, tc.real...)...)
			if diff := cmp.Diff(members(t, intel), members(t, tc.ours)); diff != "" {
				t.Errorf("members (-real +ours):\n%s", diff)
			}
		})
	}
}
