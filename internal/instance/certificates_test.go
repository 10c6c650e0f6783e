package instance_test

import (
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store/memory"
)

func wantListed(tb testing.TB, d *instance.Directory, want ...*identity) {
	tb.Helper()
	listed, err := d.Certificates(tb.Context(), "contoso")
	if err != nil || len(listed) != len(want) {
		tb.Fatalf("%d certificates (%v), want %d", len(listed), err, len(want))
	}
	for i, c := range listed {
		if !c.X509().Equal(want[i].certificate) {
			tb.Errorf("certificate %d is of %s, want %s", i, c.X509().Subject, want[i].certificate.Subject)
		}
	}
}

func TestCertificatesComeAndGo(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner, second, stranger := signer(t, "owner", nil), signer(t, "second", nil), signer(t, "stranger", nil)
	create(t, d, isolated("contoso"), owner.certificate)
	about := func(i *identity) string { return certificatePayload(i.certificate) }
	add := func(by, who *identity) error {
		_, err := d.AddCertificate(t.Context(), "contoso", by.sign(t, about(who)), "somebody")
		return err
	}
	remove := func(by, who *identity) error {
		_, err := d.RemoveCertificate(t.Context(), "contoso", by.sign(t, about(who)))
		return err
	}
	none := func(err error) {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
	}
	wantTokenError(t, add(stranger, stranger), policytoken.ReasonIssuer)
	wantTokenError(t, add(stranger, owner), policytoken.ReasonIssuer)
	wantTokenError(t, remove(stranger, owner), policytoken.ReasonIssuer)
	wantRefused(t, remove(owner, owner), instance.ReasonLastCertificate)
	none(remove(owner, stranger)) // it is not there
	wantListed(t, d, owner)
	for range 2 {
		none(add(owner, second))
		wantListed(t, d, owner, second)
	}
	_, err := d.AddCertificate(t.Context(), "contoso", parse(t, encode(`{"alg":"none"}`)+"."+encode(about(stranger))+"."), "somebody")
	wantTokenError(t, err, policytoken.ReasonUnsigned)
	_, err = d.AddCertificate(t.Context(), "contoso", owner.sign(t, policyPayload(numbered("1"))), "somebody")
	wantTokenError(t, err, policytoken.ReasonNoPolicyCertificate)

	// A certificate that signs its own removal is gone, at once and for all.
	jws := owner.sign(t, policyPayload(numbered("1")))
	none(remove(owner, owner))
	wantListed(t, d, second)
	_, err = d.SetPolicy(t.Context(), change("contoso", jws))
	wantTokenError(t, err, policytoken.ReasonIssuer)
	wantTokenError(t, add(owner, owner), policytoken.ReasonIssuer)
	wantRefused(t, remove(second, second), instance.ReasonLastCertificate)
	none(add(second, owner))
	wantListed(t, d, second, owner)
	set(t, d, "contoso", jws)
}

func TestWhoseCertificateChainsUpToAListedOneMaySign(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	root := signer(t, "root", nil)
	leaf, other := signer(t, "leaf", root), signer(t, "other", root)
	create(t, d, isolated("contoso"), leaf.certificate)
	set(t, d, "contoso", leaf.sign(t, policyPayload(numbered("1"))))
	_, err := d.SetPolicy(t.Context(), change("contoso", other.sign(t, policyPayload(numbered("2")))))
	wantTokenError(t, err, policytoken.ReasonIssuer)
	if _, err := d.AddCertificate(t.Context(), "contoso", leaf.sign(t, certificatePayload(root.certificate)), "test"); err != nil {
		t.Fatal(err)
	}
	set(t, d, "contoso", other.sign(t, policyPayload(numbered("2"))))
	if _, err := d.RemoveCertificate(t.Context(), "contoso", other.sign(t, certificatePayload(root.certificate))); err != nil {
		t.Fatal(err)
	}
	wantListed(t, d, leaf)
	_, err = d.SetPolicy(t.Context(), change("contoso", other.sign(t, policyPayload(numbered("3")))))
	wantTokenError(t, err, policytoken.ReasonIssuer)
}

func TestWhatIsAddedMustBeWorthSomething(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner, old := signer(t, "owner", nil), expired(t)
	create(t, d, isolated("contoso"), owner.certificate)
	_, err := d.AddCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(old.certificate)), "test")
	wantTokenError(t, err, policytoken.ReasonValidity)
	wantListed(t, d, owner)
}

// The samples of one of the SDKs add a root that is no authority.
func TestSomebodyWhoCanSignStays(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner, mute := signer(t, "owner", nil), endEntity(t, "mute")
	if err := d.Create(t.Context(), isolated("contoso"), []*x509.Certificate{mute.certificate}, "test"); err == nil {
		t.Fatal("made an instance that nobody can ever change")
	}
	create(t, d, isolated("contoso"), mute.certificate, owner.certificate)
	_, err := d.SetPolicy(t.Context(), change("contoso", mute.sign(t, policyPayload(numbered("1")))))
	wantTokenError(t, err, policytoken.ReasonIssuer)
	_, err = d.RemoveCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(owner.certificate)))
	wantRefused(t, err, instance.ReasonLastCertificate)
	wantListed(t, d, mute, owner)
	if _, err := d.RemoveCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(mute.certificate))); err != nil {
		t.Error(err)
	}
	if _, err := d.AddCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(mute.certificate)), "test"); err != nil {
		t.Error(err)
	}
	wantListed(t, d, owner, mute)
}

func TestOtherModesHaveNoCertificates(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	anybody := signer(t, "anybody", nil)
	for _, mode := range []instance.Mode{instance.AAD, instance.Shared} {
		s := aad("x")
		s.Mode = mode
		create(t, d, s)
		jws := anybody.sign(t, certificatePayload(anybody.certificate))
		_, err := d.AddCertificate(t.Context(), "x", jws, "test")
		wantRefused(t, err, instance.ReasonNotIsolated)
		_, err = d.RemoveCertificate(t.Context(), "x", jws)
		wantRefused(t, err, instance.ReasonNotIsolated)
		if listed, err := d.Certificates(t.Context(), "x"); err != nil || len(listed) != 0 {
			t.Errorf("%v, %v", listed, err)
		}
		if err := d.Delete(t.Context(), "x"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificatesAreBounded(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner := signer(t, "owner", nil)
	create(t, d, isolated("contoso"), owner.certificate)
	for n := range 63 {
		if _, err := d.AddCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(signer(t, fmt.Sprint(n), nil).certificate)), "test"); err != nil {
			t.Fatalf("certificate %d: %v", n, err)
		}
	}
	_, err := d.AddCertificate(t.Context(), "contoso", owner.sign(t, certificatePayload(signer(t, "one too many", nil).certificate)), "test")
	wantRefused(t, err, instance.ReasonTooMany)
}
