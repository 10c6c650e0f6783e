package tpm_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

// issuer is a stand-in for the service's half of the enrollment, made of the
// verifiers that the service has.
type issuer struct {
	t           *testing.T
	server      *httptest.Server
	authorities *tpm.Authorities
	key         *ecdsa.PrivateKey
	ca          *x509.Certificate

	mu      sync.Mutex
	secret  []byte
	headers []http.Header
	bodies  [][]byte
	// instead, if set, answers in place of the issuer.
	instead map[string]func(w http.ResponseWriter)
}

func startIssuer(t *testing.T, running *testtpm.TPM) *issuer {
	t.Helper()
	root, _ := running.Roots(t)
	i := &issuer{t: t, key: must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), instead: map[string]func(http.ResponseWriter){}}
	i.authorities = must[*tpm.Authorities](t)(tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{root}}))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "AIK CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, &i.key.PublicKey, i.key))
	i.ca = must[*x509.Certificate](t)(x509.ParseCertificate(der))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /tpm/enroll", i.enroll)
	mux.HandleFunc("POST /tpm/activate", i.activate)
	i.server = httptest.NewTLSServer(mux)
	t.Cleanup(i.server.Close)
	return i
}

// open reads a request.
func (i *issuer) open(w http.ResponseWriter, req *http.Request, into any) bool {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		i.t.Error(err)
	}
	i.mu.Lock()
	i.headers, i.bodies = append(i.headers, req.Header), append(i.bodies, body)
	i.mu.Unlock()
	if req.URL.RawQuery != "api-version=2022-08-01" {
		i.t.Errorf("query %s", req.URL.RawQuery)
	}
	if instead := i.instead[req.URL.Path]; instead != nil {
		instead(w)
		return false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		i.t.Error(err)
	}
	return true
}

func (i *issuer) refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("x-ms-error-code", "InvalidParameter")
	w.WriteHeader(http.StatusBadRequest)
	if err := json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"code": "InvalidParameter", "message": err.Error()}}); err != nil {
		i.t.Error(err)
	}
}

func (*issuer) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// A client that has read enough goes away.
	_ = json.NewEncoder(w).Encode(v)
}

func (i *issuer) enroll(w http.ResponseWriter, req *http.Request) {
	var r struct {
		EKCertificates []string `json:"ekCertificates"`
		EKPublic       string   `json:"ekPublic"`
		AIKPublic      string   `json:"aikPublic"`
	}
	if !i.open(w, req, &r) {
		return
	}
	ek, err := i.verify(r.EKCertificates, r.EKPublic)
	if err != nil {
		i.refuse(w, err)
		return
	}
	public, err := tpm.ParsePublic(decoded(r.AIKPublic))
	if err != nil {
		i.refuse(w, err)
		return
	}
	aik, err := tpm.NewAIK(public)
	if err != nil {
		i.refuse(w, err)
		return
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		i.t.Error(err)
	}
	c, err := ek.MakeCredential(aik, secret)
	if err != nil {
		i.refuse(w, err)
		return
	}
	i.mu.Lock()
	i.secret = secret
	i.mu.Unlock()
	encode := base64.RawURLEncoding.EncodeToString
	i.answer(w, map[string]string{"idObject": encode(c.IDObject), "encryptedSecret": encode(c.EncryptedSecret), "context": encode([]byte("sealed"))})
}

func (i *issuer) verify(certificates []string, public string) (*tpm.EK, error) {
	chain := make([]*x509.Certificate, 0, len(certificates))
	for _, text := range certificates {
		c, err := tpm.ParseCertificate(decoded(text))
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	ek, err := i.authorities.VerifyEK(chain[0], chain[1:], time.Now())
	if err != nil {
		return nil, err
	}
	p, err := tpm.ParsePublic(decoded(public))
	if err != nil {
		return nil, err
	}
	return ek.WithPublic(p)
}

func (i *issuer) activate(w http.ResponseWriter, req *http.Request) {
	var r struct{ Context, Secret, AIKPublic string }
	if !i.open(w, req, &r) {
		return
	}
	i.mu.Lock()
	err := tpm.CheckSecret(i.secret, decoded(r.Secret))
	i.mu.Unlock()
	if err == nil && string(decoded(r.Context)) != "sealed" {
		err = errors.New("another context")
	}
	var public *tpm.Public
	if err == nil {
		public, err = tpm.ParsePublic(decoded(r.AIKPublic))
	}
	if err != nil {
		i.refuse(w, err)
		return
	}
	i.answer(w, map[string]any{"certificates": i.issue(public.Key)})
}

func (i *issuer) issue(key any) []string {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "AIK"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.ca, key, i.key)
	if err != nil {
		i.t.Error(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return []string{encode(der), encode(i.ca.Raw)}
}

// options are for requests whose connections end with the test.
func (i *issuer) options(running *testtpm.TPM, a collect.Algorithm) *collect.EnrollOptions {
	_, intermediate := running.Roots(i.t)
	o := &collect.EnrollOptions{Algorithm: a, Certificates: []*x509.Certificate{intermediate}}
	o.ClientOptions.Transport = i.server.Client()
	o.ClientOptions.Retry.MaxRetries = -1
	return o
}

func decoded(text string) []byte {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		panic(err)
	}
	return raw
}

// bearer is a credential.
type bearer struct{ scopes chan string }

func (b bearer) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	b.scopes <- strings.Join(o.Scopes, " ")
	return azcore.AccessToken{Token: "a bearer", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestEnroll(t *testing.T) {
	t.Parallel()
	running, opened := start(t)
	i := startIssuer(t, running)
	for _, ek := range []collect.Algorithm{collect.RSA, collect.ECC} {
		for _, a := range collect.PossibleAlgorithmValues() {
			file := filepath.Join(t.TempDir(), "aik.json")
			aik := must[*collect.AIK](t)(opened.AIK(t.Context(), collect.AIKConfig{File: file, Algorithm: a}))
			if aik.Certificates() != nil {
				t.Error("certificates before the enrollment")
			}
			b := bearer{make(chan string, 1)}
			enrolled, err := collect.Enroll(t.Context(), i.server.URL, b, aik, i.options(running, ek))
			if err != nil {
				t.Fatalf("EK %s, AIK %s: %v", ek, a, err)
			}
			if scope := <-b.scopes; scope != "https://attest.azure.net/.default" {
				t.Errorf("scope %s", scope)
			}
			again := must[*collect.AIK](t)(opened.AIK(t.Context(), collect.AIKConfig{File: file}))
			for _, aik := range []*collect.AIK{enrolled, again} {
				if chain := aik.Certificates(); len(chain) != 2 || !chain[1].Equal(i.ca) || chain[0].CheckSignatureFrom(i.ca) != nil {
					t.Errorf("chain %v", chain)
				}
			}
			if info := must[os.FileInfo](t)(os.Stat(file)); info.Mode().Perm() != 0o600 {
				t.Errorf("mode %v", info.Mode())
			}
		}
	}
	for _, h := range i.headers {
		if h.Get("Authorization") != "Bearer a bearer" {
			t.Errorf("authorization %q", h.Get("Authorization"))
		}
	}
}
