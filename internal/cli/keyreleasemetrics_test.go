package cli

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/testport"
)

// metricsOf reads the numbers at an address as Prometheus does, "" if nobody answers.
func metricsOf(t *testing.T, address string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close() //nolint:errcheck // it is read to its end
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("status %d, %v", resp.StatusCode, err)
	}
	return string(page)
}

// They are served beside the vault, and never by it.
func TestKeyReleaseServesItsMetrics(t *testing.T) {
	t.Parallel()
	port, address := strconv.Itoa(testport.Free(t)), "127.0.0.1:"+strconv.Itoa(testport.Free(t))
	file, certificateFile := keyReleaseConfig(t, "telemetry: {metricsListen: "+address+"}\n")
	v := startKeyRelease(t, t.TempDir(), "--config", file, "--listen", "127.0.0.1:"+port)
	wantStatuses(t, "https://localhost:"+port, certificateFile, map[string]int{"/metrics": http.StatusNotFound, "/keys?api-version=7.4": http.StatusUnauthorized})
	page := metricsOf(t, address)
	for _, want := range []string{
		`keyrelease_requests_total{operation="KeyList",status="401"} 1`, `keyrelease_requests_total{operation="other",status="404"} 1`,
		`keyrelease_releases_total{outcome="released"} 0`, `keyrelease_releases_total{outcome="AccessDenied"} 0`,
		`keyrelease_request_duration_seconds_count{operation="KeyRelease"} 0`,
	} {
		if !strings.Contains(page, "\n"+want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
	if !strings.Contains(page, `keyrelease_build_info{go_version="go`) || !strings.Contains(page, "\ngo_goroutines ") {
		t.Error("nothing about the program itself")
	}
	raw, err := os.ReadFile(v.readyFile)
	if err != nil || strings.Contains(string(raw), address) {
		t.Errorf("the ready file is %s, %v", raw, err)
	}
	if code := v.stop(); code != exitDone {
		t.Errorf("exit code %d: %s", code, v.log)
	}
	if page := metricsOf(t, address); page != "" {
		t.Error("metrics are served after the end")
	}
}

// How long a certificate holds is shown of the one that is served, and of the one that
// signs, where there is one.
func TestMetricsKnowTheCertificatesOfAVault(t *testing.T) {
	t.Parallel()
	certificate, key := selfSigned(t, testTime.Add(-2*time.Minute), "localhost")
	signing := "signing: {certificateFile: " + inFile(t, "sign.pem", certificate) + ", keyFile: " + inFile(t, "sign-key.pem", key) + "}\n"
	const served, signs = "keyrelease_tls_certificate_expiry_seconds", "keyrelease_signing_certificate_expiry_seconds"
	for name, test := range map[string]struct {
		more    string
		isProxy bool
		want    map[string]string
	}{
		"one for both":   {"", false, map[string]string{served: "3540", signs: "3540"}},
		"one of its own": {signing, false, map[string]string{served: "3540", signs: "3480"}},
		"behind a proxy": {"behindProxy: true\n" + signing, true, map[string]string{signs: "3480"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:" + strconv.Itoa(testport.Free(t))
			file, _ := keyReleaseConfig(t, test.more+"telemetry: {metricsListen: "+address+"}\n")
			if test.isProxy {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				file = inFile(t, "keyrelease.yaml", strings.Replace(string(raw), "\ntls: {", "\n#", 1))
			}
			startKeyRelease(t, t.TempDir(), "--config", file)
			got := map[string]string{}
			for line := range strings.Lines(metricsOf(t, address)) {
				if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == served || name == signs {
					got[name] = value
				}
			}
			if len(got) != len(test.want) || got[served] != test.want[served] || got[signs] != test.want[signs] {
				t.Errorf("shown %v, want %v", got, test.want)
			}
		})
	}
}
