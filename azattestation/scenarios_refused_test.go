package azattestation_test

import (
	"errors"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/azattest/azattest/azattestation"
)

// TestScenarioCommonChangesThatAreRefused are those that an instance of the mode
// does not take.
func TestScenarioCommonChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	stranger := signingKeyOf(otherECKey(), "stranger")
	set := func(key *azattestation.SigningKey) func(*testing.T, *azattestation.AdministrationClient) error {
		return func(t *testing.T, a *azattestation.AdministrationClient) error {
			t.Helper()
			_, err := a.SetPolicy(t.Context(), kinds[0], permitPolicy, &azattestation.AdministrationClientSetPolicyOptions{SigningKey: key})
			return err
		}
	}
	reset := func(t *testing.T, a *azattestation.AdministrationClient) error {
		t.Helper()
		_, err := a.ResetPolicy(t.Context(), kinds[0], nil)
		return err
	}
	add := func(t *testing.T, a *azattestation.AdministrationClient) error {
		t.Helper()
		_, err := a.AddPolicyCertificate(t.Context(), stranger.Certificate(), stranger, nil)
		return err
	}
	remove := func(t *testing.T, a *azattestation.AdministrationClient) error {
		t.Helper()
		_, err := a.RemovePolicyCertificate(t.Context(), stranger.Certificate(), stranger, nil)
		return err
	}
	for name, c := range map[string]struct {
		mode   mode
		change func(*testing.T, *azattestation.AdministrationClient) error
		code   string
	}{
		"AAD/add":               {modeAAD, add, azattestation.ErrorCodeInvalidOperation},
		"AAD/remove":            {modeAAD, remove, azattestation.ErrorCodeInvalidOperation},
		"Shared/add":            {modeShared, add, azattestation.ErrorCodeInvalidOperation},
		"Shared/set":            {modeShared, set(nil), azattestation.ErrorCodeUnauthorized},
		"Isolated/set/unsigned": {modeIsolated, set(nil), azattestation.ErrorCodeInvalidOperation},
		"Isolated/set/stranger": {modeIsolated, set(stranger), azattestation.ErrorCodeInvalidParameter},
		"Isolated/reset":        {modeIsolated, reset, azattestation.ErrorCodeInvalidOperation},
		"Isolated/add/stranger": {modeIsolated, add, azattestation.ErrorCodeInvalidParameter},
		"AAD/set/syntax": {modeAAD, func(t *testing.T, a *azattestation.AdministrationClient) error {
			t.Helper()
			_, err := a.SetPolicy(t.Context(), kinds[0], "no policy", nil)
			return err
		}, azattestation.ErrorCodePolicyParsingError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := c.change(t, newInstance(t, c.mode).admin(t))
			refused, ok := errors.AsType[*azcore.ResponseError](err)
			if !ok || refused.ErrorCode != c.code {
				t.Errorf("error %v, want code %s", err, c.code)
			}
		})
	}
}
