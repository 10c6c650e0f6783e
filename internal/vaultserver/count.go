package vaultserver

import (
	"cmp"
	"time"

	"github.com/azattest/azattest/internal/telemetry"
)

// count puts a request that was answered into the numbers.
func (s *Server) count(n *note) {
	operation := string(n.operation)
	if n.isProbe {
		operation = telemetry.Probe
	}
	s.metrics.RequestEnded(telemetry.VaultRequest{Operation: operation, Status: n.status, Took: time.Since(n.start)})
	if n.operation == KeyRelease {
		s.metrics.ReleaseEnded(cmp.Or(n.innerCode, n.code, telemetry.Released))
	}
	if n.limit != "" {
		s.metrics.RateLimited(n.limit)
	}
	if n.isLost {
		s.metrics.AuditFailed()
	}
}

// Codes returns the codes of all refusals, those of package keyrelease and inner ones
// with them.
func Codes() []string {
	return []string{
		"BadParameter", "Unauthorized", "Forbidden", innerNoRole, "AccessDenied", "KeyDisabled", "KeyNotYetValid", "KeyExpired", "KeyOperationForbidden",
		"KeyNotFound", "NotFound", "MethodNotAllowed", "RequestTimeout", "RequestEntityTooLarge", "UnsupportedMediaType", "Conflict", "Throttled",
		"ServiceUnavailable", "GatewayTimeout", "InternalServerError", "ClientClosedRequest",
	}
}
