package telemetry

import (
	"strings"
	"testing"
)

// For most of its life a key has no successor, and is not overdue for that.
func TestAKeyWithoutASuccessorDoesNotExpire(t *testing.T) {
	t.Parallel()
	from := mustNew(t, newConfig())
	from.Metrics().SetSources(Sources{SigningKeys: func() []SigningKey { return []SigningKey{{Algorithm: "RS256"}} }})
	page, _ := scrape(t, from, "")
	if strings.Contains(page, "\nmaa_signing_key_expiry_seconds") || !strings.Contains(page, "\nmaa_signing_key_age_seconds") {
		t.Error("its expiry is shown, or its age is not")
	}
}
