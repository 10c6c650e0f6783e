package instance

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store"
)

// Certificates returns the policy management certificates in the order in which
// they were added, none for an instance that is not isolated. It reads the store.
func (d *Directory) Certificates(ctx context.Context, name string) ([]Certificate, error) {
	a, err := d.authority(ctx, name)
	if err != nil {
		return nil, err
	}
	return a.certificates, nil
}

// AddCertificate adds the certificate in the JWS, which must be signed with a key
// that is listed already, and returns it. Adding what is there changes nothing.
// The errors are those of [Directory.SetPolicy], save for those about policies.
func (d *Directory) AddCertificate(ctx context.Context, name string, jws *policytoken.Token, by string) (*x509.Certificate, error) {
	return d.changeCertificates(ctx, name, jws, func(a *authority, c *x509.Certificate) ([]Certificate, error) {
		if slices.ContainsFunc(a.certificates, isCertificate(c)) {
			return a.certificates, nil
		}
		if len(a.certificates) >= maxCertificates {
			return nil, &RefusedError{name, ReasonTooMany, fmt.Sprintf("%d certificates are listed, want at most %d: remove one first", len(a.certificates), maxCertificates)}
		}
		if err := policytoken.CheckCertificate(c, d.config.Clock()); err != nil {
			return nil, err
		}
		added := Certificate{DER: c.Raw, By: by, At: d.config.Clock().UTC(), parsed: c}
		return append(slices.Clone(a.certificates), added), nil
	})
}

// RemoveCertificate removes the certificate in the JWS, as [Directory.AddCertificate]
// adds one. The last one stays: without any, nobody could ever change a policy.
func (d *Directory) RemoveCertificate(ctx context.Context, name string, jws *policytoken.Token) (*x509.Certificate, error) {
	return d.changeCertificates(ctx, name, jws, func(a *authority, c *x509.Certificate) ([]Certificate, error) {
		left := slices.DeleteFunc(slices.Clone(a.certificates), isCertificate(c))
		if len(left) < len(a.certificates) && checkSigners(left, d.config.Clock()) != nil {
			return nil, &RefusedError{
				name, ReasonLastCertificate,
				"the last policy management certificate that can sign cannot be removed: add another one first, of an authority (CA:TRUE) and valid",
			}
		}
		return left, nil
	})
}

// checkSigners returns why none of the certificates can sign a change: an instance
// of which that is true can never be changed again.
func checkSigners(list []Certificate, now time.Time) error {
	var errs []error
	for _, c := range list {
		err := policytoken.CheckSigner(c.parsed, now)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(append(errs, errNoSigner)...)
}

var errNoSigner = errors.New("instance: no policy management certificate can sign: want one of an authority (CA:TRUE), or issued by a listed one, and valid")

func isCertificate(c *x509.Certificate) func(Certificate) bool {
	return func(listed Certificate) bool { return bytes.Equal(listed.DER, c.Raw) }
}

func (d *Directory) changeCertificates(
	ctx context.Context, name string, jws *policytoken.Token,
	change func(*authority, *x509.Certificate) ([]Certificate, error),
) (*x509.Certificate, error) {
	id := d.newID()
	for range maxAttempts {
		a, err := d.authority(ctx, name)
		if err != nil {
			return nil, err
		}
		if a.settings.Mode != Isolated {
			return nil, &RefusedError{name, ReasonNotIsolated, "only isolated instances have policy management certificates"}
		}
		if a.certificatesID == id {
			// An earlier attempt came through after all, and may have removed the very
			// certificate that it was signed with.
			return jws.Certificate()
		}
		if err := a.verify(jws, d.config.Clock()); err != nil {
			return nil, err
		}
		certificate, err := jws.Certificate()
		if err != nil {
			return nil, err
		}
		after, err := change(a, certificate)
		if err != nil {
			return nil, err
		}
		if len(after) == len(a.certificates) {
			return certificate, nil
		}
		if a.settings.RefuseReplayedPolicies && slices.Contains(a.used, jws.InputHash()) {
			return nil, &RefusedError{name, ReasonReplayed, "this very token has changed the certificates before: sign one that differs, by a claim such as iat or jti"}
		}
		used := append(slices.Clone(a.used), jws.InputHash())
		list := certificateList{Certificates: after, Used: used[max(0, len(used)-maxUsed):], ID: id}
		changes := []store.Change{
			store.Put(certificatesKey(name), mustEncode(list), a.certificatesRevision),
			store.Check(settingsKey(name), a.settingsRevision),
		}
		isDone, err := d.commit(ctx, changes, func() (bool, error) { return d.isListedBy(ctx, name, id) })
		if err != nil {
			return nil, err
		}
		if isDone {
			return certificate, nil
		}
	}
	return nil, &ContendedError{certificatesKey(name)}
}

// isListedBy reports whether the list in the store is the one of this change. If
// another change has followed already, beginning again finds its effect there.
func (d *Directory) isListedBy(ctx context.Context, name, id string) (bool, error) {
	key := certificatesKey(name)
	r, err := d.config.Store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	list, err := decodeCertificates(key, r.Value)
	return list.ID == id, err
}
