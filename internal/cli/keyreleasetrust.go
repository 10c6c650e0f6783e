package cli

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/relyingparty"
)

// trusted are the attestation services whose tokens count, by the URLs that are the
// issuers of their tokens, each with what must be true of its tokens.
type trusted map[string]*relyingparty.Verifier

// Verify lets the one whose name the token has say whether it made it.
func (t trusted) Verify(ctx context.Context, compact string, expected relyingparty.Expected) (*relyingparty.Result, error) {
	token, err := azattestation.ParseToken(compact)
	if err != nil {
		return nil, err
	}
	if v := t[strings.TrimSuffix(token.Issuer(), "/")]; v != nil {
		return v.Verify(ctx, compact, expected)
	}
	return nil, &azattestation.TokenValidationError{
		Check: azattestation.TokenCheckIssuer, Expected: strings.Join(slices.Sorted(maps.Keys(t)), " or "), Found: cmp.Or(token.Issuer(), "none"),
	}
}

// verifier says which tokens count.
func (v *vaultParts) verifier(s Streams) (trusted, error) {
	all := trusted{}
	for i := range v.config.Authorities {
		a := &v.config.Authorities[i]
		client, err := publicClient(s, a.URL, a.CAFile)
		if err != nil {
			return nil, fmt.Errorf("authorities[%d]: %w", i, err)
		}
		r := v.config.Release
		c := relyingparty.Config{
			Sources: []*azattestation.KeySource{client.KeySource()}, Types: r.AttestationTypes, MaxAge: r.MaxTokenAge, AllowDebuggable: r.AllowDebuggable,
			// Whose measurement it must be is for the policy of each key to say.
			AllowAnyEnclave: true, AllowSimulated: v.dev, Now: s.Now,
		}
		if a.SigningCertificate == "report" {
			if c.SigningCertificate, err = certificateCheck(a, s.Now); err != nil {
				return nil, fmt.Errorf("authorities[%d]: %w", i, err)
			}
		}
		verifier, err := relyingparty.New(c)
		if err != nil {
			return nil, fmt.Errorf("authorities[%d]: %w", i, err)
		}
		all[strings.TrimSuffix(a.URL, "/")] = verifier
	}
	return all, nil
}

// certificateCheck demands that the key which signs tokens was made in one of the
// enclaves that the configuration names, and in none that can be debugged.
func certificateCheck(a *config.Authority, now func() time.Time) (func(context.Context, *azattestation.SigningCertificate) error, error) {
	enclaves, err := hashesOf(a.MREnclave)
	if err != nil {
		return nil, fmt.Errorf("mrenclave: %w", err)
	}
	signers, err := hashesOf(a.MRSigner)
	if err != nil {
		return nil, fmt.Errorf("mrsigner: %w", err)
	}
	identity := func(found *relyingparty.Identity) error {
		switch {
		case found.Debug:
			return fmt.Errorf("the enclave of the service can be debugged")
		case len(enclaves) > 0 && !slices.Contains(enclaves, found.MRENCLAVE):
			return fmt.Errorf("the enclave of the service has MRENCLAVE %x, want one of authorities.mrenclave", found.MRENCLAVE)
		case len(signers) > 0 && !slices.Contains(signers, found.MRSIGNER):
			return fmt.Errorf("the enclave of the service has MRSIGNER %x, want one of authorities.mrsigner", found.MRSIGNER)
		}
		return nil
	}
	return func(ctx context.Context, certificate *azattestation.SigningCertificate) error {
		chain := certificate.Chain
		if len(chain) == 0 {
			return &relyingparty.SigningCertificateError{Check: relyingparty.CheckReport, Err: relyingparty.ErrNoReport}
		}
		_, err := relyingparty.VerifySigningCertificate(ctx, chain[0], relyingparty.SigningCertificateOptions{At: now(), KeyID: certificate.KeyID, Identity: identity})
		return err
	}, nil
}

func hashesOf(texts []string) ([][32]byte, error) {
	all := make([][32]byte, len(texts))
	for i, text := range texts {
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != 32 {
			return nil, fmt.Errorf("%q: want 64 hexadecimal digits", text)
		}
		all[i] = [32]byte(raw)
	}
	return all, nil
}
