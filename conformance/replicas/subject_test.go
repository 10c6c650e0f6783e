package replicas_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/simulator"
)

// apiVersion is what the benchmarks speak.
const apiVersion = "?api-version=2025-06-01"

// subject is a process that is measured, with what a client of it needs: keys,
// bearer and evidence. Its answers are taken as they come; what clients do with
// them is the client's cost.
type subject struct {
	*replica
	endpoint, bearer string
	client           *http.Client
	platform         *simulator.Platform
	quote, data      []byte
	attestation      []byte // the body
}

// newSubject starts a service with these settings over those of a laptop.
func newSubject(b *testing.B, settings map[string]any) *subject {
	b.Helper()
	root := b.TempDir()
	r := &replica{dataDir: filepath.Join(root, "data"), config: filepath.Join(root, "azattest.yaml"), address: freeAddress(b)}
	all := map[string]any{"listen": r.address, "dataDir": r.dataDir}
	maps.Copy(all, settings)
	text, err := json.Marshal(all) // YAML, too
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(r.config, text, 0o600); err != nil {
		b.Fatal(err)
	}
	r.start(b)
	return subjectOf(b, r)
}

func subjectOf(b *testing.B, r *replica) *subject {
	b.Helper()
	_, port, err := net.SplitHostPort(r.address)
	if err != nil {
		b.Fatal(err)
	}
	s := &subject{replica: r, endpoint: "https://localhost:" + port, data: []byte(`{"key":"of an enclave"}`)}
	s.bearer = "Bearer " + strings.TrimSpace(run(b, "dev-token", "--role", "contributor", "--data-dir", r.dataDir))
	if s.platform, err = simulator.Open(filepath.Join(r.dataDir, "simulator"), simulator.Config{}); err != nil {
		b.Fatal(err)
	}
	if s.quote, err = s.platform.Quote(simulator.Report{ReportData: simulator.Bind(s.data)}); err != nil {
		b.Fatal(err)
	}
	s.attestation, err = json.Marshal(map[string]any{
		"quote":       base64.RawURLEncoding.EncodeToString(s.quote),
		"runtimeData": map[string]string{"data": base64.RawURLEncoding.EncodeToString(s.data), "dataType": "JSON"},
	})
	if err != nil {
		b.Fatal(err)
	}
	s.speak(b, false)
	return s
}

// speak makes a client that keeps its connections: of HTTP/1.1, or one of HTTP/2.
func (s *subject) speak(b *testing.B, isHTTP2 bool) {
	b.Helper()
	ca, err := os.ReadFile(filepath.Join(s.dataDir, "ca.pem"))
	if err != nil {
		b.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 256, ForceAttemptHTTP2: isHTTP2,
	}
	b.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{Transport: transport}
}

// ask sends one request to an instance, whose path is empty if it is the only
// one, and returns the answer.
func (s *subject) ask(ctx context.Context, method, instance, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.endpoint+instance+path+apiVersion, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(path, "/attest") {
		req.Header.Set("Content-Type", "application/json")
	} else {
		req.Header.Set("Content-Type", "text/plain")
		req.Header.Set("Authorization", s.bearer)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: status %d: %s", method, path, resp.StatusCode, text)
	}
	return text, err
}

func (s *subject) attest(ctx context.Context, instance string) ([]byte, error) {
	return s.ask(ctx, http.MethodPost, instance, "/attest/SgxEnclave", s.attestation)
}

func (s *subject) setPolicy(ctx context.Context, instance, text string) error {
	_, err := s.ask(ctx, http.MethodPut, instance, "/policies/SgxEnclave", []byte(policytoken.Unsigned(text)))
	return err
}
