package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/azattest/azattest/collect"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/simulator"
	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/token"
)

// openKeys opens the keys that sign. With --dev they are kept as they are, and
// vouched for by the simulated platform.
func openKeys(ctx context.Context, s Streams, o runOptions, log *slog.Logger, records store.Store, platform *simulator.Platform, p *parts) (*keyring.Keyring, error) {
	wrap, err := wrappingOf(o.config)
	if err != nil {
		return nil, withoutWrapping(err)
	}
	devices, err := devicesOf(o.config, p)
	if err != nil {
		return nil, err
	}
	return keyring.Open(ctx, keyring.Config{
		Store: records, Wrap: wrap, AllowPlain: o.dev || isVolatile(o.config), Devices: devices,
		Bits:     map[token.Algorithm]int{token.RS256: o.config.Keys.Bits, token.PS256: o.config.Keys.Bits},
		Announce: o.config.Keys.Announce, RotateAfter: rotateAfter(o.config),
		MaxTokenLifetime: o.config.Keys.MaxTokenLifetime, Report: reportOf(o.config, platform), Clock: s.Now, Log: log,
	})
}

// isVolatile reports whether the store forgets everything at the end, keys too.
func isVolatile(c *config.Config) bool { return c.Store.Driver == driverMemory }

// rotateAfter: the configuration says 0 for never.
func rotateAfter(c *config.Config) time.Duration {
	if c.Keys.RotateAfter == 0 {
		return -1
	}
	return c.Keys.RotateAfter
}

// withoutWrapping says what a service can do about a wrapping key that cannot be read.
func withoutWrapping(err error) error {
	if !isType[*fs.PathError](err) {
		return err
	}
	return withHint(err, "make one with azattest keys wrapping-key --out FILE, and keep a copy: without it the keys are lost")
}

// wrappingOf reads the keys that encrypt others, nil if none is configured.
func wrappingOf(c *config.Config) (*keyring.Wrapping, error) {
	texts := []string{c.Keys.WrappingKey.Reveal()}
	names := append([]string{c.Keys.WrappingKeyFile}, c.Keys.PreviousWrappingKeyFiles...)
	for _, name := range names {
		if name == "" {
			continue
		}
		text, err := os.ReadFile(filepath.Clean(name))
		if err != nil {
			return nil, fmt.Errorf("wrapping key: %w", err)
		}
		texts = append(texts, string(text))
	}
	all := strings.TrimSpace(strings.Join(texts, "\n"))
	if all == "" {
		return nil, nil //nolint:nilnil // none is what --dev has
	}
	return keyring.ParseWrapping(all)
}

// devicesOf opens the device that holds the keys, if one is configured.
func devicesOf(c *config.Config, p *parts) (map[token.Algorithm]keyring.Device, error) {
	d := c.Keys.PKCS11
	if d.Module == "" {
		return nil, nil //nolint:nilnil // no device is what most have
	}
	pin, err := os.ReadFile(filepath.Clean(d.PINFile))
	if err != nil {
		return nil, fmt.Errorf("keys.pkcs11.pinFile: %w", err)
	}
	device, err := keyring.OpenPKCS11(keyring.PKCS11Config{
		Module: d.Module, TokenLabel: d.TokenLabel, PIN: strings.TrimSpace(string(pin)), KeyLabel: d.KeyLabel,
	})
	if err != nil {
		return nil, err
	}
	p.closeLater(device)
	return map[token.Algorithm]keyring.Device{token.RS256: device, token.PS256: device, token.ES256: device}, nil
}

// reportOf is what vouches for new keys: the simulated platform with --dev, an
// enclave around this very process if there is one, or nothing.
func reportOf(c *config.Config, platform *simulator.Platform) func(context.Context, [64]byte) ([]byte, error) {
	if platform != nil {
		return func(_ context.Context, reportData [64]byte) ([]byte, error) {
			return platform.OpenEnclaveReport(simulator.Report{ReportData: reportData})
		}
	}
	if c.Keys.Report == "none" {
		return nil
	}
	return func(ctx context.Context, reportData [64]byte) ([]byte, error) {
		source, err := collect.Detect(collect.Config{})
		if errors.Is(err, collect.ErrNone) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if source.Kind() != collect.SGXQuote {
			// Signing certificates have no known place for the others.
			return nil, nil
		}
		e, err := source.Quote(ctx, reportData)
		if err != nil {
			return nil, err
		}
		return token.OpenEnclaveReport(e.Bytes), nil
	}
}
