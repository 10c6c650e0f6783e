package instance

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
)

// Create makes an instance. Isolated wants at least one policy management
// certificate, the other modes none. It returns a *[SettingsError], a *[TakenError]
// or what the store fails with.
func (d *Directory) Create(ctx context.Context, s Settings, certificates []*x509.Certificate, by string) error {
	s = s.clone()
	if err := s.Validate(); err != nil {
		return err
	}
	if err := d.checkServable(ctx, s); err != nil {
		return err
	}
	list, err := d.firstCertificates(s, certificates, by)
	if err != nil {
		return err
	}
	return d.place(ctx, func(existing map[string]kept) ([]store.Change, error) {
		if _, ok := existing[s.Name]; ok {
			return nil, &TakenError{s.Name, "name"}
		}
		if err := checkPlaces(s, existing); err != nil {
			return nil, err
		}
		changes := []store.Change{store.Put(settingsKey(s.Name), mustEncode(s), 0)}
		if list != nil {
			changes = append(changes, store.Put(certificatesKey(s.Name), mustEncode(list), 0))
		}
		return changes, nil
	})
}

// firstCertificates checks the certificates that make an instance isolated.
func (d *Directory) firstCertificates(s Settings, certificates []*x509.Certificate, by string) (*certificateList, error) {
	refuse := func(format string, args ...any) (*certificateList, error) {
		return nil, &SettingsError{s.Name, "Mode", fmt.Sprintf(format, args...)}
	}
	if s.Mode != Isolated {
		if len(certificates) > 0 {
			return refuse("%s, with policy management certificates, want Isolated or none", s.Mode)
		}
		return nil, nil //nolint:nilnil // no list is what the other modes have
	}
	if len(certificates) == 0 || len(certificates) > maxCertificates {
		return refuse("Isolated, with %d policy management certificates, want 1 to %d", len(certificates), maxCertificates)
	}
	list := &certificateList{ID: d.newID()}
	now := d.config.Clock()
	for _, c := range certificates {
		if err := policytoken.CheckCertificate(c, now); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(list.Certificates, isCertificate(c)) {
			return refuse("Isolated, with the certificate %s twice", policytoken.Thumbprint(c))
		}
		list.Certificates = append(list.Certificates, Certificate{DER: c.Raw, By: by, At: now.UTC(), parsed: c})
	}
	if err := checkSigners(list.Certificates, now); err != nil {
		return nil, err
	}
	return list, nil
}

// checkServable refuses settings of which no pipeline can be made.
func (d *Directory) checkServable(ctx context.Context, s Settings) error {
	if lifetime := cmp.Or(s.TokenLifetime, azureTokenLifetime); lifetime > d.config.MaxTokenLifetime {
		return &SettingsError{s.Name, "TokenLifetime", fmt.Sprintf("%s, want at most %s: keys are published for no longer", lifetime, d.config.MaxTokenLifetime)}
	}
	trial := &Instance{directory: d, settings: s}
	made, err := trial.assemble(ctx)
	if err == nil && !errors.Is(made.err, errNoVerifiers) {
		err = made.err
	}
	if err != nil {
		if e, ok := errors.AsType[*attest.ConfigError](err); ok {
			return &SettingsError{s.Name, e.Field, e.Problem}
		}
		return err
	}
	return nil
}

// Update changes the settings of an instance, save for its name and its mode: an
// isolated instance stays isolated, and no other becomes one. It returns the
// errors of [Directory.Create], and [ErrNoInstance].
func (d *Directory) Update(ctx context.Context, s Settings) error {
	s = s.clone()
	if err := s.Validate(); err != nil {
		return err
	}
	if err := d.checkServable(ctx, s); err != nil {
		return err
	}
	return d.place(ctx, func(existing map[string]kept) ([]store.Change, error) {
		before, ok := existing[s.Name]
		if !ok {
			return nil, fmt.Errorf("%w: %s", ErrNoInstance, s.Name)
		}
		if before.err != nil {
			// Nobody knows whether it was isolated.
			return nil, before.err
		}
		if err := checkPlaces(s, existing); err != nil {
			return nil, err
		}
		if before.settings.Mode != s.Mode {
			return nil, &SettingsError{s.Name, "Mode", fmt.Sprintf("%s, want %s as it was made: make another instance instead", s.Mode, before.settings.Mode)}
		}
		return []store.Change{store.Put(settingsKey(s.Name), mustEncode(s), before.revision)}, nil
	})
}

// Delete removes an instance with its certificates and the policies in force. The
// history of its policies stays. One that cannot be read can be removed all the
// same. It returns [ErrNoInstance], or what the store fails with.
func (d *Directory) Delete(ctx context.Context, name string) error {
	return d.place(ctx, func(existing map[string]kept) ([]store.Change, error) {
		before, ok := existing[name]
		if !ok {
			return nil, fmt.Errorf("%w: %s", ErrNoInstance, name)
		}
		changes := []store.Change{
			store.Delete(settingsKey(name), before.revision),
			store.Delete(certificatesKey(name), store.Any),
		}
		for _, t := range attest.Types() {
			changes = append(changes, store.Delete(policyKey(name, t), store.Any))
		}
		return changes, nil
	})
}

// List returns the settings of all instances, in the order of their names, and
// beside them a *[RecordError] for each that cannot be read, joined. It reads the
// store.
func (d *Directory) List(ctx context.Context) ([]Settings, error) {
	existing, err := d.readSettings(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Settings, 0, len(existing))
	var unread []error
	for _, name := range slices.Sorted(maps.Keys(existing)) {
		if err := existing[name].err; err != nil {
			unread = append(unread, err)
			continue
		}
		list = append(list, existing[name].settings)
	}
	return list, errors.Join(unread...)
}

// Settings returns those of one instance, or [ErrNoInstance]. It reads the store.
func (d *Directory) Settings(ctx context.Context, name string) (Settings, error) {
	a, err := d.authority(ctx, name)
	if err != nil {
		return Settings{}, err
	}
	return a.settings, nil
}
