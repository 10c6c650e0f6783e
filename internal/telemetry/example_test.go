package telemetry_test

import (
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/azattest/azattest/internal/telemetry"
)

// A server counts a request, and Prometheus reads the number.
func Example() {
	t, err := telemetry.New(telemetry.Config{Routes: []string{"/certs"}})
	if err != nil {
		log.Fatal(err)
	}
	t.Metrics().RequestBegan()
	t.Metrics().RequestEnded(telemetry.Request{Route: "/certs", Method: http.MethodGet, Status: http.StatusOK, Took: time.Millisecond})

	w := httptest.NewRecorder()
	t.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, "maa_requests_total{") {
			fmt.Print(line)
		}
	}
	// Output: maa_requests_total{instance="none",method="GET",route="/certs",status="200"} 1
}
