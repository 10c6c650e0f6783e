package policy

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/claims"
)

// block is a fenced block of a document.
type block struct {
	kind string // what stands behind the fence
	text string
	line int
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
	program  *Program
	err      error // why there is no program
	incoming *claims.Set

	policies, outcomes int
}

// TestGuide runs the examples of the guide. A policy is followed by claims and
// by what they lead to, as often as the guide likes, or by its faults.
func TestGuide(t *testing.T) {
	t.Parallel()
	g := new(guide)
	for _, b := range readBlocks(t, "../docs/policy-language.md") {
		switch b.kind {
		case "":
		case "maa":
			g.policies++
			g.program, g.err = Compile(b.text)
			g.incoming = nil
		case "json claims":
			g.incoming = new(claims.Set)
			if err := g.incoming.UnmarshalJSON([]byte(b.text)); err != nil {
				t.Fatalf("line %d: %v", b.line, err)
			}
		case "text faults":
			g.outcomes++
			if diff := cmp.Diff(b.text, g.faults(t)); diff != "" {
				t.Errorf("line %d (-guide +real):\n%s", b.line, diff)
			}
		default:
			g.outcomes++
			if g.program == nil || g.incoming == nil {
				t.Fatalf("line %d: no policy (%v) or no claims before it", b.line, g.err)
			}
			got := g.outcome(t, b.kind)
			want := b.text
			if strings.HasPrefix(b.kind, "json ") {
				want = structured(t, b.text).String()
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("line %d: %s (-guide +real):\n%s", b.line, b.kind, diff)
			}
		}
	}
	if g.policies < 10 || g.outcomes < g.policies {
		t.Errorf("%d policies, %d outcomes: every policy of the guide shows what it does", g.policies, g.outcomes)
	}
}

// faults returns those of the policy, a line for each.
func (g *guide) faults(t *testing.T) string {
	t.Helper()
	var bad *SyntaxError
	if !errors.As(g.err, &bad) {
		return "none"
	}
	var lines strings.Builder
	for _, d := range bad.Diagnostics {
		lines.WriteString(d.String() + "\n")
	}
	return lines.String()
}

// outcome returns what the policy says of the claims, in the form of a block of
// that kind.
func (g *guide) outcome(t *testing.T, kind string) string {
	t.Helper()
	if kind == "json properties" {
		properties, err := g.program.Configure(g.incoming)
		if err != nil {
			return err.Error()
		}
		return string(properties.AppendJSON(nil))
	}
	decision, err := g.program.Decide(g.incoming)
	if got := outcome(t, err); got == "permit" && kind != "json issued" ||
		got == "evaluation" && kind != "text error" ||
		(got == "denied" || got == "no-permit") && kind != "text denied" {
		return got
	}
	if err != nil {
		return err.Error() + "\n"
	}
	return string(decision.Issued.AppendJSON(nil))
}
