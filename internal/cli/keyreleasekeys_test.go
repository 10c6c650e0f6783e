package cli

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// releaseText is a release policy that somebody may meet.
const releaseText = `{"version":"1.0.0","anyOf":[{"authority":"` + noAuthority + `","allOf":[{"claim":"x-ms-attestation-type","equals":"sgx"}]}]}` + "\n"

// A key lives from its making to its end, and every command shows what the vault has.
func TestKeyOfficerLooksAfterAKey(t *testing.T) {
	t.Parallel()
	v := startDevKeyRelease(t, t.TempDir())
	policy := inFile(t, "release.json", releaseText)

	made := wantDone[shownVaultKey](t, v.keys("create", "disk", "--type", "oct-HSM", "--size", "128", "--policy", policy, "--ops", "wrapKey,unwrapKey",
		"--expires", "2030-01-01", "--not-before", "2020-01-01T12:00:00Z", "--tag", "team=payroll", "--tag", "x=a=b", "--disabled", "--json"))
	if made.Vault != v.Endpoint || made.KeyID != v.Endpoint+"/keys/disk/"+made.Version || made.Name != "disk" || made.Type != "oct-HSM" || made.Enabled || !made.Exportable ||
		made.ReleasePolicy != releaseText || made.PolicyImmutable || made.Tags["team"] != "payroll" || made.Tags["x"] != "a=b" || fmt.Sprint(made.Operations) != "[wrapKey unwrapKey]" ||
		!made.Created.Equal(testTime.Truncate(time.Second)) || stamp(*made.Expires) != "2030-01-01T00:00:00Z" || stamp(*made.NotBefore) != "2020-01-01T12:00:00Z" {
		t.Errorf("%+v", made)
	}
	rotated := wantDone[shownVaultKey](t, v.keys("rotate", "disk", "--json"))
	if rotated.Version == made.Version || rotated.ReleasePolicy != releaseText || rotated.Type != "oct-HSM" {
		t.Errorf("%+v", rotated)
	}
	other := strings.ReplaceAll(releaseText, "sgx", "tdxvm")
	updated := wantDone[shownVaultKey](t, v.keys("update", "disk", "--version", made.Version, "--enable", "--policy", inFile(t, "other.json", other), "--immutable-policy", "--no-tags", "--json"))
	if updated.Version != made.Version || !updated.Enabled || updated.ReleasePolicy != other || !updated.PolicyImmutable || len(updated.Tags) != 0 || updated.PolicyHash == made.PolicyHash {
		t.Errorf("%+v", updated)
	}
	shown := wantDone[shownVaultKey](t, v.keys("show", "disk", "--json"))
	if shown.Version != rotated.Version || shown.ReleasePolicy != releaseText || shown.Enabled {
		t.Errorf("%+v, want the current version as it was", shown)
	}
	if got := v.keys("show", "disk", "--version", made.Version); got.code != exitDone || !strings.Contains(got.stdout, "immutable, hash "+updated.PolicyHash) || !strings.HasSuffix(got.stdout, "\n\n"+other) {
		t.Errorf("%+v", got)
	}
	versions := wantDone[listedVaultKeys](t, v.keys("versions", "disk", "--json"))
	if len(versions.Keys) != 2 || versions.Keys[0].Version != made.Version || versions.Keys[1].Version != rotated.Version {
		t.Errorf("%+v", versions)
	}
	if got := v.keys("versions", "disk"); got.code != exitDone || !strings.Contains(got.stdout, made.Version) || !strings.HasPrefix(got.stdout, "NAME  VERSION ") {
		t.Errorf("%+v", got)
	}
	again := wantDone[shownVaultKey](t, v.keys("create", "disk", "--new-version", "--type", "EC", "--curve", "P-384", "--policy", policy, "--json"))
	if again.Curve != "P-384" || again.Size != 0 || !again.Enabled {
		t.Errorf("%+v", again)
	}

	wantFault(t, v.keys("delete", "disk"), exitUsage, "--yes is missing")
	deleted := wantDone[shownVaultKey](t, v.keys("delete", "disk", "--yes", "--json"))
	if deleted.Version != again.Version {
		t.Errorf("%+v", deleted)
	}
	wantFault(t, v.keys("show", "disk"), exitFailed, "status 404, KeyNotFound", "hint: 'azattest keyrelease keys list'")
	if got := v.keys("list", "--json"); !strings.Contains(got.stdout, `"keys": []`) {
		t.Errorf("%+v", got)
	}
}

// A list goes on past its first page.
func TestKeysAreListedToTheEnd(t *testing.T) {
	t.Parallel()
	v := startDevKeyRelease(t, t.TempDir())
	const many = 53 // two full pages and some
	for i := range many {
		if got := v.keys("create", fmt.Sprintf("key-%02d", i), "--new-version", "--type", "oct", "--not-exportable"); got.code != exitDone {
			t.Fatalf("%+v", got)
		}
	}
	listed := wantDone[listedVaultKeys](t, v.keys("list", "--json"))
	if len(listed.Keys) != many || listed.Keys[many-1].Name != fmt.Sprintf("key-%02d", many-1) || listed.Keys[0].Exportable {
		t.Errorf("%d keys, want %d: %+v", len(listed.Keys), many, listed.Keys)
	}
	if got := v.keys("list"); strings.Count(got.stdout, "\n") != many+1 || strings.Contains(got.stdout, "VERSION") || strings.Count(got.stdout, "  never  ") != many {
		t.Errorf("%+v", got)
	}
}

func TestKeysRefuseWhatCannotBe(t *testing.T) {
	t.Parallel()
	v := startDevKeyRelease(t, t.TempDir())
	policy := inFile(t, "release.json", releaseText)
	other := inFile(t, "other.json", strings.ReplaceAll(releaseText, "sgx", "tdxvm"))
	broken := inFile(t, "broken.json", "{\n  \"version\": \"1.0.0\",\n  \"noneOf\": []\n}\n")
	if got := v.keys("create", "fixed", "--type", "EC", "--policy", policy, "--immutable-policy"); got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"no type":               {[]string{"create", "a", "--policy", policy}, exitUsage, []string{"--type is missing"}},
		"unknown type":          {[]string{"create", "a", "--type", "DSA", "--policy", policy}, exitUsage, []string{`--type "DSA"`}},
		"size of a curve":       {[]string{"create", "a", "--type", "EC", "--size", "256", "--policy", policy}, exitUsage, []string{"--size is for"}},
		"curve of RSA":          {[]string{"create", "a", "--type", "RSA", "--curve", "P-256", "--policy", policy}, exitUsage, []string{"--curve is for"}},
		"no policy":             {[]string{"create", "a", "--type", "RSA"}, exitUsage, []string{"--policy is missing"}},
		"policy for nothing":    {[]string{"create", "a", "--type", "RSA", "--policy", policy, "--not-exportable"}, exitUsage, []string{"exclude each other"}},
		"immutable nothing":     {[]string{"update", "a", "--immutable-policy"}, exitUsage, []string{"--immutable-policy goes with --policy"}},
		"ends before it begins": {[]string{"update", "a", "--not-before", "2026-02-01", "--expires", "2026-01-01"}, exitUsage, []string{"--expires is not after"}},
		"fraction of a second":  {[]string{"update", "a", "--expires", "2026-01-01T00:00:00.5Z"}, exitUsage, []string{"--expires 2026-01-01T00:00:00.5Z: want whole seconds"}},
		"no change":             {[]string{"update", "a"}, exitUsage, []string{"nothing to change"}},
		"both ways":             {[]string{"update", "a", "--enable", "--disable"}, exitUsage, []string{"exclude each other"}},
		"tags and none":         {[]string{"update", "a", "--tag", "a=b", "--no-tags"}, exitUsage, []string{"--tag and --no-tags"}},
		"tag without a value":   {[]string{"update", "a", "--tag", "a"}, exitUsage, []string{"want NAME=VALUE"}},
		"tag twice":             {[]string{"update", "a", "--tag", "a=b", "--tag", "a=c"}, exitUsage, []string{"stands twice"}},
		"name that leads away":  {[]string{"show", "../secrets"}, exitUsage, []string{`NAME: `, "letters, digits and hyphens"}},
		"version that does":     {[]string{"show", "a", "--version", "../x"}, exitUsage, []string{"--version: "}},
		"size":                  {[]string{"create", "a", "--type", "RSA", "--size", "1024", "--policy", policy}, exitRefused, []string{"the vault refused with status 400", "size 1024"}},
		"operation":             {[]string{"create", "a", "--type", "EC", "--ops", "dance", "--policy", policy}, exitRefused, []string{"dance"}},
		"taken":                 {[]string{"create", "fixed", "--type", "EC", "--policy", policy}, exitFailed, []string{"has a key fixed already", "--new-version"}},
		"immutable policy":      {[]string{"update", "fixed", "--policy", other}, exitRefused, []string{"AKV.SKR.1020", "hint: an immutable release policy stays"}},
		"immutable, followed":   {[]string{"create", "fixed", "--new-version", "--type", "EC", "--policy", other}, exitRefused, []string{"AKV.SKR.1020"}},
		"exportable":            {[]string{"create", "fixed", "--new-version", "--type", "EC", "--not-exportable"}, exitRefused, []string{"AKV.SKR.1003"}},
		"missing":               {[]string{"rotate", "nobody"}, exitFailed, []string{"KeyNotFound"}},
		"missing to delete":     {[]string{"delete", "nobody", "--yes"}, exitFailed, []string{"KeyNotFound"}},
		"missing file":          {[]string{"create", "a", "--type", "EC", "--policy", policy + "x"}, exitFailed, []string{"no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, v.keys(test.args...), test.code, test.want...)
		})
	}
	// Faults of a policy come with their places, and nothing is sent.
	got := v.keys("create", "a", "--type", "EC", "--policy", broken)
	if got.code != exitFailed || !strings.Contains(got.stderr, broken+":3:3: error: ") || !strings.Contains(got.stderr, "azattest: release policy "+broken+" cannot be used: it has ") {
		t.Errorf("%+v", got)
	}
	if got := v.keys("show", "a"); !strings.Contains(got.stderr, "KeyNotFound") {
		t.Errorf("%+v", got)
	}
}

// Who may not is told so, and by what it could.
func TestKeysNeedARole(t *testing.T) {
	t.Parallel()
	v := startDevKeyRelease(t, t.TempDir())
	policy := inFile(t, "release.json", releaseText)
	reader, user := v.devToken("key-reader"), v.devToken("release-user")
	create := []string{"create", "a", "--type", "oct", "--policy", policy}
	wantFault(t, v.as(reader, create...), exitFailed, "status 403, Forbidden (ForbiddenByRbac)", "keys/create/action", "hint: the caller needs a role such as Key Vault Crypto Officer")
	wantFault(t, v.as(user, create...), exitFailed, "status 403", "keys/read")
	wantFault(t, v.as(user, "list"), exitFailed, "status 403")
	if got := v.as(reader, "list"); got.code != exitDone {
		t.Errorf("%+v", got)
	}
	wantFault(t, v.as("garbage", "list"), exitFailed, "status 401, Unauthorized", bearerVariable)
	wantFault(t, v.as("", "list"), exitFailed, "AZATTEST_BEARER is empty")
	wantFault(t, runWith(t, nil, "keyrelease", "keys", "list"), exitUsage, "--vault is missing", vaultVariable)
	wantFault(t, runWith(t, nil, "keyrelease", "keys", "list", "--vault", "http://vault.example"), exitUsage, "--vault: ", "want https")
	wantFault(t, runWith(t, nil, "keyrelease", "keys", "list", "--vault", v.Endpoint), exitUsage, "--scope: missing")
	wantFault(t, runWith(t, nil, "keyrelease", "keys", "list", "--vault", v.Endpoint, "--no-credential"), exitFailed, "hint: name the CA of the vault with --ca-file")
	failed := runWith(t, map[string]string{bearerVariable: reader}, append([]string{"keyrelease", "keys"}, append(create, "--vault", v.Endpoint, "--ca-file", v.CAFile, "--credential", "bearer", "--json")...)...)
	if failed.code != exitFailed || !strings.Contains(failed.stdout, `"innerCode": "ForbiddenByRbac"`) || !strings.Contains(failed.stdout, `"status": 403`) {
		t.Errorf("%+v", failed)
	}
	if strings.Contains(v.log.String(), v.officer) || strings.Contains(v.log.String(), reader) {
		t.Error("a bearer stands in the log")
	}
}
