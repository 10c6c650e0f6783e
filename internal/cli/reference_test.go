package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// generatedBelow divides docs/cli.md: what stands after it is written by
// TestReferenceIsUpToDate.
const generatedBelow = "<!-- Generated from here on: go test ./internal/cli -run TestReferenceIsUpToDate -update -->\n"

func referenceFile() string { return filepath.Join("..", "..", "docs", "cli.md") }

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(referenceFile())
	if err != nil {
		t.Fatal(err)
	}
	written, generated, ok := strings.Cut(string(raw), generatedBelow)
	if !ok {
		t.Fatalf("%s: no line %q", referenceFile(), generatedBelow)
	}
	want := reference(newRoot(Standard()))
	if *update {
		if err := os.WriteFile(referenceFile(), []byte(written+generatedBelow+want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, generated); diff != "" {
		t.Errorf("%s is behind the commands (-want +got); run go test ./internal/cli -run TestReferenceIsUpToDate -update\n%s", referenceFile(), diff)
	}
}

// reference is the text on all commands, in the order in which they are listed.
func reference(root *cobra.Command) string {
	var b bytes.Buffer
	walk(root, func(cmd *cobra.Command) {
		fmt.Fprintf(&b, "\n### %s\n\n", cmd.CommandPath())
		text := cmd.Long
		if text == "" {
			text = cmd.Short + "."
		}
		fmt.Fprintf(&b, "%s\n", text)
		if cmd.HasAvailableSubCommands() {
			subcommands(&b, cmd)
		} else {
			fmt.Fprintf(&b, "\n```\n%s\n```\n", cmd.UseLine())
		}
		if cmd.Example != "" {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", unindent(cmd.Example))
		}
		flags(&b, cmd)
	})
	return b.String()
}

// walk visits the commands that users see, but for help and completion, which
// cobra adds.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		if !c.Hidden && c.Name() != "help" && c.Name() != "completion" {
			walk(c, visit)
		}
	}
}

func subcommands(b *bytes.Buffer, cmd *cobra.Command) {
	b.WriteString("\n| command | |\n|---|---|\n")
	for _, c := range cmd.Commands() {
		if !c.Hidden && c.Name() != "help" && c.Name() != "completion" {
			anchor := strings.ReplaceAll(c.CommandPath(), " ", "-")
			fmt.Fprintf(b, "| [%s](#%s) | %s |\n", c.CommandPath(), anchor, c.Short)
		}
	}
}

func flags(b *bytes.Buffer, cmd *cobra.Command) {
	if !cmd.HasLocalFlags() {
		return
	}
	b.WriteString("\n| flag | meaning |\n|---|---|\n")
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name := "`--" + f.Name
		if f.Shorthand != "" {
			name = "`-" + f.Shorthand + "`, " + name
		}
		if kind := f.Value.Type(); kind != "bool" {
			name += " " + kind
		}
		meaning := strings.ReplaceAll(f.Usage, "|", `\|`)
		if f.DefValue != "" && f.DefValue != "0" && f.DefValue != "false" && f.DefValue != "[]" && !strings.Contains(f.Usage, "(default") {
			meaning += " (default `" + f.DefValue + "`)"
		}
		fmt.Fprintf(b, "| %s` | %s |\n", name, meaning)
	})
}

func unindent(example string) string {
	return strings.TrimSpace(strings.ReplaceAll("\n"+example, "\n  ", "\n"))
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	walk(newRoot(Standard()), func(cmd *cobra.Command) {
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || strings.ToUpper(cmd.Short[:1]) != cmd.Short[:1] {
			t.Errorf("%s: short text %q, want a phrase with a capital and without a full stop", cmd.CommandPath(), cmd.Short)
		}
		if cmd.RunE == nil || cmd.Args == nil {
			t.Errorf("%s: takes any arguments or does nothing", cmd.CommandPath())
		}
		if cmd.Example == "" && cmd.Name() != "version" && cmd.HasLocalFlags() {
			t.Errorf("%s: no example", cmd.CommandPath())
		}
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" || strings.HasSuffix(f.Usage, ".") {
				t.Errorf("%s --%s: usage %q, want a phrase without a full stop", cmd.CommandPath(), f.Name, f.Usage)
			}
		})
	})
}

// TestEveryMemberIsDocumented finds each member of what --json prints in
// docs/cli.md.
func TestEveryMemberIsDocumented(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(referenceFile())
	if err != nil {
		t.Fatal(err)
	}
	written, _, _ := strings.Cut(string(raw), generatedBelow)
	for _, v := range []any{
		verifiedQuote{},
		notGenuine{},
		shownQuote{},
		unreadable{},
		shownLog{},
		shownAttest{},
		enrolledAIK{},
		keptSet{},
		shownArchive{},
		shownToken{},
		refusedToken{},
		verifiedToken{},
		shownPolicy{},
		changedPolicy{},
		hashedPolicy{},
		checkedPolicies{},
		formattedPolicies{},
		evaluatedPolicy{},
		explainedPolicy{},
		testedPolicies{},
		policyDifference{},
		fileHash{},
		checkedConfig{},
		shownDefault{},
		listedCertificates{},
		changedCertificate{},
		listedSigners{},
		verifiedSigners{},
		simulated{},
		mintedToken{},
		shownInstance{},
		listedInstances{},
		deletedInstance{},
		shownHistory{},
		listedKeys{},
		rewrappedKeys{},
		discardedKey{},
		shownBackup{},
		shownFault{},
		attestation{},
		demoResult{},
		ready{},
		failure{},
		verifiedTrail{},
		releasedKey{},
		checkedReleasePolicies{},
		explainedRelease{},
		shownVaultKey{},
		listedVaultKeys{},
	} {
		members(reflect.TypeOf(v), map[reflect.Type]bool{}, func(name string) {
			if !strings.Contains(written, "`"+name+"`") {
				t.Errorf("member %q of %T does not stand in %s", name, v, referenceFile())
			}
		})
	}
}

// members visits the names of the JSON members of a type, those of the types
// within it too, once for each type.
func members(t reflect.Type, seen map[reflect.Type]bool, visit func(string)) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() != "" && t.PkgPath() != reflect.TypeFor[reason]().PkgPath() || seen[t] {
		return
	}
	seen[t] = true
	for f := range t.Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			visit(name)
		}
		members(f.Type, seen, visit)
	}
}
