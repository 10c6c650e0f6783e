package attest_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change      func(*attest.Config)
		field, want string
	}{
		"no issuer":          {func(c *attest.Config) { c.Issuer = nil }, "Issuer", "missing"},
		"no verifiers":       {func(c *attest.Config) { c.Verifiers = nil }, "Verifiers", "none"},
		"nil verifier":       {func(c *attest.Config) { c.Verifiers[attest.OpenEnclave] = nil }, "Verifiers", "OpenEnclave has none"},
		"unknown type":       {func(c *attest.Config) { c.Verifiers["Sgx"] = c.Verifiers[attest.SGXEnclave] }, "Verifiers", `"Sgx" is no type`},
		"nil policy":         {func(c *attest.Config) { c.Policies = map[attest.Type]*policy.Program{attest.SGXEnclave: nil} }, "Policies", "lacks its program"},
		"policy of no type":  {func(c *attest.Config) { c.Policies = map[attest.Type]*policy.Program{"Sgx": new(policy.Program)} }, "Policies", "verifier"},
		"accepts nothing":    {func(c *attest.Config) { c.AcceptedTCB = []evidence.TCBStatus{} }, "AcceptedTCB", "empty"},
		"unknown status":     {func(c *attest.Config) { c.AcceptedTCB = []evidence.TCBStatus{"Uptodate"} }, "AcceptedTCB", `"Uptodate" is no TCB status`},
		"accepts revoked":    {func(c *attest.Config) { c.AcceptedTCB = evidence.TCBStatuses()[:7] }, "AcceptedTCB", "Revoked can never be accepted"},
		"accepts no level":   {func(c *attest.Config) { c.AcceptedTCB = []evidence.TCBStatus{evidence.TCBNoMatchingLevel} }, "AcceptedTCB", "NoMatchingLevel can never"},
		"negative baseline":  {func(c *attest.Config) { c.AzureDefaultTCB = -1 }, "AzureDefaultTCB", "-1"},
		"negative lifetime":  {func(c *attest.Config) { c.TokenLifetime = -time.Hour }, "TokenLifetime", "-1h"},
		"half a second":      {func(c *attest.Config) { c.TokenLifetime = time.Second / 2 }, "TokenLifetime", "500ms"},
		"a second and more":  {func(c *attest.Config) { c.TokenLifetime = time.Second + 1 }, "TokenLifetime", "whole seconds"},
		"more than one year": {func(c *attest.Config) { c.TokenLifetime = 366 * 24 * time.Hour }, "TokenLifetime", "8784h"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfig(t, &fakeVerifier{result: newResult()})
			tt.change(&c)
			s, err := attest.New(c)
			refusal, ok := errors.AsType[*attest.ConfigError](err)
			if !ok || s != nil {
				t.Fatalf("service %v, error %v; want a *ConfigError", s, err)
			}
			if refusal.Field != tt.field || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q about %s, want one about %s that says %q", err, refusal.Field, tt.field, tt.want)
			}
		})
	}
}

func TestDefaultPolicyIsTheRealServices(t *testing.T) {
	t.Parallel()
	s := newService(t, newConfig(t, &fakeVerifier{result: newResult()}))
	for _, kind := range []attest.Type{attest.SGXEnclave, attest.OpenEnclave} {
		answer := mustAttest(t, s, &attest.Request{Type: kind})
		if got, _ := answer.Claims.First("x-ms-policy-hash"); got != claims.String("ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc") {
			t.Errorf("%s: x-ms-policy-hash = %s, want that of the real service's default", kind, got)
		}
	}
}

func TestEachTypeHasItsOwnPolicy(t *testing.T) {
	t.Parallel()
	c := newConfig(t, &fakeVerifier{result: newResult()})
	c.Policies = map[attest.Type]*policy.Program{attest.OpenEnclave: compile(t, `version= 1.0;authorizationrules{=> deny();};`)}
	s := newService(t, c)
	mustAttest(t, s, request())
	wantRefusal[*policy.DeniedError](t, s, &attest.Request{Type: attest.OpenEnclave}, "")
}

// What New was given may change afterwards without the service noticing.
func TestServiceKeepsItsConfiguration(t *testing.T) {
	t.Parallel()
	v := &fakeVerifier{result: newResult()}
	c := newConfig(t, v)
	c.AcceptedTCB = []evidence.TCBStatus{evidence.TCBUpToDate}
	s := newService(t, c)
	c.AcceptedTCB[0] = evidence.TCBOutOfDate
	delete(c.Verifiers, attest.SGXEnclave)
	mustAttest(t, s, request())
	v.result.TCB.Status = evidence.TCBOutOfDate
	err := refusal[*attest.TCBError](t, s, request(), "")
	err.Accepted[0] = evidence.TCBOutOfDate // nor does an error open a way in
	wantRefusal[*attest.TCBError](t, s, request(), "")
}

func TestDefaultAcceptedTCB(t *testing.T) {
	t.Parallel()
	want := []evidence.TCBStatus{"UpToDate", "SWHardeningNeeded"}
	got := attest.DefaultAcceptedTCB()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("accepted by default (-want +got):\n%s", diff)
	}
	got[0] = evidence.TCBOutOfDate
	if diff := cmp.Diff(want, attest.DefaultAcceptedTCB()); diff != "" {
		t.Errorf("changed by a caller (-want +got):\n%s", diff)
	}
}
