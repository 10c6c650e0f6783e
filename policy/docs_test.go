package policy

import (
	"errors"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// update rewrites what the guide shows as text: read the difference before
// committing it.
var update = flag.Bool("update", false, "rewrite the outcomes in docs/policy.md")

const guidePath = "../docs/policy.md"

// block is a fenced block of a document.
type block struct {
	kind string // what stands behind the fence
	text string
	line int // of the fence, from 1
}

func readBlocks(t *testing.T, path string) []block {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	open := false
	for i, line := range strings.Split(string(raw), "\n") {
		switch {
		case strings.HasPrefix(line, "```") && open:
			open = false
		case strings.HasPrefix(line, "```"):
			open = true
			blocks = append(blocks, block{kind: strings.TrimPrefix(line, "```"), line: i + 1})
		case open:
			blocks[len(blocks)-1].text += line + "\n"
		}
	}
	return blocks
}

// guide is where the guide has got to: a policy, and claims for it.
type guide struct {
	text             string
	program          *Program
	err              error // why there is no program
	incoming, custom *claims.Set

	policies, outcomes, mistakes int
	// unshown is the line of a policy of which nothing is shown yet.
	unshown int
}

// TestGuide runs the examples of the guide. A policy is followed by claims and
// by what they lead to, as often as the guide likes, or by its faults. One that
// names a kind of evidence behind maa has none for it.
func TestGuide(t *testing.T) {
	t.Parallel()
	g := new(guide)
	var differ []block
	for _, b := range readBlocks(t, guidePath) {
		attestationType, isPolicy := strings.CutPrefix(b.kind, "maa")
		switch {
		case b.kind == "", b.kind == "ebnf", b.kind == "sh", b.kind == "yaml":
		case isPolicy:
			if g.unshown != 0 {
				t.Errorf("line %d: the guide does not show what the policy does", g.unshown)
			}
			g.policies++
			g.unshown = b.line
			g.text = b.text
			g.program, g.err = Compile(b.text)
			g.incoming, g.custom = nil, nil
			if attestationType != "" {
				g.withoutFaults(t, b.line, strings.TrimSpace(attestationType))
			}
		case b.kind == "json claims":
			g.incoming, g.custom = g.claims(t, b), nil
		case b.kind == "json custom":
			g.custom = g.claims(t, b)
		default:
			g.outcomes++
			g.unshown = 0
			if got, want := g.shown(t, b); got != want {
				if *update && strings.HasPrefix(b.kind, "text ") {
					differ = append(differ, block{text: got, line: b.line})
					continue
				}
				t.Errorf("line %d: %s (-guide +real):\n%s", b.line, b.kind, cmp.Diff(want, got))
			}
		}
	}
	if g.policies < 45 || g.outcomes < g.policies || g.mistakes < 20 {
		t.Errorf("%d policies, %d outcomes, %d mistakes: every policy of the guide shows what it does", g.policies, g.outcomes, g.mistakes)
	}
	rewrite(t, differ)
}

func (g *guide) claims(t *testing.T, b block) *claims.Set {
	t.Helper()
	if g.program == nil {
		t.Fatalf("line %d: claims for a policy that is none: %v", b.line, g.err)
	}
	stated := new(claims.Set)
	if err := stated.UnmarshalJSON([]byte(b.text)); err != nil {
		t.Fatalf("line %d: %v", b.line, err)
	}
	return stated
}

// withoutFaults checks that nothing is to be said against the policy.
func (g *guide) withoutFaults(t *testing.T, line int, attestationType string) {
	t.Helper()
	if found := Check(g.text, CheckOptions{Type: attestationType}); len(found) > 0 {
		t.Errorf("line %d: as a policy for %s it has faults:\n%s", line, attestationType, syntax.Render("policy.maa", g.text, found))
	}
}

// shown returns what a block should show, and what it shows, both in one form.
func (g *guide) shown(t *testing.T, b block) (got, want string) {
	t.Helper()
	if attestationType, ok := strings.CutPrefix(b.kind, "text check"); ok {
		g.mistakes++
		return g.faults(t, strings.TrimSpace(attestationType)), b.text
	}
	if g.program == nil || g.incoming == nil {
		t.Fatalf("line %d: no policy (%v) or no claims before it", b.line, g.err)
	}
	if b.kind == "text explain" {
		return g.program.ExplainWith(g.incoming, g.custom).String(), b.text
	}
	want = b.text
	if strings.HasPrefix(b.kind, "json ") {
		want = structured(t, b.text).String()
	}
	return g.outcome(t, b.kind), want
}

// faults are those of the policy, as the command shows them.
func (g *guide) faults(t *testing.T, attestationType string) string {
	t.Helper()
	found := Check(g.text, CheckOptions{Type: attestationType})
	var bad *SyntaxError
	if refused := slices.ContainsFunc(found, func(d syntax.Diagnostic) bool { return d.Severity == syntax.SeverityError }); refused != errors.As(g.err, &bad) {
		t.Errorf("Check and Compile disagree: %v, %v", found, g.err)
	}
	return syntax.Render("policy.maa", g.text, found)
}

// outcome returns what the policy says of the claims, in the form of a block of
// that kind.
func (g *guide) outcome(t *testing.T, kind string) string {
	t.Helper()
	decision, err := g.program.DecideWith(g.incoming, g.custom)
	if got := outcome(t, err); got == "permit" && kind != "json issued" && kind != "json properties" ||
		got == "evaluation" && kind != "text error" ||
		(got == "denied" || got == "no-permit") && kind != "text denied" {
		return got
	}
	switch {
	case err != nil:
		return err.Error() + "\n"
	case kind == "json properties":
		return string(decision.Properties.AppendJSON(nil))
	}
	return string(decision.Issued.AppendJSON(nil))
}

// rewrite puts new texts into the guide, from its end on, so that the lines of
// those before stay.
func rewrite(t *testing.T, blocks []block) {
	t.Helper()
	if len(blocks) == 0 {
		return
	}
	raw, err := os.ReadFile(guidePath)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(raw), "\n")
	for _, b := range slices.Backward(blocks) {
		end := b.line + slices.Index(lines[b.line:], "```\n")
		lines = slices.Replace(lines, b.line, end, b.text)
	}
	if err := os.WriteFile(guidePath, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGuideIsComplete checks that the guide names every type of claim that
// evidence has, every function, every property, and the default policies by
// their hash.
func TestGuideIsComplete(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(guidePath)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, group := range evidenceTypes {
		for _, c := range group.claims {
			// Tables say once what all of their types begin with.
			name := c.name
			for _, prefix := range []string{"x-ms-sevsnpvm-", "x-ms-azurevm-", "tdx_"} {
				name = strings.TrimPrefix(name, prefix)
			}
			names = append(names, name)
		}
	}
	// "`rtmr0` to `rtmr3`" stands for those between.
	names = slices.DeleteFunc(names, func(name string) bool { return name == "rtmr1" || name == "rtmr2" })
	names = append(names, propertyNames()...)
	for _, name := range names {
		if !strings.Contains(string(raw), "`"+name+"`") {
			t.Errorf("the guide does not name %s", name)
		}
	}
	for _, name := range functionNames() {
		if !strings.Contains(string(raw), "`"+name) {
			t.Errorf("the guide does not name the function %s", name)
		}
	}
	for _, attestationType := range AttestationTypes() {
		text, ok := Default(attestationType)
		if ok && !strings.Contains(string(raw), "`"+Hash(text)+"`") {
			t.Errorf("the guide lacks the hash of the default of %s, %s", attestationType, Hash(text))
		}
	}
}
