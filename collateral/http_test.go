package collateral

import (
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

func TestHTTPSpeaksWithEveryService(t *testing.T) {
	t.Parallel()
	for _, shape := range []shape{shapePCS, shapePCCS, shapeTHIM} {
		for _, platform := range []dcap.Platform{sgxProcessor, sgxPlatform, tdxPlatform} {
			t.Run(string(shape)+" "+platform.String(), func(t *testing.T) {
				t.Parallel()
				r := recipe{platform: platform, revoked: 2}
				s := newService(r)
				s.shape = shape
				h, _ := s.start(t)
				got, err := h.Collateral(t.Context(), Query{Platform: platform, At: day0})
				if err != nil {
					t.Fatal(err)
				}
				if want := dcap.NewCollateral(s.sets[platform][0]); got.Digest() != want.Digest() {
					t.Error("other parts than the service's")
				}
			})
		}
	}
}

func TestHTTPReplaysTheCorpus(t *testing.T) {
	t.Parallel()
	for i, set := range corpusSets(t, corpus.Dir(t)) {
		s := newService()
		s.shape = []shape{shapePCS, shapePCCS, shapeTHIM}[i%3]
		s.add(set.platform, set.number, set.parts)
		h, _ := s.start(t, func(c *HTTPConfig) { c.Transport = inMemory(s) })
		got, err := h.Collateral(t.Context(), Query{Platform: set.platform, TCBEvaluationDataNumber: set.number})
		if err != nil {
			t.Errorf("%s: %v", set.dir, err)
			continue
		}
		if want := dcap.NewCollateral(set.parts); got.Digest() != want.Digest() {
			t.Errorf("%s: other parts than the service's", set.dir)
		}
	}
}

func TestHTTPAsksForWhatIsConfigured(t *testing.T) {
	t.Parallel()
	const fmspc = "fmspc=00906ed50000"
	always := []string{pathPCKCRL + "?ca=processor&encoding=der", pathIntelCRL}
	for name, test := range map[string]struct {
		config func(*HTTPConfig)
		number int
		want   []string
	}{
		"nothing": {
			func(*HTTPConfig) {}, 0, []string{pathTCB + "?" + fmspc, pathQE},
		},
		"early": {
			func(c *HTTPConfig) { c.Update = UpdateEarly }, 0,
			[]string{pathTCB + "?" + fmspc + "&update=early", pathQE + "?update=early"},
		},
		"standard": {
			func(c *HTTPConfig) { c.Update = UpdateStandard }, 0,
			[]string{pathTCB + "?" + fmspc + "&update=standard", pathQE + "?update=standard"},
		},
		"number of the query before the update": {
			func(c *HTTPConfig) { c.Update = UpdateEarly }, 17,
			[]string{pathTCB + "?" + fmspc + "&tcbEvaluationDataNumber=17", pathQE + "?tcbEvaluationDataNumber=17"},
		},
		"number pinned": {
			func(c *HTTPConfig) { c.TCBEvaluationDataNumber = 17 }, 0,
			[]string{pathTCB + "?" + fmspc + "&tcbEvaluationDataNumber=17", pathQE + "?tcbEvaluationDataNumber=17"},
		},
		"pinned higher than the query": {
			func(c *HTTPConfig) { c.TCBEvaluationDataNumber = 17 }, 12,
			[]string{pathTCB + "?" + fmspc + "&tcbEvaluationDataNumber=17", pathQE + "?tcbEvaluationDataNumber=17"},
		},
		"query higher than pinned": {
			func(c *HTTPConfig) { c.TCBEvaluationDataNumber = 12 }, 17,
			[]string{pathTCB + "?" + fmspc + "&tcbEvaluationDataNumber=17", pathQE + "?tcbEvaluationDataNumber=17"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(recipe{platform: sgxProcessor, number: 17})
			h, _ := s.start(t, test.config)
			if _, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor, TCBEvaluationDataNumber: test.number}); err != nil {
				t.Fatal(err)
			}
			got := slices.Sorted(slices.Values(s.requests()))
			if want := slices.Sorted(slices.Values(slices.Concat(test.want, always))); !slices.Equal(got, want) {
				t.Errorf("asked for %q, want %q", got, want)
			}
		})
	}
}

func TestHTTPTakesTheCurrentNumberForOneThatIsGone(t *testing.T) {
	t.Parallel()
	current := recipe{platform: sgxProcessor, number: 18}
	gone := func(status int) map[string]http.HandlerFunc {
		s := newService(current)
		answer := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("tcbEvaluationDataNumber") {
				w.WriteHeader(status)
				return
			}
			s.answer(w, r)
		}
		return map[string]http.HandlerFunc{pathTCB: answer, pathQE: answer}
	}
	for name, test := range map[string]struct {
		status, asked, pinned int
		want                  string // of the error
	}{
		"gone, and the current one is higher":      {http.StatusGone, 12, 0, ""},
		"never was, and the current one is higher": {http.StatusNotFound, 12, 0, ""},
		"not yet there":   {http.StatusNotFound, 19, 0, "its number for this platform is 18"},
		"pinned and gone": {http.StatusGone, 0, 12, "no longer offers this TCB evaluation data number"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(current)
			s.instead = gone(test.status)
			h, _ := s.start(t, func(c *HTTPConfig) { c.TCBEvaluationDataNumber = test.pinned })
			got, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor, TCBEvaluationDataNumber: test.asked})
			if test.want == "" {
				if err != nil || describe(got, nil).TCBEvaluationDataNumber != 18 {
					t.Errorf("error %v, want number 18", err)
				}
				return
			}
			if _, ok := errors.AsType[*NotFoundError](err); !ok || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want a NotFoundError with %q", err, test.want)
			}
		})
	}
}

// A PCCS that does not know the parameter answers with what it has.
func TestHTTPRefusesALowerNumberThanAskedFor(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor, number: 16})
	s.sets[sgxProcessor][17] = s.sets[sgxProcessor][16]
	h, _ := s.start(t)
	_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor, TCBEvaluationDataNumber: 17})
	if _, ok := errors.AsType[*NotFoundError](err); !ok || !strings.Contains(err.Error(), "its number for this platform is 16") {
		t.Errorf("error %v, want a NotFoundError that names 16", err)
	}
}

func TestHTTPFindsTheRootCRL(t *testing.T) {
	t.Parallel()
	const own = "https://pccs.example"
	for name, test := range map[string]struct {
		config HTTPConfig
		shape  shape
		want   string
	}{
		"Intel":                     {HTTPConfig{}, shapePCS, intelRootCRL},
		"Intel, named":              {HTTPConfig{BaseURL: IntelPCS + "/sgx/certification/v4/"}, shapePCS, intelRootCRL},
		"a PCCS":                    {HTTPConfig{BaseURL: own}, shapePCCS, own + pathRootCRL},
		"a service that has none":   {HTTPConfig{BaseURL: own}, shapePCS, intelRootCRL},
		"configured":                {HTTPConfig{BaseURL: own, RootCRLURL: "https://mirror.example" + pathIntelCRL}, shapePCS, "https://mirror.example" + pathIntelCRL},
		"configured beside Azure's": {HTTPConfig{BaseURL: AzureTHIM, RootCRLURL: intelRootCRL}, shapePCS, intelRootCRL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(recipe{platform: sgxProcessor})
			s.shape = test.shape
			test.config.Transport, test.config.Retries = inMemory(s), -1
			if _, err := newHTTP(t, test.config).Collateral(t.Context(), Query{Platform: sgxProcessor}); err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(s.seen, func(r *http.Request) bool { return r.URL.String() == test.want })
			if i < 0 {
				t.Errorf("%s was not asked: %q", test.want, s.requests())
			}
		})
	}
}

func TestHTTPDoesNotLookElsewhereForAConfiguredRootCRL(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor})
	h := newHTTP(t, HTTPConfig{BaseURL: "https://pccs.example", RootCRLURL: "https://mirror.example/none", Transport: inMemory(s), Retries: -1})
	_, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor})
	if e, ok := errors.AsType[*HTTPError](err); !ok || e.Status != 404 || !strings.Contains(err.Error(), "configure the URL of the root CRL") {
		t.Errorf("error %v, want status 404 with a hint", err)
	}
	for _, r := range s.seen {
		if r.URL.Host != "pccs.example" && r.URL.Host != "mirror.example" {
			t.Errorf("asked %s", r.URL)
		}
	}
}

func TestHTTPSendsTheKeyToTheServiceAlone(t *testing.T) {
	t.Parallel()
	const secret = "0123456789-secret"
	s := newService(recipe{platform: sgxProcessor})
	for _, rootCRL := range []string{"https://mirror.example" + pathIntelCRL, "http://127.0.0.1" + pathIntelCRL} {
		h := newHTTP(t, HTTPConfig{BaseURL: "https://pccs.example", RootCRLURL: rootCRL, SubscriptionKey: secret, Transport: inMemory(s), UserAgent: "test/1"})
		if _, err := h.Collateral(t.Context(), Query{Platform: sgxProcessor}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range s.seen {
		want := ""
		if r.URL.Host == "pccs.example" {
			want = secret
		}
		if got := r.Header.Get("Ocp-Apim-Subscription-Key"); got != want {
			t.Errorf("%s: key %q, want %q", r.URL, got, want)
		}
		if got := r.Header.Get("User-Agent"); got != "test/1" {
			t.Errorf("user agent %q, want test/1", got)
		}
	}
}

func TestHTTPTrustsConfiguredAuthorities(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor})
	s.shape = shapePCCS
	server := httptest.NewUnstartedServer(s)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	authorities := x509.NewCertPool()
	authorities.AddCert(server.Certificate())
	trusting := newHTTP(t, HTTPConfig{BaseURL: server.URL, RootCAs: authorities, Retries: -1})
	if _, err := trusting.Collateral(t.Context(), Query{Platform: sgxProcessor}); err != nil {
		t.Error(err)
	}
	stranger := newHTTP(t, HTTPConfig{BaseURL: server.URL, Retries: -1})
	if _, err := stranger.Collateral(t.Context(), Query{Platform: sgxProcessor}); err == nil {
		t.Error("a certificate nobody trusts was trusted")
	}
}

func TestHTTPRefusesQueriesThatNameNothing(t *testing.T) {
	t.Parallel()
	s := newService(recipe{platform: sgxProcessor})
	h, _ := s.start(t)
	for _, platform := range []dcap.Platform{
		{}, {TEE: dcap.SGX, CA: "processor&encoding=pem"}, {TEE: 1, CA: dcap.PlatformCA},
	} {
		if _, err := h.Collateral(t.Context(), Query{Platform: platform}); err == nil {
			t.Errorf("%v was accepted", platform)
		}
	}
	if got := s.requests(); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
}
