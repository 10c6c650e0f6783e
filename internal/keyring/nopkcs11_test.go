//go:build !pkcs11

package keyring_test

import (
	"testing"

	"github.com/azattest/azattest/internal/keyring"
)

func TestProgramWithoutPKCS11SaysHowToGetIt(t *testing.T) {
	t.Parallel()
	_, err := keyring.OpenPKCS11(keyring.PKCS11Config{Module: "/usr/lib/softhsm/libsofthsm2.so"})
	wantConfigError(t, err, "Devices")
	if !contains(err, "-tags pkcs11") {
		t.Errorf("error %q, want it to name the tag", err)
	}
}
