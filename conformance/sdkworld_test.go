package conformance_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/testport"
)

// The kinds of instance, in the order of the matrix.
const (
	aad      = "aad"
	isolated = "isolated"
	shared   = "shared"
)

// serve is the command that runs the attestation service.
var serve = []string{"serve"}

// variant is a way to run the service.
type variant struct {
	name string
	// url is that of an instance at a port. Where it is nil the service has no
	// configuration: serve --dev has one AAD instance at its root.
	url func(mode, port string) string
	// isProxied puts a proxy in front that does TLS: the service's own
	// certificate is for localhost and no name below it.
	isProxied bool
}

func variants() []variant {
	return []variant{
		{name: "root"},
		{name: "path", url: func(mode, port string) string { return "https://localhost:" + port + "/" + mode }},
		{name: "host", url: func(mode, port string) string { return "https://" + mode + ".localhost:" + port }, isProxied: true},
	}
}

// world is what a suite needs to know, in the file that AZATTEST_WORLD names.
type world struct {
	CAFile    string                       `json:"caFile"`
	Endpoints map[string]string            `json:"endpoints"` // by mode
	Bearers   map[string]string            `json:"bearers"`   // by role: a file
	Evidence  map[string]map[string]string `json:"evidence"`  // quote, report, data: files
	Keys      map[string]map[string]string `json:"keys"`      // key, certificate: files

	dir, file string
}

// startWorld starts a service and makes all that a suite needs for it.
func startWorld(t *testing.T, binary string, v variant, keys map[string]pair) *world {
	t.Helper()
	w := &world{
		Endpoints: make(map[string]string), Bearers: make(map[string]string),
		Evidence: make(map[string]map[string]string), Keys: make(map[string]map[string]string), dir: t.TempDir(),
	}
	for name, key := range keys {
		w.Keys[name] = key.write(t, w.dir, name)
	}
	s := &process{binary: binary, dir: w.dir, dataDir: filepath.Join(w.dir, "data")}
	w.serve(t, s, v)
	for _, role := range []string{"reader", "contributor"} {
		w.Bearers[role] = filepath.Join(w.dir, role+".bearer")
		bearer := s.azattest(t, "dev-token", "--role", role, "--data-dir", s.dataDir)
		writeAll(t, w.Bearers[role], []byte(bearer))
		s.secrets = append(s.secrets, strings.TrimSpace(bearer))
	}
	w.attestThis(t, s)
	w.write(t, w)
	return w
}

// write writes what the suite is told, which has all of this world in it.
func (w *world) write(t *testing.T, told any) {
	t.Helper()
	raw, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	w.file = filepath.Join(w.dir, "world.json")
	writeAll(t, w.file, raw)
}

// serve starts the service, and says where it is and whom to trust.
func (w *world) serve(t *testing.T, s *process, v variant) {
	t.Helper()
	if v.url == nil {
		at := s.start(t, serve, "--data-dir", s.dataDir, "--listen", "127.0.0.1:0")
		w.CAFile, w.Endpoints[aad] = at.CAFile, at.Endpoint
		return
	}
	port := strconv.Itoa(testport.Free(t))
	outside := port
	var front *proxy
	if v.isProxied {
		front = newProxy(t, []string{aad + ".localhost", isolated + ".localhost", shared + ".localhost"})
		outside = front.port
	}
	for _, mode := range []string{aad, isolated, shared} {
		w.Endpoints[mode] = v.url(mode, outside)
	}
	w.CAFile = s.start(t, serve, "--config", w.configure(t, s, port)).CAFile
	if front != nil {
		w.CAFile = front.start(t, w.dir, port, w.CAFile)
	}
}

// configure writes a configuration with an instance of each kind.
func (w *world) configure(t *testing.T, s *process, port string) string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "listen: 127.0.0.1:%s\ndataDir: %s\ninstances:\n", port, s.dataDir)
	for _, mode := range []string{aad, isolated, shared} {
		fmt.Fprintf(&text, "- name: %s\n  url: %s\n  mode: %s\n", mode, w.Endpoints[mode], mode)
		if mode == isolated {
			fmt.Fprintf(&text, "  policyCertificateFiles: [%s]\n", w.Keys[isolated]["certificate"])
		}
	}
	file := filepath.Join(w.dir, "config.yaml")
	writeAll(t, file, []byte(text.String()))
	return file
}

// attestThis makes the evidence that the SDKs send: an enclave's quotes and
// reports that vouch for different data.
func (w *world) attestThis(t *testing.T, s *process) {
	t.Helper()
	for name, e := range map[string]struct {
		data string
		// flag says what the data are to the evidence.
		flag  string
		flags []string
	}{
		// Bytes that base64 writes with both characters in which its alphabets differ.
		"binary":   {"\xfb\xff\xbf not UTF-8 \x00", "--runtime-data", nil},
		"json":     {`{"keys":[{"kty":"EC","kid":"enclave"}],"n":12345678901234567,"ü":null}`, "--runtime-data", nil},
		"notJSON":  {"{", "--runtime-data", nil},
		"initTime": {`{"settings":{"debug":false}}`, "--init-time-data", nil},
		"forged":   {"data", "--runtime-data", []string{"--fault", "quote-signature"}},
	} {
		files := map[string]string{
			"data": filepath.Join(w.dir, name+".data"), "quote": filepath.Join(w.dir, name+".quote"), "report": filepath.Join(w.dir, name+".report"),
		}
		writeAll(t, files["data"], []byte(e.data))
		flags := append([]string{
			"simulate", "quote", "--data-dir", s.dataDir, e.flag, files["data"],
			"--mrenclave", strings.Repeat("11", 32), "--mrsigner", strings.Repeat("22", 32), "--product-id", "7", "--svn", "3",
		}, e.flags...)
		s.azattest(t, append(flags, "-o", files["quote"])...)
		s.azattest(t, append(flags, "--open-enclave", "-o", files["report"])...)
		w.Evidence[name] = files
	}
}
