package readme_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/internal/vaultserver"
	"github.com/azattest/azattest/keyrelease"
)

const keyReleaseGuide = "docs/secure-key-release.md"

// TestCodeOfSecureKeyReleaseMD holds the Go code of the guide against the examples
// that a test compiles and runs.
func TestCodeOfSecureKeyReleaseMD(t *testing.T) {
	t.Parallel()
	var examples strings.Builder
	for _, name := range []string{"keyrelease/handler_example_test.go", "examples/secure-key-release/enclave/main.go"} {
		examples.WriteString(unindented(string(readFile(t, filepath.FromSlash(name)))))
	}
	blocks := goBlocks(t, keyReleaseGuide)
	for _, block := range blocks {
		if !strings.Contains(examples.String(), unindented(block)) {
			t.Errorf("no example has this block:\n%s", block)
		}
	}
	if len(blocks) < 2 {
		t.Errorf("%d blocks, want 2 or more: are they still found?", len(blocks))
	}
}

func unindented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, "\t"))
	}
	return b.String()
}

var jsonBlocks = regexp.MustCompile("(?s)\n```json\n(.*?)\n```\n")

// TestPoliciesOfSecureKeyReleaseMD reads the release policies that people copy.
func TestPoliciesOfSecureKeyReleaseMD(t *testing.T) {
	t.Parallel()
	count := 0
	for _, name := range []string{keyReleaseGuide, "examples/secure-key-release/README.md"} {
		for _, block := range jsonBlocks.FindAllStringSubmatch(string(readFile(t, filepath.FromSlash(name))), -1) {
			count++
			if _, err := keyrelease.ParsePolicy([]byte(block[1])); err != nil {
				t.Errorf("%s: %v\n%s", name, err, block[1])
			}
		}
	}
	if count != 2 {
		t.Errorf("%d policies, want 2: are they still found?", count)
	}
}

// TestSecureKeyReleaseMDNamesAll looks for what there is in the tables of the guide.
func TestSecureKeyReleaseMDNamesAll(t *testing.T) {
	t.Parallel()
	text := string(readFile(t, filepath.FromSlash(keyReleaseGuide)))
	var names []string
	for _, a := range keyrelease.WrapAlgorithms() {
		names = append(names, string(a))
	}
	for _, o := range vaultserver.Operations() {
		names = append(names, string(o))
	}
	for _, o := range []keyrelease.Operator{
		keyrelease.OperatorEquals, keyrelease.OperatorNotEquals, keyrelease.OperatorLess, keyrelease.OperatorLessOrEquals,
		keyrelease.OperatorGreater, keyrelease.OperatorGreaterOrEquals, keyrelease.OperatorExists,
	} {
		names = append(names, string(o))
	}
	names = append(names, vault.CodeExportable, vault.CodePolicyMissing, vault.CodePolicyUnwanted, vault.CodePolicyImmutable)
	names = append(names, vaultserver.Codes()...)
	for _, code := range refusalCodes(t) {
		names = append(names, code)
		if !slices.Contains(vaultserver.Codes(), code) {
			t.Errorf("vaultserver.Codes lacks %s, and the numbers would call it other", code)
		}
	}
	for _, name := range names {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("%s does not name `%s`", keyReleaseGuide, name)
		}
	}
}

var (
	codeConstants = regexp.MustCompile(`(?m)^\tcode\w+ += "(\w+)"`)
	statusCodes   = regexp.MustCompile(`(?:refusal\(http\.Status\w+, |InnerCode: |Code: |forbidden\()"(\w+)"`)
)

// refusalCodes are those of answers, out of the code that makes them.
func refusalCodes(t *testing.T) []string {
	t.Helper()
	var codes []string
	for _, name := range []string{"keyrelease/refusal.go", "keyrelease/releaser.go", "keyrelease/handler.go", "internal/vaultserver/errors.go", "internal/vaultserver/serve.go", "internal/vaultserver/body.go"} {
		source := string(readFile(t, filepath.FromSlash(name)))
		for _, pattern := range []*regexp.Regexp{codeConstants, statusCodes} {
			for _, match := range pattern.FindAllStringSubmatch(source, -1) {
				codes = append(codes, match[1])
			}
		}
	}
	if len(codes) < 20 {
		t.Errorf("%d codes, want 20 or more: are they still found?", len(codes))
	}
	return codes
}
