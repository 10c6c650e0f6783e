package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/policy/syntax"
)

// policyFile is the text of a policy that lies on this machine.
type policyFile struct{ name, text string }

// readPolicyFile reads a policy, whatever it says.
func readPolicyFile(s Streams, name string) (*policyFile, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if name == "-" {
		name = "<stdin>"
	}
	return &policyFile{name: name, text: string(raw)}, nil
}

// readPolicyFiles reads all policies, or none: what is said of some of them must
// not look like a word on all.
func readPolicyFiles(s Streams, names []string) ([]*policyFile, error) {
	files := make([]*policyFile, 0, len(names))
	for _, name := range names {
		f, err := readPolicyFile(s, name)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// compile makes a program of the policy. Its faults go to stderr: whoever wants
// to run a policy gets no answer, and that is no refusal.
func (f *policyFile) compile(s Streams) (*policy.Program, error) {
	p, err := policy.Compile(f.text)
	if faulty, ok := errors.AsType[*policy.SyntaxError](err); ok {
		if _, err := fmt.Fprint(s.Err, syntax.Render(f.name, f.text, faulty.Diagnostics)); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("policy %s cannot be run: it has %s", f.name, counted(len(faulty.Diagnostics), "fault"))
	}
	return p, err
}

// warn writes to stderr what is doubtful about the policy for a kind of
// attestation.
func (f *policyFile) warn(s Streams, kind string) error {
	if kind == "" {
		return nil
	}
	doubts := policy.Check(f.text, policy.CheckOptions{Type: kind})
	_, err := fmt.Fprint(s.Err, syntax.Render(f.name, f.text, doubts))
	return err
}

// at names a place in the policy as editors do: lines and columns from 1.
func (f *policyFile) at(r *policy.RuleName) string {
	return fmt.Sprintf("%s:%d:%d", clean(f.name), r.Line, r.Column+1)
}

// addPolicyType adds --type to a command that works without a service.
func addPolicyType(cmd *cobra.Command, meaning string) *string {
	kind := cmd.Flags().String("type", "", meaning+": "+strings.Join(policy.AttestationTypes(), ", "))
	mustComplete(cmd, "type", policy.AttestationTypes()...)
	return kind
}

// policyTypeOf finds a kind of attestation, in whatever case it was typed; none
// stays none.
func policyTypeOf(cmd *cobra.Command, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	known, ok := knownPolicyType(name)
	if !ok {
		return "", usage(cmd.CommandPath(), "attestation type %q: want one of %s", name, strings.Join(policy.AttestationTypes(), ", "))
	}
	return known, nil
}

func knownPolicyType(name string) (string, bool) {
	types := policy.AttestationTypes()
	i := slices.IndexFunc(types, func(t string) bool { return strings.EqualFold(t, name) })
	if i < 0 {
		return "", false
	}
	return types[i], true
}

// oneLine is the beginning of a text of a policy on one line that only shows.
func oneLine(text string) string {
	return onlyText(cutOff(strings.Join(strings.Fields(text), " "), 120))
}

// onlyText replaces what would do more to a terminal than show.
func onlyText(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
