package telemetry

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// everything lets each metric have a value.
func everything(tb testing.TB) *Telemetry {
	tb.Helper()
	t := mustNew(tb, newConfig())
	m := t.Metrics()
	m.SetInstances([]string{"contoso", "fabrikam"})
	for range 3 {
		m.RequestBegan()
	}
	m.RequestEnded(Request{Instance: "contoso", Route: "/attest/sgxenclave", Method: "POST", Status: 200, Took: 1500 * time.Microsecond})
	m.RequestEnded(Request{Instance: "evil", Route: "/evil", Method: "EVIL", Status: 9999})
	m.Phase("parse", time.Millisecond)
	m.Attested("contoso", "SgxEnclave", Issued)
	m.Attested("contoso", "SgxEnclave", "InvalidParameter")
	m.Attested("fabrikam", "Evil", "Evil")
	m.Changed("fabrikam", ChangePolicy, ActionSet, ChangeDone)
	m.RateLimited(LimitCaller)
	m.AuditFailed()
	m.SetSources(Sources{
		StoreStaleness: func() time.Duration { return 250 * time.Millisecond },
		SigningKeys: func() []SigningKey {
			k := SigningKey{Algorithm: "RS256", Created: at.Add(-time.Hour), Expires: at.Add(time.Minute)}
			return []SigningKey{k, k}
		},
		Collateral:          func() (time.Time, bool) { return at.Add(2 * time.Hour), true },
		TLSCertificate:      func() (time.Time, bool) { return at.Add(-time.Second), true },
		EnrollmentAuthority: func() (time.Time, bool) { return at.Add(3 * time.Second), true },
	})
	return t
}

func TestNumbersAreShown(t *testing.T) {
	t.Parallel()
	page, header := scrape(t, everything(t), "application/openmetrics-text; version=1.0.0")
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, "application/openmetrics-text") || !strings.HasSuffix(page, "# EOF\n") {
		t.Errorf("content type %q", got)
	}
	wantLines(t, page,
		`maa_requests_total{instance="contoso",method="POST",route="/attest/sgxenclave",status="200"} 1.0`,
		`maa_requests_total{instance="other",method="other",route="other",status="other"} 1.0`,
		`maa_request_duration_seconds_bucket{route="/attest/sgxenclave",le="0.001"} 0`,
		`maa_request_duration_seconds_bucket{route="/attest/sgxenclave",le="0.002"} 1`,
		`maa_requests_in_flight 1.0`,
		`maa_phase_duration_seconds_count{phase="parse"} 1`,
		`maa_attestations_total{instance="contoso",outcome="Issued",type="SgxEnclave"} 1.0`,
		`maa_attestations_total{instance="contoso",outcome="InvalidParameter",type="SgxEnclave"} 1.0`,
		`maa_attestations_total{instance="fabrikam",outcome="other",type="other"} 1.0`,
		`maa_changes_total{action="set",instance="fabrikam",kind="policy",outcome="done"} 1.0`,
		`maa_rate_limited_requests_total{by="caller"} 1.0`,
		`maa_audit_failures_total 1.0`,
		`maa_store_staleness_seconds 0.25`,
		`maa_signing_key_age_seconds{algorithm="RS256"} 3600.0`,
		`maa_signing_key_expiry_seconds{algorithm="RS256"} 60.0`,
		`maa_collateral_expiry_seconds 7200.0`,
		`maa_tls_certificate_expiry_seconds -1.0`,
		`maa_enrollment_authority_expiry_seconds 3.0`,
	)
	if !strings.Contains(page, `maa_build_info{go_version="go`) || !strings.Contains(page, "go_goroutines ") {
		t.Error("nothing about the program itself")
	}
	old, header := scrape(t, everything(t), "text/plain")
	if got := header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") || !strings.Contains(old, "\nmaa_audit_failures_total 1\n") {
		t.Errorf("content type %q", got)
	}
}

func TestNothingIsShownOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]*Sources{
		"no sources": nil, "nil": {},
		"none": {
			Collateral:          func() (time.Time, bool) { return at, false },
			TLSCertificate:      func() (time.Time, bool) { return at, false },
			EnrollmentAuthority: func() (time.Time, bool) { return at, false },
		},
	} {
		from := mustNew(t, newConfig())
		if s != nil {
			from.Metrics().SetSources(*s)
		}
		page, _ := scrape(t, from, "")
		for _, absent := range []string{"staleness", "signing_key", "collateral_expiry", "certificate_expiry", "enrollment"} {
			if strings.Contains(page, absent) {
				t.Errorf("%s: %s is shown", name, absent)
			}
		}
	}
}

// What clients send makes no new lines.
func TestUnknownNamesMakeNoNumbersOfTheirOwn(t *testing.T) {
	t.Parallel()
	from := mustNew(t, newConfig())
	m := from.Metrics()
	page := ""
	for round := range 2 {
		for n := range 200 {
			evil := fmt.Sprintf("evil%d", n)
			m.RequestBegan()
			m.RequestEnded(Request{Instance: evil, Route: evil, Method: evil, Status: n * 1000})
			m.Phase(evil, 0)
			m.Attested(evil, evil, evil)
			m.Changed(evil, ChangeKind(evil), ChangeAction(evil), ChangeOutcome(evil))
			m.RateLimited(Limit(evil))
			m.SetSources(Sources{SigningKeys: func() []SigningKey { return []SigningKey{{Algorithm: evil}, {Algorithm: evil + "x"}} }})
		}
		before := strings.Count(page, "\nmaa_")
		page, _ = scrape(t, from, "")
		if strings.Contains(page, "evil") {
			t.Error("a name that is on no list is shown")
		}
		if after := strings.Count(page, "\nmaa_"); round == 1 && after != before {
			t.Errorf("%d lines, %d before", after, before)
		}
	}
}

func TestNumbersOfADeletedInstanceGoWithIt(t *testing.T) {
	t.Parallel()
	from := everything(t)
	from.Metrics().SetInstances([]string{"contoso"})
	page, _ := scrape(t, from, "")
	if strings.Contains(page, "fabrikam") || !strings.Contains(page, `instance="contoso"`) {
		t.Error("the numbers of fabrikam are still there, or those of contoso are not")
	}
	from.Metrics().Attested("fabrikam", "SgxEnclave", Issued)
	if page, _ = scrape(t, from, ""); strings.Contains(page, "fabrikam") {
		t.Error("the numbers of fabrikam came back")
	}
	many := make([]string, maxInstances+10)
	for n := range many {
		many[n] = fmt.Sprintf("instance%d", n)
	}
	from.Metrics().SetInstances(many)
	from.Metrics().Attested(many[maxInstances], "SgxEnclave", Issued)
	if page, _ = scrape(t, from, ""); strings.Contains(page, many[maxInstances]) {
		t.Error("more instances than are allowed have numbers of their own")
	}
}

// BenchmarkMetrics is what one attestation costs: everything that the server
// counts for it.
func BenchmarkMetrics(b *testing.B) {
	m := mustNew(b, newConfig()).Metrics()
	m.SetInstances([]string{"contoso"})
	r := Request{Instance: "contoso", Route: "/attest/sgxenclave", Method: "POST", Status: 200, Took: time.Millisecond}
	b.ReportAllocs()
	for b.Loop() {
		m.RequestBegan()
		for _, phase := range []string{"parse", "collateral", "verify", "policy", "sign"} {
			m.Phase(phase, time.Millisecond)
		}
		m.Attested("contoso", "SgxEnclave", Issued)
		m.RequestEnded(r)
	}
}
