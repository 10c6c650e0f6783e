package keyrelease_test

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"
	"time"

	"github.com/azattest/azattest/keyrelease"
)

func TestAttributesAreWrittenAsKeyVaultDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]keyrelease.Attributes{
		`{"enabled":false,"exportable":false}`: {},
		`{"created":1640112727,"enabled":true,"exp":1640112730,"exportable":true,"nbf":1640112728,"recoverableDays":7,"recoveryLevel":"CustomizedRecoverable+Purgeable","updated":1640112729}`: {
			Enabled: true, Exportable: true, Created: time.Unix(1640112727, 0).UTC(), NotBefore: time.Unix(1640112728, 0).UTC(), Updated: time.Unix(1640112729, 0).UTC(),
			Expires: time.Unix(1640112730, 0).UTC(), RecoverableDays: 7, RecoveryLevel: "CustomizedRecoverable+Purgeable",
		},
	} {
		written, err := json.Marshal(want)
		if err != nil || string(written) != text {
			t.Errorf("written as %s, %v, want %s", written, err, text)
		}
		var got keyrelease.Attributes
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
	var a keyrelease.Attributes
	if err := json.Unmarshal([]byte(`{"enabled":1}`), &a); err == nil {
		t.Error("a number is no truth")
	}
}

func TestNewPublicJWKRefuses(t *testing.T) {
	t.Parallel()
	if got, err := keyrelease.NewPublicJWK(ed25519.PublicKey{}); err == nil {
		t.Errorf("got %+v", got)
	}
	if got, err := keyrelease.NewPublicJWK(nil); err != nil || got != (keyrelease.PublicJWK{}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
