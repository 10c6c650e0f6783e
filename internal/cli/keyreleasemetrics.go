package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/azattest/azattest/internal/telemetry"
	"github.com/azattest/azattest/internal/vaultserver"
)

// metrics makes what counts and times, and serves it if an address is configured.
func (v *vaultParts) metrics(ctx context.Context, now func() time.Time, held *vaultCertificates) (*telemetry.VaultMetrics, error) {
	operations := vaultserver.Operations()
	names := make([]string, len(operations))
	for i, o := range operations {
		names[i] = string(o)
	}
	m, err := telemetry.NewVaultMetrics(telemetry.VaultConfig{
		Version: release, Revision: revision(), Operations: names, Codes: vaultserver.Codes(),
		TLSCertificate: expiry(held.served), SigningCertificate: expiry(held.signing),
		Clock: now, Log: v.log,
	})
	if err != nil {
		return nil, err
	}
	return m, serveMetrics(ctx, v.config.Telemetry.MetricsListen, m.Handler(), v.log, v.parts)
}

// expiry says until when the pair of the moment holds, nil if there never is one.
func expiry(pair func(context.Context) *tls.Certificate) func() (time.Time, bool) {
	if pair == nil {
		return nil
	}
	return func() (time.Time, bool) {
		leaf, err := x509.ParseCertificate(pair(context.Background()).Certificate[0])
		if err != nil {
			return time.Time{}, false
		}
		return leaf.NotAfter, true
	}
}
