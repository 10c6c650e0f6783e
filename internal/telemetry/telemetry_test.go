package telemetry

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// at is the time of all tests.
var at = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

func newConfig() Config {
	return Config{
		Version: "1.2.3", Revision: "abcdef",
		Routes: []string{"/attest/sgxenclave", "/certs"}, Types: []string{"SgxEnclave"}, Codes: []string{"InvalidParameter"},
		Clock: func() time.Time { return at },
	}
}

func mustNew(tb testing.TB, c Config) *Telemetry {
	tb.Helper()
	t, err := New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// scrape reads the numbers of either server as Prometheus does.
func scrape(t *testing.T, from interface{ Handler() http.Handler }, accept string) (string, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	from.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.String(), w.Result().Header
}

// wantLines finds lines in what was scraped.
func wantLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+page, "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
}

func TestConfigurationsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	secret := map[string]string{"api-key": "hunter2"}
	for name, tt := range map[string]struct {
		change func(*Config)
		field  string
	}{
		"too many names": {func(c *Config) { c.Codes = make([]string, maxNames+1) }, "Codes"},
		"no URL":         {func(c *Config) { c.Tracing.Endpoint = "://hunter2" }, "Tracing.Endpoint"},
		"no scheme":      {func(c *Config) { c.Tracing.Endpoint = "collector:4318" }, "Tracing.Endpoint"},
		"gRPC":           {func(c *Config) { c.Tracing.Endpoint = "grpc://collector:4317" }, "Tracing.Endpoint"},
		"no host":        {func(c *Config) { c.Tracing.Endpoint = "https:///v1/traces" }, "Tracing.Endpoint"},
		"password":       {func(c *Config) { c.Tracing.Endpoint = "https://u:hunter2@collector" }, "Tracing.Endpoint"},
		"query":          {func(c *Config) { c.Tracing.Endpoint = "https://collector?key=hunter2" }, "Tracing.Endpoint"},
		"in the clear":   {func(c *Config) { c.Tracing = Tracing{Endpoint: "http://collector", Headers: secret} }, "Tracing.Endpoint"},
		"only headers":   {func(c *Config) { c.Tracing.Headers = secret }, "Tracing.Headers"},
		"ratio":          {func(c *Config) { c.Tracing = Tracing{Endpoint: "https://collector", Ratio: 1.5} }, "Tracing.Ratio"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newConfig()
			tt.change(&c)
			_, err := New(c)
			if e, ok := errors.AsType[*ConfigError](err); !ok || e.Field != tt.field {
				t.Errorf("error %v, want one of %s", err, tt.field)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}
