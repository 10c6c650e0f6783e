package collateral

import (
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
)

// shape is how a provisioning service words its answers.
type shape string

const (
	shapePCS  shape = "PCS"  // Intel: no rootcacrl, CRLs as DER
	shapePCCS shape = "PCCS" // CRLs in hexadecimal, lower-case headers
	shapeTHIM shape = "THIM" // old header for the TCB info's chain, CRLs as PEM, chains encoded as forms are
)

// service replays collateral in the shape of a provisioning service.
type service struct {
	shape shape
	// sets by platform and evaluation data number; 0 is the current one.
	sets map[dcap.Platform]map[int]dcap.CollateralParts
	// instead answers these paths otherwise.
	instead map[string]http.HandlerFunc

	mu   sync.Mutex
	seen []*http.Request
}

// Paths of the service.
const (
	pathTCB      = "/sgx/certification/v4/tcb"
	pathQE       = "/sgx/certification/v4/qe/identity"
	pathPCKCRL   = "/sgx/certification/v4/pckcrl"
	pathRootCRL  = "/sgx/certification/v4/rootcacrl"
	pathIntelCRL = "/IntelSGXRootCA.der"
)

// newService serves these recipes, each as the current collateral of its
// platform and under its number.
func newService(recipes ...recipe) *service {
	s := &service{shape: shapePCS, sets: map[dcap.Platform]map[int]dcap.CollateralParts{}}
	for _, r := range recipes {
		s.add(r.platform, r.number, r.parts())
	}
	return s
}

func (s *service) add(p dcap.Platform, number int, parts dcap.CollateralParts) {
	if s.sets[p] == nil {
		s.sets[p] = map[int]dcap.CollateralParts{0: parts}
	}
	s.sets[p][number] = parts
}

// requests returns what has been asked for so far, as path and query.
func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	uris := make([]string, 0, len(s.seen))
	for _, r := range s.seen {
		uris = append(uris, r.URL.RequestURI())
	}
	return uris
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r)
	s.mu.Unlock()
	w.Header().Set("Request-ID", "0123456789abcdef")
	if f := s.instead[r.URL.Path]; f != nil {
		f(w, r)
		return
	}
	s.answer(w, r)
}

func (s *service) answer(w http.ResponseWriter, r *http.Request) {
	tee, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/certification/v4/")
	query := r.URL.Query()
	if query.Has("update") && query.Has("tcbEvaluationDataNumber") {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	switch {
	case path == "tcb":
		parts, ok := s.find(query, func(p dcap.Platform) bool {
			return strings.EqualFold(p.TEE.String(), tee) && strings.EqualFold(p.FMSPC.String(), query.Get("fmspc"))
		})
		header := "TCB-Info-Issuer-Chain"
		if s.shape == shapeTHIM {
			header = "SGX-TCB-Info-Issuer-Chain"
		}
		s.send(w, ok, header, parts.TCBInfoIssuerChain, parts.TCBInfo)
	case path == "qe/identity":
		parts, ok := s.find(query, func(p dcap.Platform) bool { return strings.EqualFold(p.TEE.String(), tee) })
		s.send(w, ok, "SGX-Enclave-Identity-Issuer-Chain", parts.QEIdentityIssuerChain, parts.QEIdentity)
	case path == "pckcrl" && tee == "sgx":
		parts, ok := s.find(nil, func(p dcap.Platform) bool { return string(p.CA) == query.Get("ca") })
		s.send(w, ok, "SGX-PCK-CRL-Issuer-Chain", parts.PCKCRLIssuerChain, s.list(parts.PCKCRL))
	case path == "rootcacrl" && s.shape != shapePCS, r.URL.Path == pathIntelCRL && s.shape == shapePCS:
		parts, ok := s.find(nil, func(dcap.Platform) bool { return true })
		s.send(w, ok, "", nil, s.list(parts.RootCACRL))
	default:
		http.NotFound(w, r)
	}
}

// find looks for the number in the query; one that is below all others is gone.
func (s *service) find(query url.Values, fits func(dcap.Platform) bool) (dcap.CollateralParts, bool) {
	for p, sets := range s.sets {
		if !fits(p) {
			continue
		}
		if !query.Has("tcbEvaluationDataNumber") {
			return sets[0], true
		}
		var number int
		_, _ = fmt.Sscan(query.Get("tcbEvaluationDataNumber"), &number)
		parts, ok := sets[number]
		return parts, ok && number > 0
	}
	return dcap.CollateralParts{}, false
}

func (s *service) send(w http.ResponseWriter, found bool, header string, chain, body []byte) {
	if !found {
		w.Header().Set("Error-Message", "not here")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if header != "" {
		value := strings.ReplaceAll(url.QueryEscape(string(chain)), "+", "%20")
		switch s.shape {
		case shapeTHIM:
			value = url.QueryEscape(string(chain))
		case shapePCCS:
			header = strings.ToLower(header)
		case shapePCS:
		}
		w.Header()[header] = []string{value}
	}
	_, _ = w.Write(body)
}

func (s *service) list(der []byte) []byte {
	switch s.shape {
	case shapePCCS:
		return []byte(hex.EncodeToString(der))
	case shapeTHIM:
		return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
	case shapePCS:
	}
	return der
}

// start serves on the loopback interface and returns a source that asks it.
func (s *service) start(t *testing.T, change ...func(*HTTPConfig)) (*HTTP, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	config := HTTPConfig{BaseURL: server.URL, Retries: -1}
	if s.shape == shapePCS {
		config.RootCRLURL = server.URL + pathIntelCRL
	}
	for _, f := range change {
		f(&config)
	}
	return newHTTP(t, config), server
}

func newHTTP(t *testing.T, c HTTPConfig) *HTTP {
	t.Helper()
	h, err := NewHTTP(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// roundTripper lets tests answer requests without a network, inside a synctest
// bubble too.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inMemory answers requests by a handler, to whatever host they go.
func inMemory(h http.Handler) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		response := recorder.Result()
		response.Request = r
		header := make(http.Header)
		for name, values := range response.Header {
			header[http.CanonicalHeaderKey(name)] = values // as it is read from a network
		}
		response.Header = header
		return response, nil
	})
}
