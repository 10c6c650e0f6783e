package collateral

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                          IntelPCS,
		IntelPCS:                    IntelPCS,
		IntelPCS + "/":              IntelPCS,
		AzureTHIM:                   AzureTHIM,
		"https://pccs.example:8081": "https://pccs.example:8081",
		"https://pccs.example:8081/sgx/certification/v4/": "https://pccs.example:8081",
		"https://pccs.example/tdx/certification/v4":       "https://pccs.example",
		"https://proxy.example/intel/":                    "https://proxy.example/intel",
		"http://localhost:8081":                           "http://localhost:8081",
		"http://127.0.0.9:8081":                           "http://127.0.0.9:8081",
		"http://[::1]:8081":                               "http://[::1]:8081",
	} {
		h, err := NewHTTP(HTTPConfig{BaseURL: given})
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		if h.base != want {
			t.Errorf("%s: base %s, want %s", given, h.base, want)
		}
	}
}

func TestNewHTTPRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config HTTPConfig
		want   string
	}{
		"no URL":             {HTTPConfig{BaseURL: "pccs.example:8081"}, `scheme "pccs.example"`},
		"no scheme":          {HTTPConfig{BaseURL: "//pccs.example"}, `scheme ""`},
		"no host":            {HTTPConfig{BaseURL: "https://"}, `host ""`},
		"other scheme":       {HTTPConfig{BaseURL: "file:///etc"}, `scheme "file"`},
		"not parsable":       {HTTPConfig{BaseURL: "https://SECRET:SECRET@host:%zz"}, "is no URL"},
		"password":           {HTTPConfig{BaseURL: "https://" + "user:SECRET" + "@pccs.example"}, "user name or password"},
		"query":              {HTTPConfig{BaseURL: "https://pccs.example?token=SECRET"}, "query or a fragment"},
		"fragment":           {HTTPConfig{BaseURL: "https://pccs.example#SECRET"}, "query or a fragment"},
		"plain http":         {HTTPConfig{BaseURL: "http://pccs.example"}, "http to pccs.example: use https"},
		"plain http by name": {HTTPConfig{BaseURL: "http://localhost.example"}, "use https"},
		"root CRL":           {HTTPConfig{RootCRLURL: "http://mirror.example/x.der"}, "root CRL URL is http to mirror.example"},
		"update":             {HTTPConfig{Update: "latest"}, `update "latest", want "standard", "early"`},
		"update and number":  {HTTPConfig{Update: UpdateEarly, TCBEvaluationDataNumber: 17}, "exclude each other"},
		"negative number":    {HTTPConfig{TCBEvaluationDataNumber: -1}, "number -1"},
		"negative timeout":   {HTTPConfig{Timeout: -time.Second}, "timeout -1s"},
		"negative size":      {HTTPConfig{MaxBytes: -1}, "at most -1 bytes"},
		"two ways of TLS":    {HTTPConfig{Transport: http.DefaultTransport, RootCAs: x509.NewCertPool()}, "exclude each other"},
		"key with line end":  {HTTPConfig{SubscriptionKey: "SECRET\n"}, "characters that a header cannot"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := NewHTTP(test.config)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("source %v, error %v, want %q", h, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestNewHTTPAllowsPlainHTTPExplicitly(t *testing.T) {
	t.Parallel()
	if _, err := NewHTTP(HTTPConfig{BaseURL: "http://pccs.example", RootCRLURL: "http://pccs.example/x", AllowHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestConfigDoesNotShowItsKey(t *testing.T) {
	t.Parallel()
	c := HTTPConfig{BaseURL: AzureTHIM, SubscriptionKey: "SECRET"}
	outer := struct{ Source HTTPConfig }{c}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "starting", slog.Any("source", c))
	for _, text := range []string{
		fmt.Sprint(c), fmt.Sprintf("%+v %s %q", c, c, c), fmt.Sprintf("%#v", c), fmt.Sprintf("%v %+v %#v", outer, outer, outer),
		log.String(), fmt.Sprint(HTTPConfig{BaseURL: "https://" + "user:SECRET" + "@host", SubscriptionKey: "SECRET"}),
	} {
		if strings.Contains(text, "SECRET") {
			t.Errorf("shows the key: %s", text)
		}
	}
	if !strings.Contains(log.String(), AzureTHIM) {
		t.Errorf("log %q does not say which service", log.String())
	}
}
