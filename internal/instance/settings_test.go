package instance_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/store/memory"
)

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		field string
		edit  func(*instance.Settings)
	}{
		"no name":             {"Name", func(s *instance.Settings) { s.Name = "" }},
		"capital letters":     {"Name", func(s *instance.Settings) { s.Name = "Contoso" }},
		"a slash":             {"Name", func(s *instance.Settings) { s.Name = "a/certificates" }},
		"a hyphen first":      {"Name", func(s *instance.Settings) { s.Name = "-a" }},
		"a hyphen last":       {"Name", func(s *instance.Settings) { s.Name = "a-" }},
		"a line":              {"Name", func(s *instance.Settings) { s.Name = "a\n" }},
		"a long name":         {"Name", func(s *instance.Settings) { s.Name = strings.Repeat("a", 64) }},
		"no URL":              {"URL", func(s *instance.Settings) { s.URL = "" }},
		"plain HTTP":          {"URL", func(s *instance.Settings) { s.URL = "http://contoso.example" }},
		"a host in capitals":  {"URL", func(s *instance.Settings) { s.URL = "https://Contoso.example" }},
		"a slash at the end":  {"URL", func(s *instance.Settings) { s.URL = "https://contoso.example/" }},
		"no mode":             {"Mode", func(s *instance.Settings) { s.Mode = "" }},
		"another mode":        {"Mode", func(s *instance.Settings) { s.Mode = "aad" }},
		"a URL as host":       {"Hosts", func(s *instance.Settings) { s.Hosts = []string{"https://a.example"} }},
		"a host with a path":  {"Hosts", func(s *instance.Settings) { s.Hosts = []string{"a.example/b"} }},
		"a capital host":      {"Hosts", func(s *instance.Settings) { s.Hosts = []string{"A.example"} }},
		"an empty host":       {"Hosts", func(s *instance.Settings) { s.Hosts = []string{""} }},
		"too many hosts":      {"Hosts", func(s *instance.Settings) { s.Hosts = slices.Repeat([]string{"a.example"}, 65) }},
		"an unknown type":     {"Types", func(s *instance.Settings) { s.Types = []attest.Type{"Nitro"} }},
		"another spelling":    {"Types", func(s *instance.Settings) { s.Types = []attest.Type{"sgxenclave"} }},
		"a negative baseline": {"AzureDefaultTCB", func(s *instance.Settings) { s.AzureDefaultTCB = -1 }},
		"no algorithm":        {"Algorithm", func(s *instance.Settings) { s.Algorithm = "none" }},
		"an odd algorithm":    {"Algorithm", func(s *instance.Settings) { s.Algorithm = "HS256" }},
		"a negative lifetime": {"TokenLifetime", func(s *instance.Settings) { s.TokenLifetime = -time.Second }},
		"half a second":       {"TokenLifetime", func(s *instance.Settings) { s.TokenLifetime = 1500 * time.Millisecond }},
		"two days":            {"TokenLifetime", func(s *instance.Settings) { s.TokenLifetime = 48 * time.Hour }},
		"no status":           {"AcceptedTCB", func(s *instance.Settings) { s.AcceptedTCB = []evidence.TCBStatus{} }},
		"an unknown status":   {"AcceptedTCB", func(s *instance.Settings) { s.AcceptedTCB = []evidence.TCBStatus{"Fine"} }},
		"a revoked platform":  {"AcceptedTCB", func(s *instance.Settings) { s.AcceptedTCB = []evidence.TCBStatus{evidence.TCBRevoked} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A process without verifiers, such as a command, refuses what the service would.
			c := config(memory.New())
			blind := config(memory.New())
			blind.Verifiers = nil
			for _, c := range []instance.Config{c, blind} {
				d := open(t, c)
				s := aad("contoso")
				create(t, d, s)
				test.edit(&s)
				wantSettingsError(t, d.Create(t.Context(), s, nil, "test"), test.field)
				wantSettingsError(t, d.Update(t.Context(), s), test.field)
				if list, err := d.List(t.Context()); err != nil || len(list) != 1 || list[0].URL != "https://contoso.example" {
					t.Errorf("list %v, %v: what was refused changed something", list, err)
				}
			}
		})
	}
}

func TestSettingsThatAreAccepted(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*instance.Settings){
		"everything": func(s *instance.Settings) {
			s.Hosts = []string{"a.example", "b.example:8443", "192.0.2.1"}
			s.Types = []attest.Type{attest.SGXEnclave, attest.TPM}
			s.AcceptedTCB = []evidence.TCBStatus{evidence.TCBUpToDate}
			s.AzureDefaultTCB, s.TokenLifetime = 10, time.Hour
			s.AttestationNeedsReader, s.RefuseReplayedPolicies = true, true
		},
		"types that the process cannot attest": func(s *instance.Settings) { s.Types = []attest.Type{attest.TPM} },
		"the default algorithm":                func(s *instance.Settings) { s.Algorithm = "" },
		"a laptop":                             func(s *instance.Settings) { s.URL = "http://localhost:8080/a" },
		"a name of one letter":                 func(s *instance.Settings) { s.Name = "a" },
	} {
		s := aad("contoso")
		edit(&s)
		d := open(t, config(memory.New()))
		if err := d.Create(t.Context(), s, nil, "test"); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if kept, err := d.Settings(t.Context(), s.Name); err != nil || kept.URL != s.URL || len(kept.Hosts) != len(s.Hosts) || kept.TokenLifetime != s.TokenLifetime {
			t.Errorf("%s: %+v, %v", name, kept, err)
		}
	}
}

func TestTokensDoNotOutliveTheKeysThatArePublished(t *testing.T) {
	t.Parallel()
	c := config(memory.New())
	c.MaxTokenLifetime = time.Hour
	d := open(t, c)
	s := aad("contoso")
	// Nothing said means eight hours.
	wantSettingsError(t, d.Create(t.Context(), s, nil, "test"), "TokenLifetime")
	s.TokenLifetime = time.Hour
	create(t, d, s)
}

func TestConfigurationsThatMakeNoDirectory(t *testing.T) {
	t.Parallel()
	for field, edit := range map[string]func(*instance.Config){
		"Store":        func(c *instance.Config) { c.Store = nil },
		"Keys":         func(c *instance.Config) { c.Keys = nil },
		"Log":          func(c *instance.Config) { c.Log = nil },
		"Tickets":      func(c *instance.Config) { c.Verifiers = map[attest.Type]evidence.Verifier{attest.TPM: believer{}} },
		"MaxStaleness": func(c *instance.Config) { c.MaxStaleness = time.Millisecond },
		"Fixed": func(c *instance.Config) {
			c.Fixed = map[string]map[attest.Type]string{"contoso": {attest.SGXEnclave: "version=1.0;"}}
		},
	} {
		c := config(memory.New())
		edit(&c)
		_, err := instance.Open(t.Context(), c)
		if e, ok := errors.AsType[*instance.ConfigError](err); !ok || e.Field != field || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestOpenFailsIfTheStoreDoes(t *testing.T) {
	t.Parallel()
	r := newRecords()
	r.isDown.Store(true)
	if _, err := instance.Open(t.Context(), config(r)); err == nil {
		t.Error("no error of a store that does not answer")
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for _, err := range []error{
		&instance.SettingsError{Instance: "contoso", Field: "URL", Problem: "empty"},
		&instance.TakenError{Instance: "contoso", What: "name"},
		&instance.StaleError{Age: time.Minute, Max: time.Second},
		&instance.ContendedError{Key: "instances/contoso"},
		&instance.RefusedError{Instance: "contoso", Reason: instance.ReasonShared, Detail: "fixed"},
		&instance.RecordError{Key: "instances/contoso", Err: errors.ErrUnsupported},
	} {
		if text := err.Error(); len(text) < 20 || strings.Contains(text, "%!") {
			t.Errorf("%T: %s", err, text)
		}
	}
}
