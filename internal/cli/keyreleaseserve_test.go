package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/testport"
)

// keyReleaseConfig is a configuration that holds, with its files, and a key of TLS for
// localhost.
func keyReleaseConfig(t *testing.T, more string) (file, certificateFile string) {
	t.Helper()
	dir := t.TempDir()
	certificate, key := selfSigned(t, testTime.Add(-time.Minute), "localhost")
	for name, text := range map[string]string{"tls.pem": certificate, "key.pem": key, "wrapping.key": keyring.GenerateWrappingKey()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := "listen: 127.0.0.1:0\nurl: https://localhost:8444\ndataDir: $/data\nauthorities: [{url: " + noAuthority + "}]\n" +
		"tls: {certificateFile: $/tls.pem, keyFile: $/key.pem}\nkeys: {wrappingKeyFile: $/wrapping.key}\n" + more
	return inFile(t, "keyrelease.yaml", strings.ReplaceAll(text, "$", dir)), filepath.Join(dir, "tls.pem")
}

// wantStatuses asks a server for paths, without a credential.
func wantStatuses(t *testing.T, endpoint, caFile string, statuses map[string]int) {
	t.Helper()
	transport, err := transportTo(Streams{Now: func() time.Time { return testTime }}, caFile)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	for path, want := range statuses {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: status %d, want %d", path, resp.StatusCode, want)
		}
	}
}

func TestKeyReleaseServesAConfiguration(t *testing.T) {
	t.Parallel()
	port := strconv.Itoa(testport.Free(t))
	file, certificateFile := keyReleaseConfig(t, "")
	v := startKeyRelease(t, t.TempDir(), "--config", file, "--listen", "127.0.0.1:"+port)
	if v.Endpoint != "https://localhost:8444" || v.CAFile != "" || v.officer != "" {
		t.Errorf("%+v, want the URL of the configuration, and nothing of --dev", v.ready)
	}
	wantStatuses(t, "https://localhost:"+port, certificateFile, map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusOK, "/keys?api-version=7.4": http.StatusUnauthorized, "/": http.StatusNotFound})
	if _, err := os.Stat(v.readyFile); err != nil {
		t.Error(err)
	}
	if code := v.stop(); code != exitDone {
		t.Errorf("exit code %d after the end, want %d: %s", code, exitDone, v.log)
	}
	if _, err := os.Stat(v.readyFile); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want no ready file of a server that has ended", err)
	}
}

// A store that forgets needs no key that is kept.
func TestKeyReleaseInMemoryNeedsNoWrappingKey(t *testing.T) {
	t.Parallel()
	good, _ := keyReleaseConfig(t, "store: {driver: memory}\n")
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(raw), "keys: {", "#", 1)
	v := startKeyRelease(t, t.TempDir(), "--config", inFile(t, "keyrelease.yaml", text))
	if code := v.stop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, v.log)
	}
}

// What was made with --dev is there after a restart.
func TestKeyReleaseKeepsItsKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := startDevKeyRelease(t, dir)
	made := wantDone[shownVaultKey](t, v.keys("create", "disk", "--type", "oct", "--policy", inFile(t, "release.json", releaseText), "--json"))
	if code := v.stop(); code != exitDone {
		t.Fatalf("exit code %d: %s", code, v.log)
	}
	v = startDevKeyRelease(t, dir)
	if got := wantDone[shownVaultKey](t, v.keys("show", "disk", "--json")); got.Version != made.Version || got.ReleasePolicy != releaseText {
		t.Errorf("%+v", got)
	}
	wantFault(t, runWith(t, nil, "keyrelease", "serve", "--dev", "--authority", noAuthority, "--listen", "127.0.0.1:0", "--data-dir", dir), exitFailed, "another process")
}

// A file says for development, too, whose tokens count and who else may ask.
func TestKeyReleaseServesAConfigurationForDevelopment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := inFile(t, "keyrelease.yaml", "listen: 127.0.0.1:0\ndataDir: "+dir+"\nauthorities: [{url: "+noAuthority+"}]\n")
	v := startKeyRelease(t, dir, "--dev", "--config", file)
	if got := v.keys("create", "disk", "--type", "oct", "--not-exportable"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	// Its wrapping key is where --dev has it.
	if got := wantDone[rewrappedKeys](t, runWith(t, nil, "keyrelease", "rewrap", "--config", file, "--dev", "--json")); got.Rewrapped != 0 {
		t.Errorf("%+v", got)
	}
	wantFault(t, runWith(t, nil, "keyrelease", "rewrap", "--config", file), exitRefused, "keys.wrappingKeyFile: missing", "hint: ", "where --dev finds it")
	if got := runWith(t, nil, "keyrelease", "discard", "disk", "--yes", "--config", file, "--dev"); got.code != exitDone {
		t.Errorf("%+v", got)
	}
}

// Whoever tries a signing certificate has one for this machine, by any of its names.
func TestDevelopmentMaySignWithAPairOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "vault.localhost"} {
		certificate, key := selfSigned(t, testTime.Add(-time.Minute), host)
		port := strconv.Itoa(testport.Free(t))
		file := inFile(t, "keyrelease.yaml", "url: https://"+host+":"+port+"\nauthorities: [{url: "+noAuthority+"}]\nsigning: {certificateFile: "+inFile(t, "sign.pem", certificate)+", keyFile: "+inFile(t, "sign-key.pem", key)+"}\n")
		v := startKeyRelease(t, t.TempDir(), "--dev", "--config", file, "--listen", "127.0.0.1:"+port)
		if v.Endpoint != "https://"+host+":"+port || v.CAFile == "" {
			t.Errorf("%+v", v.ready)
		}
		if code := v.stop(); code != exitDone {
			t.Errorf("exit code %d: %s", code, v.log)
		}
	}
}

func TestKeyReleaseRefusesWhatItCannotServe(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // the parts of this test outlast it
	good, _ := keyReleaseConfig(t, "")
	dev := []string{"--dev", "--authority", noAuthority}
	edit := func(old, replacement string) string {
		t.Helper()
		raw, err := os.ReadFile(good)
		if err != nil || !strings.Contains(string(raw), old) {
			t.Fatalf("%v in %s", err, raw)
		}
		return inFile(t, "keyrelease.yaml", strings.Replace(string(raw), old, replacement, 1))
	}
	forDev := func(more string) string {
		return inFile(t, "keyrelease.yaml", "listen: 127.0.0.1:0\nauthorities: [{url: "+noAuthority+"}]\n"+more+"\n")
	}
	empty := inFile(t, "empty", "")
	faulty := edit("listen: 127.0.0.1:0\n", "listen: 127.0.0.1\nlisten: x\n")
	insecure := edit("url: https://localhost:8444", "url: http://localhost:8444/x")
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"nothing":                     {nil, exitUsage, []string{"--config is missing", "hint: run 'azattest keyrelease serve --help'"}},
		"authority without --dev":     {[]string{"--config", good, "--authority", noAuthority}, exitUsage, []string{"--authority and --authority-ca-file are for --dev only"}},
		"CA without an authority":     {[]string{"--dev", "--config", good, "--authority-ca-file", empty}, exitUsage, []string{"--authority-ca-file goes with --authority"}},
		"--dev without an authority":  {[]string{"--dev"}, exitUsage, []string{"--authority is missing"}},
		"authority beside a file":     {[]string{"--dev", "--config", good, "--authority", noAuthority}, exitUsage, []string{"--authority stands beside --config"}},
		"--dev for others":            {append(dev, "--listen", "0.0.0.0:0"), exitUsage, []string{"--dev serves loopback only"}},
		"authority that is no URL":    {[]string{"--dev", "--authority", "nonsense"}, exitUsage, []string{`azattest: --authority: "nonsense", want https://host`}},
		"authority that stands twice": {append(dev, "--authority", noAuthority), exitUsage, []string{"--authority: ", "stands twice"}},
		"address without a port":      {append(dev, "--listen", "127.0.0.1"), exitUsage, []string{`--listen: "127.0.0.1", want host:port`}},
		"port that is taken":          {append(dev, "--listen", taken.Addr().String()), exitFailed, []string{"address already in use", "hint: choose another --listen"}},
		"metrics port that is taken":  {[]string{"--dev", "--config", forDev("telemetry: {metricsListen: " + taken.Addr().String() + "}")}, exitFailed, []string{"telemetry.metricsListen: ", "address already in use", "hint: choose another address"}},
		"metrics for callers":         {[]string{"--config", edit("listen: 127.0.0.1:0\n", "listen: 127.0.0.1:1\ntelemetry: {metricsListen: '127.0.0.1:1'}\n")}, exitRefused, []string{"telemetry.metricsListen: the address of listen"}},
		"CA file that is missing":     {append(dev, "--listen", "127.0.0.1:0", "--authority-ca-file", empty+"x"), exitFailed, []string{"no such file"}},
		"CA file that is none":        {append(dev, "--listen", "127.0.0.1:0", "--authority-ca-file", empty), exitFailed, []string{"no PEM certificate inside"}},
		"missing file":                {[]string{"--config", good + "x"}, exitFailed, []string{"configuration: ", "no such file"}},
		"twice":                       {[]string{"--config", faulty}, exitRefused, []string{faulty + ":2:1: ", "fault"}},
		"URL with a path":             {[]string{"--config", insecure}, exitRefused, []string{insecure + ":2:6: url: "}},
		"no wrapping key":             {[]string{"--config", edit("keys: {", "#")}, exitRefused, []string{"keys.wrappingKeyFile: missing"}},
		"wrapping key not there":      {[]string{"--config", edit("/wrapping.key", "/other.key")}, exitFailed, []string{"wrapping key: ", "no such file", "hint: see keys.wrappingKeyFile in ", "azattest keys wrapping-key"}},
		"certificate of another host": {[]string{"--config", edit("url: https://localhost:8444", "url: https://vault.example:8444")}, exitRefused, []string{"tls.pem: ", "not for the host of url", "vault.example"}},
		"--dev at another host":       {[]string{"--dev", "--config", forDev("url: https://vault.example:8444")}, exitUsage, []string{"--dev serves this machine alone", "https://vault.example:8444"}},
		"--dev that signs for others": {[]string{"--dev", "--config", forDev("url: https://vault.example\nsigning: {certificateFile: tls.pem, keyFile: key.pem}")}, exitUsage, []string{"--dev serves this machine alone"}},
		"TLS key not there":           {[]string{"--config", edit("/key.pem", "/other.pem")}, exitFailed, []string{"TLS certificate: ", "no such file"}},
		"--dev with a pair of TLS":    {[]string{"--dev", "--config", forDev("tls: {certificateFile: tls.pem, keyFile: key.pem}")}, exitUsage, []string{"--dev makes its own certificate", "tls.keyFile"}},
		"--dev with a key of TLS":     {[]string{"--dev", "--config", forDev("tls: {keyFile: key.pem}")}, exitUsage, []string{"--dev makes its own certificate"}},
		"--dev with client CAs":       {[]string{"--dev", "--config", forDev("tls: {clientCAFile: ca.pem}")}, exitUsage, []string{"--dev makes its own certificate", "tls.clientCAFile"}},
		"--dev behind a proxy":        {[]string{"--dev", "--config", forDev("behindProxy: true")}, exitUsage, []string{"--dev makes its own certificate", "behindProxy"}},
		"--dev with half a signature": {[]string{"--dev", "--config", forDev("signing: {keyFile: key.pem}")}, exitRefused, []string{"signing.certificateFile: missing"}},
		"--dev with a wrapping key":   {[]string{"--dev", "--config", forDev("keys: {wrappingKey: hunter2}")}, exitUsage, []string{"the keys of a vault that others rely on", "keys.wrappingKey,"}},
		"--dev with a file of one":    {[]string{"--dev", "--config", forDev("keys: {wrappingKeyFile: wrapping.key}")}, exitUsage, []string{"the keys of a vault that others rely on"}},
		"--dev with an earlier one":   {[]string{"--dev", "--config", forDev("keys: {previousWrappingKeyFiles: [wrapping.key]}")}, exitUsage, []string{"keys.previousWrappingKeyFiles"}},
		"--dev for others in a file":  {[]string{"--dev", "--config", inFile(t, "keyrelease.yaml", "listen: 0.0.0.0:0\nauthorities: [{url: "+noAuthority+"}]\n")}, exitUsage, []string{"--dev serves loopback only"}},
		"TLS pair that is none":       {[]string{"--config", edit("/key.pem", "/tls.pem")}, exitFailed, []string{"TLS certificate: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runWith(t, nil, append([]string{"keyrelease", "serve", "--data-dir", t.TempDir()}, test.args...)...)
			if got.code != test.code {
				t.Errorf("exit code %d, want %d", got.code, test.code)
			}
			for _, want := range test.want {
				if !strings.Contains(got.stderr, want) {
					t.Errorf("stderr %q, want %q in it", got.stderr, want)
				}
			}
		})
	}
}

// A wrapping key that opens nothing is told before somebody needs a key.
func TestTheLogSaysThatTheWrappingKeyIsAnother(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := startDevKeyRelease(t, dir)
	if got := v.keys("create", "disk", "--type", "oct", "--not-exportable"); got.code != exitDone {
		t.Fatal(got.stderr)
	}
	v.stop()
	if err := os.WriteFile(filepath.Join(dir, "wrapping.key"), []byte(keyring.GenerateWrappingKey()), 0o600); err != nil {
		t.Fatal(err)
	}
	v = startDevKeyRelease(t, dir)
	if log := v.log.String(); !strings.Contains(log, `level=ERROR msg="a key does not open: is it the right wrapping key?`) {
		t.Errorf("nothing is said of it: %s", log)
	}
}

// The head in the log is that of the last record: what was cut off the trail shows
// against it.
func TestTheLogKnowsTheEndOfTheTrail(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v := startDevKeyRelease(t, dir)
	// A refusal is written soon, not at once.
	if got := v.as(v.devToken("key-reader"), "create", "payroll", "--type", "EC", "--not-exportable", "--new-version"); got.code == exitDone {
		t.Fatal("a reader makes keys")
	}
	if code := v.stop(); code != exitDone {
		t.Fatalf("exit code %d: %s", code, v.log)
	}
	got := runWith(t, nil, "audit", "verify", filepath.Join(dir, "audit"), "--json")
	var trail struct {
		Count int    `json:"records"`
		Head  string `json:"head"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &trail); err != nil {
		t.Fatalf("%v: %s%s", err, got.stdout, got.stderr)
	}
	if want := fmt.Sprintf("count=%d head=%s", trail.Count, trail.Head); trail.Count == 0 || !strings.Contains(v.log.String(), want) {
		t.Errorf("the log does not say %q: %s", want, v.log)
	}
}
