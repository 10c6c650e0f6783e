package cli

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// vaultKey is a version of a key in what keyrelease keys prints with --json. There is
// nothing secret in it. What the vault does not say is absent.
type vaultKey struct {
	KeyID      string            `json:"keyId"`
	Name       string            `json:"name"`
	Version    string            `json:"version,omitempty"`
	Type       string            `json:"type,omitempty"`
	Size       int               `json:"size,omitempty"`
	Curve      string            `json:"curve,omitempty"`
	Operations []string          `json:"operations,omitempty"`
	Enabled    bool              `json:"enabled"`
	Exportable bool              `json:"exportable"`
	NotBefore  *time.Time        `json:"notBefore,omitempty"`
	Expires    *time.Time        `json:"expires,omitempty"`
	Created    *time.Time        `json:"created,omitempty"`
	Updated    *time.Time        `json:"updated,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	// ReleasePolicy is the text, byte for byte: whoever gets the key compares it so.
	ReleasePolicy   string `json:"releasePolicy,omitempty"`
	PolicyHash      string `json:"policyHash,omitempty"`
	PolicyImmutable bool   `json:"policyImmutable,omitempty"`
	// RecoveryID is where a deleted key can be had back, until it is purged.
	RecoveryID     string     `json:"recoveryId,omitempty"`
	ScheduledPurge *time.Time `json:"scheduledPurge,omitempty"`
}

// shownVaultKey is what the commands about one key print with --json.
type shownVaultKey struct {
	Vault string `json:"vault"`
	vaultKey
}

// listedVaultKeys is what keyrelease keys list and versions print with --json.
type listedVaultKeys struct {
	Vault string     `json:"vault"`
	Keys  []vaultKey `json:"keys"`
}

func newVaultKey(id string, a *wireKeyAttributes, tags map[string]string) vaultKey {
	name, version := nameInKeyID(id)
	isSet := func(b *bool) bool { return b != nil && *b }
	return vaultKey{
		KeyID: id, Name: name, Version: version, Enabled: isSet(a.Enabled), Exportable: isSet(a.Exportable), NotBefore: timeOfSeconds(a.NotBefore), Expires: timeOfSeconds(a.Expires),
		Created: timeOfSeconds(a.Created), Updated: timeOfSeconds(a.Updated), Tags: tags,
	}
}

func newShownVaultKey(vault string, b *wireKeyBundle) *shownVaultKey {
	k := newVaultKey(b.Key.KeyID, &b.Attributes, b.Tags)
	k.Type, k.Operations, k.Size, k.Curve = b.Key.Type, b.Key.Operations, 8*len(b.Key.N), b.Key.Curve
	k.RecoveryID, k.ScheduledPurge = b.RecoveryID, timeOfSeconds(b.ScheduledPurge)
	if p := b.Policy; p != nil {
		sum := sha256.Sum256(p.Data)
		k.ReleasePolicy, k.PolicyHash = string(p.Data), base64.RawURLEncoding.EncodeToString(sum[:])
		k.PolicyImmutable = p.Immutable != nil && *p.Immutable
	}
	return &shownVaultKey{vault, k}
}

// timeOfSeconds is a time on the wire, nil for none.
func timeOfSeconds(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}

// print writes a table, and the policy below.
func (k *shownVaultKey) print(w io.Writer) error {
	t := newTable(w)
	t.row("key", clean(k.KeyID))
	kind := k.Type
	if k.Size > 0 {
		kind = fmt.Sprintf("%s %d", kind, k.Size)
	}
	t.row("type", clean(strings.TrimSpace(kind+" "+k.Curve)))
	t.row("operations", clean(strings.Join(k.Operations, ", ")))
	t.row("enabled", yesOrNo(k.Enabled))
	t.row("exportable", yesOrNo(k.Exportable))
	for _, one := range []struct {
		name string
		at   *time.Time
	}{
		{"not before", k.NotBefore},
		{"expires", k.Expires},
		{"created", k.Created},
		{"updated", k.Updated},
	} {
		if one.at != nil {
			t.row(one.name, stamp(*one.at))
		}
	}
	t.rows("tags", tagsInWords(k.Tags))
	if k.ReleasePolicy != "" {
		how := "may change"
		if k.PolicyImmutable {
			how = "immutable"
		}
		t.row("release policy", how+", hash "+k.PolicyHash)
	}
	if err := t.flush(); err != nil || k.ReleasePolicy == "" {
		return err
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", onlyText(strings.TrimRight(k.ReleasePolicy, "\r\n"))); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func yesOrNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// print writes a line for each. Lists of keys, unlike those of versions, name no
// versions.
func (l *listedVaultKeys) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	hasVersions := slices.ContainsFunc(l.Keys, func(k vaultKey) bool { return k.Version != "" })
	line := func(name, version string, rest ...string) {
		if hasVersions {
			name += "\t" + cmp.Or(version, "-")
		}
		_, _ = fmt.Fprintln(w, strings.Join(append([]string{name}, rest...), "\t"))
	}
	orElse := func(t *time.Time, none string) string {
		if t == nil {
			return none
		}
		return stamp(*t)
	}
	line("NAME", "VERSION", "ENABLED", "EXPORTABLE", "EXPIRES", "UPDATED", "TAGS")
	for i := range l.Keys {
		k := &l.Keys[i]
		line(clean(k.Name), clean(k.Version), yesOrNo(k.Enabled), yesOrNo(k.Exportable), orElse(k.Expires, "never"), orElse(k.Updated, "-"), clean(strings.Join(tagsInWords(k.Tags), " ")))
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func tagsInWords(tags map[string]string) []string {
	var all []string
	for name, value := range tags {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return all
}
