package tpm_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// recordedContext is a service_context of the recorded shape.
var recordedContext = base64.RawURLEncoding.EncodeToString([]byte(`{"ProtectionKeyName":"` + strings.Repeat("5A", 32) + `","ProtectedContext":"` + strings.Repeat("Vz", 80) + `"}`))

// service is a stand-in for the service: it gives challenges, opens requests and
// signs reports that are wrong if a test wants it.
type service struct {
	t         *testing.T
	server    *httptest.Server
	key       *rsa.PrivateKey
	leaf      []byte
	challenge []byte
	// change, if set, changes the claims of a report before it is signed.
	change func(claims map[string]any)
	// answer, if set, answers in place of the service.
	answer func(w http.ResponseWriter, message map[string]any) bool

	mu      sync.Mutex
	request string // the last JWS
}

func startService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, key: must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)), challenge: []byte("sixteen bytes or")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "reports"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	s.leaf = must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, &s.key.PublicKey, s.key))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /attest/Tpm", s.attest)
	mux.HandleFunc("GET /certs", func(w http.ResponseWriter, _ *http.Request) {
		s.write(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "kid": s.kid(), "x5c": []string{base64.StdEncoding.EncodeToString(s.leaf)},
		}}})
	})
	s.server = httptest.NewServer(mux)
	t.Cleanup(s.server.Close)
	return s
}

func (s *service) kid() string {
	sum := sha1.Sum(s.leaf)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// client returns a client whose connections end with the test.
func (s *service) client() *azattestation.Client {
	s.t.Helper()
	o := new(azattestation.ClientOptions)
	o.Transport = s.server.Client()
	o.Retry.MaxRetries = -1
	return must[*azattestation.Client](s.t)(azattestation.NewClientWithNoCredential(s.server.URL, o))
}

func (s *service) write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		s.t.Error(err)
	}
}

func (s *service) attest(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		s.t.Error(err)
	}
	var outer struct{ Data string }
	if err := json.Unmarshal(body, &outer); err != nil {
		s.t.Error(err)
	}
	message, err := base64.RawURLEncoding.DecodeString(outer.Data)
	if err != nil {
		s.t.Error(err)
	}
	var inner struct{ Payload map[string]any }
	if err := json.Unmarshal(message, &inner); err != nil {
		s.t.Error(err)
	}
	if s.answer != nil && s.answer(w, inner.Payload) {
		return
	}
	answer := map[string]any{"challenge": base64.RawURLEncoding.EncodeToString(s.challenge), "service_context": recordedContext}
	if request, ok := inner.Payload["request"].(string); ok {
		s.mu.Lock()
		s.request = request
		s.mu.Unlock()
		answer = map[string]any{"report": s.report(request)}
	} else if string(message) != `{"payload":{"type":"aikcert"}}` {
		s.t.Errorf("first message %s", message)
	}
	s.message(w, answer)
}

// message answers with a message.
func (s *service) message(w http.ResponseWriter, payload any) {
	text, err := json.Marshal(map[string]any{"payload": payload})
	if err != nil {
		s.t.Error(err)
	}
	s.write(w, map[string]string{"data": base64.RawURLEncoding.EncodeToString(text)})
}

// report signs a report as Azure's are.
func (s *service) report(request string) string {
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(request, ".")[1])
	if err != nil {
		s.t.Error(err)
	}
	var p wirePayload
	if err := json.Unmarshal(payload, &p); err != nil {
		s.t.Error(err)
	}
	d := p.data()
	jwk := d.AttestKey
	if d.RequestKey != nil {
		jwk = d.RequestKey.JWK
	}
	now := time.Now().Unix()
	claims := map[string]any{
		"iss": s.server.URL, "nbf": now - 300, "iat": now, "exp": now + 3600, "jti": strings.Repeat("0a", 20), "ver": "1.0", "x-ms-ver": "1.0",
		"cnf": map[string]any{"jwk": jwk}, "issued": true,
	}
	if d.RPData != "" {
		claims["rp_data"], claims["nonce"] = d.RPData, d.RPData
	}
	if s.change != nil {
		s.change(claims)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		s.t.Error(err)
	}
	header, err := json.Marshal(map[string]any{"typ": "JWT", "alg": "RS256", "x5c": []string{base64.StdEncoding.EncodeToString(s.leaf)}, "kid": s.kid()})
	if err != nil {
		s.t.Error(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(header) + "." + encode(text)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
	if err != nil {
		s.t.Error(err)
	}
	return signed + "." + encode(signature)
}

// lastRequest returns the JWS that came last.
func (s *service) lastRequest() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request
}

// wirePayload is a request's payload, read independently of what wrote it.
type wirePayload struct {
	AttType string          `json:"att_type"`
	AttData json.RawMessage `json:"att_data"`
}

type wireData struct {
	RPID      string `json:"rp_id"`
	RPData    string `json:"rp_data"`
	Challenge string
	TPM       struct {
		Current *struct {
			Logs      []struct{ Type, Log string }
			AIKCert   string          `json:"aik_cert"`
			AIKPub    json.RawMessage `json:"aik_pub"`
			PCRs      []wireBank
			Quote     string
			Signature string
		} `json:"current_attestation"`
		BootLog      string          `json:"srtm_boot_log"`
		AIKCert      string          `json:"aik_cert"`
		AIKPub       json.RawMessage `json:"aik_pub"`
		CurrentClaim string          `json:"current_claim"`
	} `json:"tpm_att_data"`
	AttestKey      json.RawMessage  `json:"attest_key"`
	RequestKey     *wireKey         `json:"request_key"`
	OtherKeys      []wireKey        `json:"other_keys"`
	CustomClaims   []map[string]any `json:"custom_claims"`
	ServiceContext string           `json:"service_context"`
}

type wireBank struct {
	Algorithm uint16
	Values    []struct {
		Index  int
		Digest string
	}
}

type wireKey struct {
	JWK  json.RawMessage
	Info struct {
		Quote *struct {
			HashAlg string `json:"hash_alg"`
		} `json:"tpm_quote"`
		Certify *struct{ Public, Certification, Signature string } `json:"tpm_certify"`
	}
}

// data is att_data, or what an enclave vouches for of it.
func (p wirePayload) data() wireData {
	var vbs struct {
		ReportSigned json.RawMessage `json:"report_signed"`
	}
	raw := p.AttData
	if json.Unmarshal(raw, &vbs) == nil && vbs.ReportSigned != nil {
		raw = vbs.ReportSigned
	}
	var d wireData
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&d); err != nil {
		panic(err)
	}
	return d
}
