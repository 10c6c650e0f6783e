package deploy_test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (s *server) unitFile() string { return filepath.Join("systemd", s.name+".service") }

// unit is a unit of systemd: values by section and key, in their order.
type unit map[string][]string

func readUnit(t *testing.T, s *server) unit {
	t.Helper()
	raw, err := os.ReadFile(s.unitFile())
	if err != nil {
		t.Fatal(err)
	}
	u, section := unit{}, ""
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
		} else if key, value, found := strings.Cut(line, "="); found && !strings.HasPrefix(line, "#") {
			u[section+"."+key] = append(u[section+"."+key], value)
		}
	}
	return u
}

func TestUnitIsHardened(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			u := readUnit(t, s)
			for key, want := range map[string]string{
				"DynamicUser": "yes", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict",
				"ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "ProtectKernelTunables": "yes", "ProtectKernelModules": "yes",
				"ProtectControlGroups": "yes", "RestrictNamespaces": "yes", "RestrictSUIDSGID": "yes", "LockPersonality": "yes",
				"MemoryDenyWriteExecute": "yes", "SystemCallArchitectures": "native", "StateDirectory": s.name, "StateDirectoryMode": "0700",
				"UMask": "0077", "LimitCORE": "0", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
			} {
				if got, set := u["Service."+key]; !set || !slices.Equal(got, []string{want}) {
					t.Errorf("%s=%v, want %q", key, got, want)
				}
			}
			if got := u["Service.SystemCallFilter"]; !slices.Equal(got, []string{"@system-service", "~@privileged @resources"}) {
				t.Errorf("SystemCallFilter=%v", got)
			}
		})
	}
}

// The units differ in what they run and what that reads. Who hardens one hardens
// the other.
func TestUnitsAreHardenedAlike(t *testing.T) {
	t.Parallel()
	own := []string{"Unit.Description", "Service.ExecStartPre", "Service.ExecStart", "Service.StateDirectory", "Service.WorkingDirectory", "Service.Environment", "Service.LoadCredential"}
	service, vault := readUnit(t, &attestationService), readUnit(t, &keyReleaseServer)
	for _, u := range []unit{service, vault} {
		for _, key := range own {
			delete(u, key)
		}
	}
	if diff := cmp.Diff(service, vault); diff != "" {
		t.Errorf("the unit of the service (-) is not that of the vault (+):\n%s", diff)
	}
}

// Secrets come by LoadCredential, and what the unit sets are variables that the
// configuration knows.
func TestUnitGivesSecretsAsCredentials(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			u := readUnit(t, s)
			given := map[string]bool{}
			for _, c := range u["Service.LoadCredential"] {
				name, file, _ := strings.Cut(c, ":")
				given["%d/"+name] = true
				if want := "/etc/" + s.name + "/" + name; file != want {
					t.Errorf("the credential %s is %s, want %s: servers share no secret", name, file, want)
				}
			}
			for _, e := range u["Service.Environment"] {
				name, value, _ := strings.Cut(e, "=")
				if !slices.Contains(s.variables, name) {
					t.Errorf("the configuration knows no variable %s", name)
				}
				if strings.HasPrefix(value, "%d/") && !given[value] {
					t.Errorf("%s is no credential", value)
				}
				delete(given, value)
			}
			for name := range given {
				t.Errorf("nobody reads the credential %s", name)
			}
		})
	}
}

// environment is what systemd sets, with folders in place of its specifiers.
func (u unit) environment(credentials string) func(string) string {
	return func(name string) string {
		for _, e := range u["Service.Environment"] {
			if value, found := strings.CutPrefix(e, name+"="); found {
				return strings.NewReplacer("%d", credentials, "%S", "/var/lib").Replace(value)
			}
		}
		return ""
	}
}

func TestConfigurationFitsTheUnit(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			u := readUnit(t, s)
			credentials := secretsFor(t)
			file := filepath.Join("systemd", s.config)
			s.accepts(t, file, u.environment(credentials))
			c := s.settingsOf(t, file, u.environment(credentials))
			if home := "/var/lib/" + s.name; c.dataDir != home || !strings.HasPrefix(c.trail, home+"/") {
				t.Errorf("data in %s, audit in %s: the unit can write into %s alone", c.dataDir, c.trail, home)
			}
			stop, err := time.ParseDuration(u["Service.TimeoutStopSec"][0])
			if err != nil {
				t.Fatal(err)
			}
			if c.shutdown.Linger+c.shutdown.Drain >= stop {
				t.Errorf("linger %s and drain %s, but systemd waits %s", c.shutdown.Linger, c.shutdown.Drain, stop)
			}
		})
	}
}

func TestUnitChecksWhatItRuns(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			u := readUnit(t, s)
			installed := "/etc/" + s.name + "/" + s.config
			if want := "/usr/bin/azattest " + strings.Join(s.check, " ") + " " + installed; !slices.Equal(u["Service.ExecStartPre"], []string{want}) {
				t.Errorf("ExecStartPre=%v, want %s", u["Service.ExecStartPre"], want)
			}
			program, line, _ := strings.Cut(u["Service.ExecStart"][0], " ")
			if program != "/usr/bin/azattest" {
				t.Errorf("ExecStart=%s", program)
			}
			s.startsWith(t, strings.Fields(line), installed)
		})
	}
}

// analyze runs systemd-analyze on the unit, with a program that exists here.
func (s *server) analyze(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("AZATTEST_CI") == "1" {
			t.Fatal("systemd-analyze not found: install systemd")
		}
		t.Skip("systemd-analyze not found: install the package systemd (Debian, Fedora) to run this test")
	}
	raw, err := os.ReadFile(s.unitFile())
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), s.name+".service")
	if err := os.WriteFile(name, bytes.ReplaceAll(raw, []byte("=/usr/bin/azattest "), []byte("="+self+" ")), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, append(args, name)...).CombinedOutput() //nolint:gosec // G204: a program of the system, and arguments of this test
	if err != nil || bytes.Contains(out, []byte(name+":")) {
		t.Errorf("systemd-analyze %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestUnitHoldsForSystemd(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.analyze(t, "verify", "--man=no")
		})
	}
}

// The exposure that systemd computes of a unit goes from 0 to 10; in tenths, 15
// at most.
func TestUnitIsNotExposed(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.analyze(t, "security", "--offline=yes", "--threshold=15", "--no-pager")
		})
	}
}
