package vault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store/memory"
)

// refused checks that a call was refused with a code and in certain words.
func refused(t testing.TB, err error, code, want string) {
	t.Helper()
	p, ok := errors.AsType[*vault.ParameterError](err)
	if !ok || p.Code != code || !strings.Contains(p.Problem, want) {
		t.Errorf("got %v, want a *ParameterError %s with %q", err, code, want)
	}
}

func manyTags(n int) map[string]string {
	tags := map[string]string{}
	for i := range n {
		tags[fmt.Sprintf("tag-%d", i)] = strings.Repeat("<", 256)
	}
	return tags
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	policy := policyFor(t, "p")
	ec := func(s vault.Settings) vault.Template { return vault.Template{Type: "EC", Settings: s} }
	for name, test := range map[string]struct {
		key        string
		make       vault.Template
		code, want string
	}{
		"no name":                     {"", ec(vault.Settings{}), "", "key name \"\", want 1 to 127 letters, digits and hyphens"},
		"a name with a slash":         {"a/b", ec(vault.Settings{}), "", "key name"},
		"a name with an underscore":   {"a_b", ec(vault.Settings{}), "", "key name"},
		"a name with an umlaut":       {"ä", ec(vault.Settings{}), "", "key name"},
		"a name of 128 characters":    {strings.Repeat("a", 128), ec(vault.Settings{}), "", "key name"},
		"no type":                     {"k", vault.Template{}, "", "key type \"\", want RSA"},
		"another type":                {"k", vault.Template{Type: "OKP"}, "", "key type \"OKP\""},
		"a type twice in hardware":    {"k", vault.Template{Type: "EC-HSM-HSM"}, "", "key type"},
		"RSA of 1024 bits":            {"k", vault.Template{Type: "RSA", Size: 1024}, "", "size 1024 of an RSA key, want 2048, 3072 or 4096"},
		"RSA of 8192 bits":            {"k", vault.Template{Type: "RSA", Size: 8192}, "", "can be imported"},
		"RSA on a curve":              {"k", vault.Template{Type: "RSA", Curve: "P-256"}, "", "curve \"P-256\" of a key of type RSA"},
		"EC with a size":              {"k", vault.Template{Type: "EC", Size: 256}, "", "no size"},
		"EC on another curve":         {"k", vault.Template{Type: "EC", Curve: "P-256K"}, "", "want P-256, P-384 or P-521"},
		"oct of 64 bits":              {"k", vault.Template{Type: "oct", Size: 64}, "", "want 128, 192 or 256"},
		"oct of a negative size":      {"k", vault.Template{Type: "oct", Size: -128}, "", "want 128, 192 or 256"},
		"another operation":           {"k", ec(vault.Settings{Operations: []string{"sign", "release"}}), "", "key operation \"release\", want encrypt, decrypt, sign"},
		"an operation twice":          {"k", ec(vault.Settings{Operations: []string{"sign", "sign"}}), "", "sign is there twice"},
		"exportable without policy":   {"k", ec(vault.Settings{Exportable: true}), vault.CodePolicyMissing, "Exportable keys must have release policy."},
		"a policy, not exportable":    {"k", ec(vault.Settings{Policy: policy}), vault.CodePolicyUnwanted, "Non-exportable keys must not have release policy."},
		"immutable without policy":    {"k", ec(vault.Settings{PolicyImmutable: true}), "", "without the policy"},
		"content type without policy": {"k", ec(vault.Settings{PolicyContentType: "application/json"}), "", "without the policy"},
		"a content type of two lines": {"k", ec(vault.Settings{Exportable: true, Policy: policy, PolicyContentType: "a\nb"}), "", "content type of the release policy"},
		"a long content type":         {"k", ec(vault.Settings{Exportable: true, Policy: policy, PolicyContentType: strings.Repeat("a", 129)}), "", "at most 128"},
		"16 tags":                     {"k", ec(vault.Settings{Tags: manyTags(16)}), "", "16 tags, want at most 15"},
		"a tag without name":          {"k", ec(vault.Settings{Tags: map[string]string{"": "v"}}), "", "tag \"\""},
		"a tag with a long name":      {"k", ec(vault.Settings{Tags: map[string]string{strings.Repeat("n", 257): "v"}}), "", "want a name of 1 to 256 bytes"},
		"a tag with a long value":     {"k", ec(vault.Settings{Tags: map[string]string{"n": strings.Repeat("v", 257)}}), "", "tag \"n\""},
		"a tag that is no text":       {"k", ec(vault.Settings{Tags: map[string]string{"n": "\xff"}}), "", "tag \"n\""},
		"expires when it begins":      {"k", ec(vault.Settings{NotBefore: noon, Expires: noon}), "", "not after 2026-11-26T12:00:00Z"},
		"half a second":               {"k", ec(vault.Settings{NotBefore: noon.Add(time.Second / 2)}), "", "not before: 2026-11-26T12:00:00.5Z, want whole seconds"},
		"expires in 1970":             {"k", ec(vault.Settings{Expires: time.Unix(0, 0)}), "", "expires: 1970-01-01T00:00:00Z"},
		"begins in the year 10000":    {"k", ec(vault.Settings{NotBefore: noon.AddDate(9000, 0, 0)}), "", "not before"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := memory.New()
			v, _ := open(t, s, secretA)
			got, err := v.Create(t.Context(), test.key, test.make)
			refused(t, err, test.code, test.want)
			if got != nil || len(recordsOf(t, s)) > 0 {
				t.Error("something was made")
			}
		})
	}
}

func TestCreateTakesTheMostThatItMay(t *testing.T) {
	t.Parallel()
	const head, tail = `{"version":"1.0.0","anyOf":[{"authority":"https://attest.example","allOf":[{"claim":"c","equals":"`, `"}]}]}`
	policy, err := keyrelease.ParsePolicy([]byte(head + strings.Repeat("p", 64<<10-len(head)-len(tail)) + tail))
	if err != nil {
		t.Fatal(err)
	}
	v, _ := open(t, memory.New(), secretA)
	made, err := v.Import(t.Context(), strings.Repeat("n", 127), vault.Import{Type: "oct", Material: make([]byte, 64), Settings: vault.Settings{
		Exportable: true, Policy: policy, PolicyContentType: strings.Repeat("a", 128), Tags: manyTags(15), NotBefore: time.Unix(1, 0),
		Operations: []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "import", "export"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Get(t.Context(), made.Key.Name, made.Key.Version)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, made)
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	later := noon.Add(time.Hour)
	for name, test := range map[string]struct {
		change vault.Update
		want   func(*vault.Version)
	}{
		"nothing":               {vault.Update{}, func(*vault.Version) {}},
		"disabled":              {vault.Update{Enabled: new(false)}, func(v *vault.Version) { v.Key.Attributes.Enabled = false }},
		"exportable, as it is":  {vault.Update{Exportable: new(true)}, func(*vault.Version) {}},
		"other bounds":          {vault.Update{NotBefore: &noon, Expires: &later}, func(v *vault.Version) { v.Key.Attributes.NotBefore, v.Key.Attributes.Expires = noon, later }},
		"no bound":              {vault.Update{Expires: new(time.Time)}, func(v *vault.Version) { v.Key.Attributes.Expires = time.Time{} }},
		"other operations":      {vault.Update{Operations: &[]string{"verify"}}, func(v *vault.Version) { v.Key.Operations = []string{"verify"} }},
		"no operations":         {vault.Update{Operations: &[]string{}}, func(v *vault.Version) { v.Key.Operations = nil }},
		"other tags":            {vault.Update{Tags: &map[string]string{"b": "2"}}, func(v *vault.Version) { v.Tags = map[string]string{"b": "2"} }},
		"no tags":               {vault.Update{Tags: new(map[string]string)}, func(v *vault.Version) { v.Tags = nil }},
		"another policy":        {vault.Update{Policy: policyFor(t, "new")}, func(v *vault.Version) { v.Key.Policy = policyFor(t, "new") }},
		"another content type":  {vault.Update{PolicyContentType: new("text/json")}, func(v *vault.Version) { v.Key.PolicyContentType = "text/json" }},
		"a policy for good":     {vault.Update{Policy: policyFor(t, "new"), PolicyImmutable: new(true)}, func(v *vault.Version) { v.Key.Policy, v.PolicyImmutable = policyFor(t, "new"), true }},
		"mutable, as it is":     {vault.Update{PolicyImmutable: new(false)}, func(*vault.Version) {}},
		"all that clients send": {vault.Update{Enabled: new(true), Exportable: new(true), PolicyImmutable: new(true)}, func(v *vault.Version) { v.PolicyImmutable = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, c := open(t, memory.New(), secretA)
			made := create(t, v, "key", vault.Template{Settings: vault.Settings{
				Exportable: true, Policy: policyFor(t, "old"), Expires: later, Tags: map[string]string{"a": "1"},
			}})
			secret, err := v.ReleaseKey(t.Context(), "key", "")
			if err != nil {
				t.Fatal(err)
			}
			newer := create(t, v, "key", vault.Template{Settings: exportable(t, "other")})
			c.advance(time.Minute)
			got, err := v.Update(t.Context(), "KEY", made.Key.Version, test.change)
			if err != nil {
				t.Fatal(err)
			}
			test.want(made)
			made.Key.Attributes.Updated = noon.Add(time.Minute)
			same(t, got, made)
			if got, err = v.Get(t.Context(), "key", made.Key.Version); err != nil {
				t.Fatal(err)
			}
			same(t, got, made)
			again, err := v.ReleaseKey(t.Context(), "key", made.Key.Version)
			if err != nil || string(again.Material) != string(secret.Material) {
				t.Errorf("another secret, or %v", err)
			}
			current, err := v.Get(t.Context(), "key", "")
			if err != nil {
				t.Fatal(err)
			}
			same(t, current, newer)
		})
	}
}

func TestUpdateRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings   vault.Settings
		change     vault.Update
		code, want string
	}{
		"made exportable":                  {vault.Settings{}, vault.Update{Exportable: new(true)}, vault.CodeExportable, "exportable attribute"},
		"made exportable with a policy":    {vault.Settings{}, vault.Update{Exportable: new(true), Policy: policyFor(t, "p")}, vault.CodeExportable, "exportable attribute"},
		"made not exportable":              {exportable(t, "p"), vault.Update{Exportable: new(false)}, vault.CodeExportable, "exportable attribute"},
		"a policy, not exportable":         {vault.Settings{}, vault.Update{Policy: policyFor(t, "p")}, vault.CodePolicyUnwanted, "Non-exportable"},
		"immutable, not exportable":        {vault.Settings{}, vault.Update{PolicyImmutable: new(true)}, "", "without the policy"},
		"another operation":                {vault.Settings{}, vault.Update{Operations: &[]string{"x"}}, "", "key operation"},
		"too many tags":                    {vault.Settings{}, vault.Update{Tags: new(manyTags(16))}, "", "16 tags"},
		"expires before it begins":         {vault.Settings{Expires: noon}, vault.Update{NotBefore: new(noon.Add(time.Hour))}, "", "not after"},
		"expires in 1970":                  {vault.Settings{}, vault.Update{Expires: new(time.Unix(0, 0))}, "", "whole seconds"},
		"an immutable policy":              {immutable(t, "p"), vault.Update{Policy: policyFor(t, "q")}, vault.CodePolicyImmutable, "Immutable Key Release Policy cannot be modified."},
		"an immutable policy's type":       {immutable(t, "p"), vault.Update{PolicyContentType: new("text/json")}, vault.CodePolicyImmutable, "cannot be modified"},
		"an immutable policy made mutable": {immutable(t, "p"), vault.Update{PolicyImmutable: new(false)}, vault.CodePolicyImmutable, "cannot be modified"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, _ := open(t, memory.New(), secretA)
			made := create(t, v, "key", vault.Template{Settings: test.settings})
			got, err := v.Update(t.Context(), "key", "", test.change)
			refused(t, err, test.code, test.want)
			if got != nil {
				t.Error("changed all the same")
			}
			if got, err = v.Get(t.Context(), "key", ""); err != nil {
				t.Fatal(err)
			}
			same(t, got, made)
		})
	}
}

func immutable(t testing.TB, product string) vault.Settings {
	t.Helper()
	s := exportable(t, product)
	s.PolicyImmutable = true
	return s
}

func TestAnImmutablePolicyGoesOnInNewVersions(t *testing.T) {
	t.Parallel()
	v, _ := open(t, memory.New(), secretA)
	ctx := t.Context()
	create(t, v, "key", vault.Template{Settings: immutable(t, "p")})
	_, err := v.Create(ctx, "KEY", vault.Template{Type: "EC", Settings: exportable(t, "q")})
	refused(t, err, vault.CodePolicyImmutable, "cannot be modified")
	_, err = v.Import(ctx, "key", vault.Import{Type: "oct", Material: make([]byte, 32), Settings: immutable(t, "q")})
	refused(t, err, vault.CodePolicyImmutable, "cannot be modified")
	_, err = v.Create(ctx, "key", vault.Template{Type: "EC"})
	refused(t, err, vault.CodeExportable, "exportable attribute")

	// With the same text, but without the word, it is immutable all the same.
	made := create(t, v, "key", vault.Template{Settings: exportable(t, "p")})
	if !made.PolicyImmutable {
		t.Error("the policy of the next version can be changed")
	}
	rotated, err := v.Rotate(ctx, "key")
	if err != nil || !rotated.PolicyImmutable {
		t.Errorf("rotated: %v, %v", rotated, err)
	}
	_, err = v.Update(ctx, "key", made.Key.Version, vault.Update{Policy: policyFor(t, "q")})
	refused(t, err, vault.CodePolicyImmutable, "cannot be modified")
	// The policy as it is, as clients send it along, is no change.
	if _, err := v.Update(ctx, "key", "", vault.Update{Policy: policyFor(t, "p"), Enabled: new(false)}); err != nil {
		t.Error(err)
	}

	// A policy that is not immutable says nothing of other versions.
	create(t, v, "other", vault.Template{Settings: exportable(t, "p")})
	if made := create(t, v, "other", vault.Template{Settings: exportable(t, "q")}); made.PolicyImmutable {
		t.Error("immutable without having been made so")
	}
	_, err = v.Create(ctx, "other", vault.Template{Type: "EC"})
	refused(t, err, vault.CodeExportable, "exportable attribute")
}

func TestWhatWasGivenOrReturnedMayBeChanged(t *testing.T) {
	t.Parallel()
	v, _ := open(t, memory.New(), secretA)
	tags, operations := map[string]string{"a": "1"}, []string{"sign", "verify"}
	made := create(t, v, "key", vault.Template{Settings: vault.Settings{Tags: tags, Operations: operations}})
	tags["a"], operations[0] = "2", "encrypt"
	got, err := v.Get(t.Context(), "key", "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, made)
	secret := []byte("sixteen bytes or")
	if _, err := v.Import(t.Context(), "oct", vault.Import{Type: "oct", Material: secret}); err != nil || string(secret) != "sixteen bytes or" {
		t.Fatalf("%q, %v; want the caller's bytes as they were", secret, err)
	}
	clear(secret)
	for range 2 {
		key, err := v.ReleaseKey(t.Context(), "oct", "")
		if err != nil || string(key.Material) != "sixteen bytes or" {
			t.Errorf("%q, %v", key.Material, err)
		}
		clear(key.Material)
	}
}
