package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/audit"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/server"
	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/wire"
)

// openTelemetry makes what counts and times.
func openTelemetry(c *config.Config, now func() time.Time, log *slog.Logger, p *parts) (*telemetry.Telemetry, error) {
	headers, err := headersOf(c)
	if err != nil {
		return nil, err
	}
	types := storedTypes()
	t, err := telemetry.New(telemetry.Config{
		Version: release, Revision: revision(), Routes: server.Routes(), Types: types, Codes: wire.Codes(),
		Tracing: telemetry.Tracing{Endpoint: c.Telemetry.OTLPEndpoint, Headers: headers, Ratio: c.Telemetry.TraceRatio},
		Clock:   now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	p.runs = append(p.runs, t.Run)
	return t, nil
}

// headersOf reads those that go with spans: name=value, separated by commas.
func headersOf(c *config.Config) (map[string]string, error) {
	text := c.Telemetry.OTLPHeaders.Reveal()
	if name := c.Telemetry.OTLPHeadersFile; name != "" {
		raw, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("telemetry.otlpHeadersFile: %w", err)
		}
		text = strings.TrimSpace(string(raw))
	}
	if text == "" {
		return nil, nil //nolint:nilnil // no headers is what most need
	}
	headers := map[string]string{}
	for one := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(one, "=")
		if !ok {
			return nil, errors.New("telemetry.otlpHeaders: want name=value, separated by commas")
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return headers, nil
}

// observer tells numbers and spans how long a phase took.
func observer(t *telemetry.Telemetry) func(context.Context, attest.Phase, time.Duration) {
	return func(ctx context.Context, phase attest.Phase, took time.Duration) {
		t.Metrics().Phase(string(phase), took)
		t.Tracer().Phase(ctx, string(phase), took)
	}
}

// signingKeys are those that sign now, for the numbers.
func signingKeys(k *keyring.Keyring) func() []telemetry.SigningKey {
	return func() []telemetry.SigningKey {
		var keys []telemetry.SigningKey
		for _, one := range k.Keys() {
			if one.State == keyring.StateActive {
				keys = append(keys, telemetry.SigningKey{Algorithm: string(one.Algorithm), Created: one.CreatedAt, Expires: one.RetiredAt})
			}
		}
		return keys
	}
}

// openAudit opens the trail, nil if none is configured.
func openAudit(c *config.Config, now func() time.Time, log *slog.Logger, p *parts) (*audit.Trail, error) {
	if c.Audit.Dir == "" {
		return nil, nil //nolint:nilnil // no trail is what --dev has
	}
	trail, err := audit.Open(audit.Config{Dir: c.Audit.Dir, Clock: now})
	if err != nil {
		return nil, withHint(fmt.Errorf("audit.dir: %w", err), "name a folder that the service may write to, and no other service writes to")
	}
	p.closeLater(closerFunc(func() error {
		// What waits is written now, so that the head is that of the last record.
		err := trail.Close()
		head := trail.Head()
		// Lines that are cut off the end show against a head that is kept elsewhere,
		// as the log is.
		log.LogAttrs(context.Background(), slog.LevelInfo, "audit trail ends", slog.Int64("count", head.Sequence), slog.String("head", head.Hash))
		return err
	}))
	p.runs = append(p.runs, trail.Run)
	return trail, nil
}

// proxiesOf are the networks that are believed about who a client is.
func proxiesOf(c *config.Config) ([]netip.Prefix, error) {
	var networks []netip.Prefix
	for _, text := range c.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("trustedProxies: %w", err)
		}
		networks = append(networks, network)
	}
	return networks, nil
}
