package instance_test

import (
	"testing"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/store/memory"
)

func TestReplayedCertificateTokensAreRefusedIfTheSettingsSaySo(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner, second := signer(t, "owner", nil), signer(t, "second", nil)
	s := isolated("contoso")
	s.RefuseReplayedPolicies = true
	create(t, d, s, owner.certificate)
	added := owner.sign(t, certificatePayload(second.certificate))
	for range 2 { // the second time it is there, and nothing is changed
		if _, err := d.AddCertificate(t.Context(), "contoso", added, "somebody"); err != nil {
			t.Fatal(err)
		}
	}
	// The token does not say whether it adds or removes.
	_, err := d.RemoveCertificate(t.Context(), "contoso", added)
	wantRefused(t, err, instance.ReasonReplayed)
	removed := owner.sign(t, `{"iat":1,`+certificatePayload(second.certificate)[1:])
	if _, err := d.RemoveCertificate(t.Context(), "contoso", removed); err != nil {
		t.Fatal(err)
	}
	for name, replay := range map[string]func() error{
		"the addition": func() error { _, err := d.AddCertificate(t.Context(), "contoso", added, "x"); return err },
		"the addition, otherwise signed": func() error {
			_, err := d.AddCertificate(t.Context(), "contoso", otherSignature(t, added), "x")
			return err
		},
		"the removal as an addition": func() error { _, err := d.AddCertificate(t.Context(), "contoso", removed, "x"); return err },
	} {
		if err := replay(); err == nil {
			t.Errorf("%s: accepted", name)
		} else {
			wantRefused(t, err, instance.ReasonReplayed)
		}
	}
	wantListed(t, d, owner)
	again := owner.sign(t, `{"iat":2,`+certificatePayload(second.certificate)[1:])
	if _, err := d.AddCertificate(t.Context(), "contoso", again, "somebody"); err != nil {
		t.Error(err)
	}
}

func TestReplayedResetsAreRefusedIfTheSettingsSaySo(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner := signer(t, "owner", nil)
	s := isolated("contoso")
	s.RefuseReplayedPolicies = true
	create(t, d, s, owner.certificate)
	set(t, d, "contoso", owner.sign(t, policyPayload(numbered("1"))))
	reset := owner.sign(t, "{}")
	for range 2 { // the second time nothing is changed
		if _, err := d.ResetPolicy(t.Context(), change("contoso", reset)); err != nil {
			t.Fatal(err)
		}
	}
	set(t, d, "contoso", owner.sign(t, policyPayload(numbered("2"))))
	_, err := d.ResetPolicy(t.Context(), change("contoso", otherSignature(t, reset)))
	wantRefused(t, err, instance.ReasonReplayed)
	if _, err := d.ResetPolicy(t.Context(), change("contoso", owner.sign(t, `{"iat":1}`))); err != nil {
		t.Error(err)
	}
}
