package instance_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store/memory"
)

func TestInstancesFromCreationToDeletion(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	for _, name := range []string{"c", "a", "b"} {
		create(t, d, aad(name))
	}
	list, err := d.List(t.Context())
	if err != nil || len(list) != 3 || list[0].Name != "a" || list[2].Name != "c" {
		t.Fatalf("list %v, %v", list, err)
	}
	s := aad("b")
	s.AttestationNeedsReader = true
	if err := d.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if i, _, ok := d.Lookup("b.example", "/certs"); !ok || !i.Settings().AttestationNeedsReader {
		t.Error("the change is not served at once by who made it")
	}
	if err := d.Delete(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := d.Lookup("b.example", "/certs"); ok {
		t.Error("served after its deletion")
	}
	for what, err := range map[string]error{
		"delete": d.Delete(t.Context(), "b"), "update": d.Update(t.Context(), s),
		"settings": func() error { _, err := d.Settings(t.Context(), "b"); return err }(),
		"set":      func() error { _, err := d.SetPolicy(t.Context(), change("b", unsigned(t, numbered("1")))); return err }(),
		"certs":    func() error { _, err := d.Certificates(t.Context(), "b"); return err }(),
		"add": func() error {
			_, err := d.AddCertificate(t.Context(), "b", unsigned(t, ""), "test")
			return err
		}(),
	} {
		if !errors.Is(err, instance.ErrNoInstance) {
			t.Errorf("%s: %v, want ErrNoInstance", what, err)
		}
	}
	if served, broken := d.Count(); served != 2 || broken != 0 {
		t.Errorf("%d served, %d broken", served, broken)
	}
}

func TestSettingsAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	s := aad("a")
	s.Hosts, s.Types = []string{"b.example"}, []attest.Type{attest.SGXEnclave}
	create(t, d, s)
	s.Hosts[0], s.Types[0] = "evil.example", attest.TPM
	kept, err := d.Settings(t.Context(), "a")
	if err != nil || kept.Hosts[0] != "b.example" || kept.Types[0] != attest.SGXEnclave {
		t.Errorf("%+v, %v", kept, err)
	}
}

func TestNameAndPlaceBelongToOneInstance(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	first := aad("first")
	first.Hosts = []string{"alias.example", "alias.example:8443"}
	create(t, d, first)
	below := aad("below")
	below.URL = first.URL + "/below"
	create(t, d, below)
	for name, edit := range map[string]func(*instance.Settings){
		"name":               func(s *instance.Settings) { s.Name = "first" },
		"URL":                func(s *instance.Settings) { s.URL = first.URL },
		"host of another":    func(s *instance.Settings) { s.Hosts = []string{"first.example"} },
		"alias as URL":       func(s *instance.Settings) { s.URL = "https://alias.example" },
		"alias with a port":  func(s *instance.Settings) { s.Hosts = []string{"alias.example:8443"} },
		"path in other case": func(s *instance.Settings) { s.URL = first.URL + "/BELOW" },
	} {
		s := aad("second")
		edit(&s)
		err := d.Create(t.Context(), s, nil, "test")
		if e, ok := errors.AsType[*instance.TakenError](err); !ok || e.Instance == s.Name && e.What != "name" {
			t.Errorf("%s: %v, want it taken", name, err)
		}
	}
	create(t, d, aad("second"))
	s := aad("second")
	s.Hosts = []string{"alias.example"}
	if _, ok := errors.AsType[*instance.TakenError](d.Update(t.Context(), s)); !ok {
		t.Error("an update took another instance's host")
	}
	if err := d.Delete(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), s); err != nil {
		t.Errorf("the host is free again: %v", err)
	}
}

func TestConcurrentCreatesNeverShareAPlace(t *testing.T) {
	t.Parallel()
	shared := memory.New()
	const n = 8
	var wg sync.WaitGroup
	won := make(chan string, n)
	for k := range n {
		d := open(t, config(shared))
		wg.Go(func() {
			s := aad(fmt.Sprintf("i%d", k))
			s.URL = "https://contoso.example"
			err := d.Create(t.Context(), s, nil, "test")
			if _, ok := errors.AsType[*instance.TakenError](err); !ok && err != nil {
				t.Error(err)
			}
			if err == nil {
				won <- s.Name
			}
		})
	}
	wg.Wait()
	list, err := open(t, config(shared)).List(t.Context())
	if err != nil || len(list) != 1 || len(won) != 1 || <-won != list[0].Name {
		t.Errorf("%d instances at one place, %d said to be made (%v)", len(list), len(won), err)
	}
}

func TestIsolatedIsChosenAtCreationAndNeverLeft(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner, other := signer(t, "owner", nil), signer(t, "other", nil)
	for _, mode := range instance.Modes() {
		for _, certificates := range [][]*x509.Certificate{nil, {owner.certificate}, {owner.certificate, owner.certificate}} {
			s := aad("x")
			s.Mode = mode
			err := d.Create(t.Context(), s, certificates, "test")
			if mode == instance.Isolated && len(certificates) == 1 || mode != instance.Isolated && certificates == nil {
				if err != nil {
					t.Errorf("%s with %d certificates: %v", mode, len(certificates), err)
				}
				if err := d.Delete(t.Context(), "x"); err != nil {
					t.Fatal(err)
				}
				continue
			}
			wantSettingsError(t, err, "Mode")
		}
	}
	leaf := signer(t, "leaf", nil)
	leaf.certificate.NotAfter = at.AddDate(-1, 0, 0)
	wantTokenError(t, d.Create(t.Context(), isolated("x"), []*x509.Certificate{leaf.certificate}, "test"), policytoken.ReasonValidity)

	create(t, d, isolated("contoso"), owner.certificate)
	create(t, d, aad("open"))
	for from, to := range map[string]instance.Mode{"contoso": instance.AAD, "open": instance.Isolated} {
		s := aad(from)
		s.Mode = to
		wantSettingsError(t, d.Update(t.Context(), s), "Mode")
		s.Mode = instance.Shared
		wantSettingsError(t, d.Update(t.Context(), s), "Mode")
	}
	// The settings change, the certificates stay.
	s := isolated("contoso")
	s.AttestationNeedsReader = true
	if err := d.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	listed, err := d.Certificates(t.Context(), "contoso")
	if err != nil || len(listed) != 1 || !listed[0].X509().Equal(owner.certificate) || listed[0].By != "test" || !listed[0].At.Equal(at) {
		t.Errorf("certificates %v, %v", listed, err)
	}
	// Who makes it anew decides anew, and whoever signed before is nobody.
	if err := d.Delete(t.Context(), "contoso"); err != nil {
		t.Fatal(err)
	}
	create(t, d, isolated("contoso"), other.certificate)
	_, err = d.SetPolicy(t.Context(), change("contoso", owner.sign(t, policyPayload(numbered("1")))))
	wantTokenError(t, err, policytoken.ReasonIssuer)
}
