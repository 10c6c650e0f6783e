package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// policyText releases a key to one enclave: attested by this service, measured so, and
// not to be debugged.
const policyText = `{
  "version": "1.0.0",
  "anyOf": [{
    "authority": %q,
    "allOf": [
      {"claim": "x-ms-sgx-mrenclave", "equals": "%x"},
      {"claim": "x-ms-sgx-is-debuggable", "equals": false}
    ]
  }]
}
`

// writePolicy writes the policy into a file.
func (s *stage) writePolicy(name string, authority *service, measurement [32]byte) (string, error) {
	file := s.file(name)
	return file, os.WriteFile(file, fmt.Appendf(nil, policyText, authority.Endpoint, measurement), 0o600)
}

// importSecret keeps a secret in the vault, by Key Vault's REST API, and returns its
// ID there. The officer may do that, and may not have it released.
func (s *stage) importSecret(ctx context.Context, vault *service, name string, secret []byte, policyFile string) (string, error) {
	token, err := s.devToken(ctx, vault, "crypto-officer")
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(policyFile) //nolint:gosec // G304: the name is the stage's
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{
		"key":            map[string]string{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString(secret)},
		"attributes":     map[string]bool{"exportable": true},
		"release_policy": map[string]string{"contentType": "application/json; charset=utf-8", "data": base64.RawURLEncoding.EncodeToString(text)},
	})
	if err != nil {
		return "", err
	}
	var kept struct {
		Key struct {
			ID string `json:"kid"`
		} `json:"key"`
	}
	err = vault.call(ctx, http.MethodPut, "/keys/"+name+"?api-version=7.4", token, body, &kept)
	return kept.Key.ID, err
}

// call sends a request to a service, and reads its answer into v.
func (v *service) call(ctx context.Context, method, path, token string, body []byte, into any) error {
	client, err := v.client()
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, method, v.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // opened for reading only
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s\n%s", method, path, resp.Status, text)
	}
	return json.Unmarshal(text, into)
}

// roots are the CA of a service's own making.
func (v *service) roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(v.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: no certificate", v.CAFile)
	}
	return pool, nil
}

func (v *service) client() (*http.Client, error) {
	pool, err := v.roots()
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}, nil
}
