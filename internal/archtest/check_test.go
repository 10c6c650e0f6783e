package archtest_test

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/azattest/azattest/internal/archtest"
)

const (
	client    = "module github.com/azattest/azattest/azattestation\n\ngo 1.26.0\n"
	ourPrefix = "github.com/azattest/azattest/"
)

// goFile is a Go file of package name with imports and a body.
func goFile(name string, imports []string, body string) string {
	var b strings.Builder
	b.WriteString("package " + name + "\n")
	for _, i := range imports {
		b.WriteString("import " + i + "\n")
	}
	b.WriteString(body)
	return b.String()
}

// repository is a small one that breaks no rule, with files laid over it.
func repository(files map[string]string) fstest.MapFS {
	all := map[string]string{
		"azattestation/go.mod":        client,
		"azattestation/doc.go":        goFile("azattestation", []string{`"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"`}, ""),
		"claims/claims.go":            goFile("claims", []string{`"time"`}, "var D = time.Second\n"),
		"evidence/evidence.go":        goFile("evidence", []string{`"` + ourPrefix + `claims"`, `"time"`}, "func At(t time.Time) time.Time { return t }\n"),
		"collateral/collateral.go":    goFile("collateral", []string{`"net/http"`, `"time"`}, "var _ = http.MethodGet\nvar clock = time.Now\n"),
		"internal/cli/cli.go":         goFile("cli", []string{`"` + ourPrefix + `internal/server"`, `"github.com/spf13/cobra"`}, ""),
		"internal/corpus/corpus.go":   goFile("corpus", nil, ""),
		"claims/claims_test.go":       goFile("claims_test", []string{`"` + ourPrefix + `internal/corpus"`, `"` + ourPrefix + `evidence"`, `"github.com/google/go-cmp/cmp"`}, "func init() {}\n"),
		"conformance/replay_test.go":  goFile("conformance", []string{`"` + ourPrefix + `azattestation"`, `"` + ourPrefix + `attest"`}, ""),
		"conformance/doc.go":          goFile("conformance", nil, "// Nothing but a comment.\n"),
		"readme_test.go":              goFile("azattest_test", nil, ""),
		"claims/testdata/bad.go":      "not Go at all",
		".hidden/bad.go":              "not Go at all",
		"azattestation/live_test.go":  goFile("azattestation", []string{`"` + ourPrefix + `azattestation/fake"`}, ""),
		"azattestation/fake/fake.go":  goFile("fake", []string{`"` + ourPrefix + `azattestation"`}, ""),
		"internal/server/handlers.go": goFile("server", []string{`"net/http"`}, "var _ http.Handler\ntype s struct{}\nfunc (s) init() {}\n"),
	}
	maps.Copy(all, files)
	fsys := make(fstest.MapFS)
	for name, text := range all {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

func TestCheckAcceptsWhatTheRulesAllow(t *testing.T) {
	t.Parallel()
	found, err := archtest.Check(repository(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, text string
		want       string // place and part of the text of the one violation
	}{
		"arrow against the flow": {
			"claims/x.go", goFile("claims", []string{`"` + ourPrefix + `evidence"`}, ""),
			"claims/x.go:2: claims imports evidence, but may import nothing of ours",
		},
		"arrow between rooms that each other room may have": {
			"policy/x.go", goFile("policy", []string{`"` + ourPrefix + `claims"`, `"` + ourPrefix + `token"`}, ""),
			"policy/x.go:3: policy imports token, but may import only claims, policy/syntax, policy/jmespath",
		},
		"arrow behind a build constraint": {
			"token/x_windows.go", "//go:build ignore\n\n" + goFile("token", []string{`"` + ourPrefix + `policy"`}, ""),
			"token/x_windows.go:4: token imports policy",
		},
		"arrow to the root": {
			"token/x.go", goFile("token", []string{`"github.com/azattest/azattest"`}, ""),
			"token/x.go:2: token imports .",
		},
		"room nobody listed": {
			"evidence/vbs/vbs.go", goFile("vbs", nil, ""),
			"evidence/vbs/vbs.go: room evidence/vbs is not in the table",
		},
		"pipeline that knows a kind of evidence": {
			"attest/x.go", goFile("attest", []string{`"` + ourPrefix + `evidence/sgx"`}, ""),
			"attest/x.go:2: attest imports evidence/sgx",
		},
		"command that imports a command": {
			"internal/cli/x.go", goFile("cli", []string{`"` + ourPrefix + `cmd/azattest"`}, ""),
			"internal/cli/x.go:2: internal/cli imports cmd/azattest",
		},
		"corpus in a program": {
			"internal/cli/x.go", goFile("cli", []string{`"` + ourPrefix + `internal/corpus"`}, ""),
			"internal/cli/x.go:2: internal/cli imports internal/corpus, which is for tests only",
		},
		"program among the conformance tests": {
			"conformance/x.go", goFile("conformance", nil, "func Compare() {}\n"),
			"conformance/x.go: this folder holds tests only",
		},
		"program in a folder of conformance": {
			"conformance/python/x.go", goFile("python", nil, "var X int\n"),
			"conformance/python/x.go: this folder holds tests only",
		},
		"program in the root": {
			"x.go", goFile("azattest", nil, "const X = 1\n"),
			"x.go: this folder holds tests only",
		},
		"HTTP in a room of values": {
			"evidence/dcap/x.go", goFile("dcap", []string{`"net/http"`}, ""),
			"evidence/dcap/x.go:2: evidence/dcap imports net/http: HTTP stays at the edge",
		},
		"HTTP test server in a room of values": {
			"token/x_test.go", goFile("token", []string{`"net/http/httptest"`}, ""),
			"token/x_test.go:2: token imports net/http/httptest",
		},
		"dot import": {
			"collateral/x.go", goFile("collateral", []string{`. "time"`}, ""),
			"collateral/x.go:2: dot import of time",
		},
		"other people's module in the trust path": {
			"evidence/dcap/x.go", goFile("dcap", []string{`"golang.org/x/sync/singleflight"`}, ""),
			"evidence/dcap/x.go:2: evidence/dcap imports golang.org/x/sync/singleflight, which is not among",
		},
		"other package of an allowed module": {
			"collateral/x.go", goFile("collateral", []string{`"golang.org/x/sync/errgroup"`}, ""),
			"collateral/x.go:2: collateral imports golang.org/x/sync/errgroup",
		},
		"client that imports the service": {
			"azattestation/x.go", goFile("azattestation", []string{`"` + ourPrefix + `claims"`}, ""),
			"azattestation/x.go:2: azattestation imports claims, but may import nothing of ours",
		},
		"client's test that imports the service": {
			"azattestation/x_test.go", goFile("azattestation", []string{`"` + ourPrefix + `claims"`}, ""),
			"azattestation/x_test.go:2: a test of the client imports claims",
		},
		"client's test that needs another module": {
			"azattestation/x_test.go", goFile("azattestation", []string{`"github.com/google/go-cmp/cmp"`}, ""),
			"azattestation/x_test.go:2: azattestation imports github.com/google/go-cmp/cmp",
		},
		"client that requires more than azcore": {
			"azattestation/go.mod", client + "require (\n\tgithub.com/Azure/azure-sdk-for-go/sdk/azcore v1.24.0\n\tgithub.com/google/go-cmp v0.7.0\n\tgolang.org/x/net v0.1.0 // indirect\n)\n",
			"azattestation/go.mod:6: requires github.com/google/go-cmp",
		},
		"client that requires on one line": {
			"azattestation/go.mod", client + "require github.com/google/go-cmp v0.7.0 // for tests\n",
			"azattestation/go.mod:4: requires github.com/google/go-cmp",
		},
		"client that replaces a module": {
			"azattestation/go.mod", client + "replace github.com/azattest/azattest => ../\n",
			"azattestation/go.mod:4: replace has no effect",
		},
		"package that says nothing": {
			"internal/cli/x_test.go", goFile("utils_test", nil, ""),
			"internal/cli/x_test.go: a package named utils says nothing",
		},
		"file too long": {
			"token/x.go", goFile("token", nil, strings.Repeat("\n", 700)),
			"token/x.go: 701 lines, at most 700 (the median of our source files is 3)",
		},
		"init": {
			"simulator/x.go", goFile("simulator", nil, "func init() {}\n"),
			"simulator/x.go:2: init function",
		},
		"clock read in a verifier": {
			"evidence/sgx/x.go", goFile("sgx", []string{`"time"`}, "var T = time.Now()\n"),
			"evidence/sgx/x.go:3: evidence/sgx reads the clock (time.Now)",
		},
		"clock named in a verifier": {
			"evidence/sgx/x.go", goFile("sgx", []string{`"time"`}, "var T = time.Now\n"),
			"evidence/sgx/x.go:3: evidence/sgx reads the clock (time.Now)",
		},
		"clock under another name": {
			"evidence/dcap/x.go", goFile("dcap", []string{`tm "time"`}, "func old(t tm.Time) bool { return tm.Since(t) > 0 }\n"),
			"evidence/dcap/x.go:3: evidence/dcap reads the clock (time.Since)",
		},
		"clock called where it is injected": {
			"collateral/x.go", goFile("collateral", []string{`"time"`}, "var T = (time.Now)()\n"),
			"collateral/x.go:3: collateral reads the clock (time.Now)",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := archtest.Check(repository(map[string]string{tt.path: tt.text}))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || !strings.HasPrefix(found[0].String(), tt.want) {
				t.Errorf("got %v, want one violation beginning %q", found, tt.want)
			}
		})
	}
}

func TestCheckReportsEveryViolationInOrder(t *testing.T) {
	t.Parallel()
	found, err := archtest.Check(repository(map[string]string{
		"token/b.go":  goFile("token", []string{`"net/http"`}, "func init() {}\n"),
		"claims/a.go": goFile("claims", []string{`"` + ourPrefix + `policy"`}, ""),
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"claims/a.go:2: ", "token/b.go:2: ", "token/b.go:3: "}
	if len(found) != len(want) {
		t.Fatalf("got %v, want %d violations", found, len(want))
	}
	for i, v := range found {
		if !strings.HasPrefix(v.String(), want[i]) {
			t.Errorf("violation %d: got %q, want it at %q", i, v, want[i])
		}
	}
}

func TestCheckRefusesToJudgeWhatItCannotRead(t *testing.T) {
	t.Parallel()
	broken := repository(map[string]string{"claims/x.go": "package claims\nfunc {"})
	if _, err := archtest.Check(broken); err == nil || !strings.Contains(err.Error(), "claims/x.go:2") {
		t.Errorf("broken file: got %v, want an error naming claims/x.go:2", err)
	}
	noClient := repository(nil)
	delete(noClient, "azattestation/go.mod")
	if _, err := archtest.Check(noClient); err == nil || !strings.Contains(err.Error(), "azattestation/go.mod") {
		t.Errorf("no client: got %v, want an error naming azattestation/go.mod", err)
	}
}
