package conformance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// suite is one of Microsoft's SDKs with the scenarios written for it.
type suite struct {
	name string
	// dir is where it is.
	dir string
	// clients are the SDK's kinds of client, as the matrix names them.
	clients []string
	// needs is the pattern of a file that is there once the SDK is installed.
	needs string
	// command runs the suite and writes its results, as JUnit XML, to a file.
	command func(results string) []string
	// env is what the command needs to trust the service's certificate.
	env func(caFile string) []string
}

func suites() []suite {
	return []suite{
		{
			name: "python", dir: "python", clients: []string{pythonSync, pythonAio},
			needs: filepath.Join("python", ".venv", "bin", "pytest"),
			command: func(results string) []string {
				return []string{filepath.Join(".venv", "bin", "pytest"), "-q", "--junitxml", results}
			},
			// The clients are told by an option.
			env: func(string) []string { return nil },
		},
		{
			name: "javascript", dir: "javascript", clients: []string{javaScript},
			needs: filepath.Join("javascript", "node_modules", "@azure", "attestation", "package.json"),
			command: func(results string) []string {
				return node(results, ".")
			},
			env: trustInNode,
		},
	}
}

// node runs files of tests, or all of a folder.
func node(results string, files ...string) []string {
	return append([]string{
		// One file at a time: they change the policies of the same instances.
		"node", "--test", "--test-concurrency=1",
		"--test-reporter=dot", "--test-reporter-destination=stdout",
		"--test-reporter=junit", "--test-reporter-destination=" + results,
	}, files...)
}

func trustInNode(caFile string) []string { return []string{"NODE_EXTRA_CA_CERTS=" + caFile} }

// needSDKs skips the test where an SDK is not installed.
func needSDKs(t *testing.T, all []suite) {
	t.Helper()
	for _, s := range all {
		found, err := filepath.Glob(s.needs)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			lacking(t, "the %s SDK is not installed: run `make conformance`, which installs it and comes back here", s.name)
		}
	}
}

// suiteTime is how long a suite may run. It takes some seconds; a client that
// waits for an answer that never comes must not take all of the test's time.
const suiteTime = 5 * time.Minute

// TestOfficialSDKs has Microsoft's own clients, unmodified, drive the service as
// users run it: the command, over TLS. Each scenario is a subtest.
func TestOfficialSDKs(t *testing.T) {
	t.Parallel()
	all := readScenarios(t, "scenarios.json")
	needSDKs(t, suites())
	binary := buildCommand(t)
	keys := makeKeys(t)
	for _, v := range variants() {
		for _, s := range suites() {
			t.Run(v.name+"/"+s.name, func(t *testing.T) {
				t.Parallel()
				// A service of its own: what one suite changes the other cannot trip over.
				w := startWorld(t, binary, v, keys)
				report(t, all, s, w, run(t, s, w))
			})
		}
	}
}

// run runs a suite and returns what it reports.
func run(t *testing.T, s suite, w *world) map[attempt]outcome {
	t.Helper()
	results := filepath.Join(w.dir, "results.xml")
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime)
	defer cancel()
	line := s.command(results)
	//nolint:gosec // G204: the test's own command line
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), append(s.env(w.CAFile), "AZATTEST_WORLD="+w.file, "PYTHONDONTWRITEBYTECODE=1")...)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	failed := cmd.Run()
	got, err := readResults(results)
	if err != nil {
		t.Fatalf("%s: %v; the suite ended with: %v", s.name, err, failed)
	}
	if failed != nil && !anyFailed(got) {
		t.Errorf("%s: %v, though no scenario failed", s.name, failed)
	}
	return got
}

// report makes a subtest of each scenario that must have run, and fails for
// those that ran and are not listed.
func report(t *testing.T, all []scenario, s suite, w *world, got map[attempt]outcome) {
	t.Helper()
	for _, sc := range all {
		for _, mode := range sc.Modes {
			for _, client := range s.clients {
				if w.Endpoints[mode] == "" || !sc.isFor(client) {
					continue
				}
				key := attempt{sc.ID, mode, client}
				o, ran := got[key]
				delete(got, key)
				t.Run(fmt.Sprintf("%s/%s/%s", sc.ID, mode, client), func(t *testing.T) {
					switch {
					case !ran:
						t.Error("in the list of scenarios, and did not run")
					case o.failure != "":
						t.Error(o.failure)
					case o.isImpossible != (sc.Cannot[client] != ""):
						t.Errorf("shown to be impossible: %t, and the list of scenarios says for %s: %q", o.isImpossible, client, sc.Cannot[client])
					}
				})
			}
		}
	}
	for key := range got {
		t.Errorf("%+v ran and is not in the list of scenarios", key)
	}
}

// lacking skips the test for want of something, which is no excuse in CI.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("AZATTEST_CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}
