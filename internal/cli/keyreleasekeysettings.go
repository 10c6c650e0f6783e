package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/keyrelease"
)

// keyOperations are those of Key Vault.
var keyOperations = []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "import", "export"}

// keySettingsFlags are what is said of a version of a key beside its secret.
type keySettingsFlags struct {
	policy             string
	isImmutable        bool
	operations         []string
	notBefore, expires timeFlag
	tags               tagsFlag
}

func (f *keySettingsFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "file with the release policy, which says who may have the key; - is standard input")
	flags.BoolVar(&f.isImmutable, "immutable-policy", false, "let nobody change the release policy any more, not even its owner; it cannot be undone")
	flags.StringSliceVar(&f.operations, "ops", nil, "what the key is for, separated by commas: "+strings.Join(keyOperations, ", ")+" (default: what the vault has for its type)")
	flags.Var(&f.notBefore, "not-before", "when the key begins to be released (default: at once)")
	flags.Var(&f.expires, "expires", "when the key ends to be released (default: never)")
	flags.Var(&f.tags, "tag", "tag NAME=VALUE; may stand several times")
	mustComplete(cmd, "ops", keyOperations...)
	mustTakeText(cmd, "not-before", "expires", "tag")
}

func (f *keySettingsFlags) check(cmd *cobra.Command) error {
	command := cmd.CommandPath()
	for name, t := range map[string]timeFlag{"not-before": f.notBefore, "expires": f.expires} {
		if t.Nanosecond() != 0 || !t.IsZero() && t.Unix() <= 0 {
			return usage(command, "--%s %s: want whole seconds after 1970", name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	switch {
	case !f.expires.IsZero() && !f.expires.After(f.notBefore.Time):
		return usage(command, "--expires is not after --not-before")
	case f.isImmutable && f.policy == "":
		return usage(command, "--immutable-policy goes with --policy: what stays for good is said once more")
	}
	return nil
}

// request is what the flags say, for the vault. The policy is read before anything is
// sent, and its faults are told with their places.
func (f *keySettingsFlags) request(s Streams) (*wireKeyRequest, error) {
	r := &wireKeyRequest{Operations: f.operations, Attributes: new(wireKeyAttributes)}
	if len(f.tags) > 0 {
		tags := map[string]string(f.tags)
		r.Tags = &tags
	}
	if !f.notBefore.IsZero() {
		r.Attributes.NotBefore = f.notBefore.Unix()
	}
	if !f.expires.IsZero() {
		r.Attributes.Expires = f.expires.Unix()
	}
	if f.policy == "" {
		return r, nil
	}
	p, err := loadReleasePolicy(s, f.policy)
	if err != nil {
		return nil, err
	}
	r.Policy = &wireReleasePolicy{ContentType: keyrelease.DefaultPolicyContentType, Data: p.Text()}
	if f.isImmutable {
		r.Policy.Immutable = &f.isImmutable
	}
	return r, nil
}

// newKeyFlags are those of commands that bring a new version into a vault.
type newKeyFlags struct {
	keySettingsFlags
	isDisabled, isNotExportable, isNewVersion bool
}

func (f *newKeyFlags) add(cmd *cobra.Command) {
	f.keySettingsFlags.add(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.isDisabled, "disabled", false, "keep the key from being released until 'keys update --enable'")
	flags.BoolVar(&f.isNotExportable, "not-exportable", false, "make a key that can never be released, and has no release policy")
	flags.BoolVar(&f.isNewVersion, "new-version", false, "make another version of a key that there is, which becomes the current one; without it the name must be free")
}

func (f *newKeyFlags) check(cmd *cobra.Command) error {
	switch command := cmd.CommandPath(); {
	case f.policy == "" && !f.isNotExportable:
		return usage(command, "--policy is missing: the release policy, which says who may have the key; or --not-exportable")
	case f.policy != "" && f.isNotExportable:
		return usage(command, "--policy and --not-exportable exclude each other: what is never released needs no policy")
	}
	return f.keySettingsFlags.check(cmd)
}

func (f *newKeyFlags) request(s Streams) (*wireKeyRequest, error) {
	r, err := f.keySettingsFlags.request(s)
	if err != nil {
		return nil, err
	}
	isEnabled, isExportable := !f.isDisabled, !f.isNotExportable
	r.Attributes.Enabled, r.Attributes.Exportable = &isEnabled, &isExportable
	return r, nil
}

// tagsFlag is --tag NAME=VALUE.
type tagsFlag map[string]string

// String returns nothing: no tags are the default.
func (f *tagsFlag) String() string { return "" }

// Set takes one tag.
func (f *tagsFlag) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("want NAME=VALUE")
	}
	if _, isTwice := (*f)[name]; isTwice {
		return fmt.Errorf("tag %s stands twice", name)
	}
	if *f == nil {
		*f = tagsFlag{}
	}
	(*f)[name] = value
	return nil
}

// Type names the value in the help.
func (f *tagsFlag) Type() string { return "tag" }
