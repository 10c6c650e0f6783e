package token

import (
	"errors"
	"testing"
)

func TestRecertifyKeepsTheKey(t *testing.T) {
	t.Parallel()
	signer, err := GenerateSigner(ES256, 0)
	if err != nil {
		t.Fatal(err)
	}
	before, err := NewKey(KeyConfig{Signer: signer, Algorithm: ES256, Issuer: "https://one.example"})
	if err != nil {
		t.Fatal(err)
	}
	after, err := before.Recertify("https://two.example")
	if err != nil {
		t.Fatal(err)
	}
	if after.ID() != before.ID() {
		t.Errorf("key ID %s, want %s as before", after.ID(), before.ID())
	}
	if got := after.Certificate().Subject.CommonName; got != "https://two.example" {
		t.Errorf("certified for %s, want the new URL", got)
	}
	if _, err := before.Recertify("not a URL"); err == nil {
		t.Error("certified for what is no URL")
	} else if _, ok := errors.AsType[*URLError](err); !ok {
		t.Errorf("error %v, want a *URLError", err)
	}
}
