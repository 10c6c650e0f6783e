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

// TestGuide runs the examples of the guide. A policy is followed by claims and
// by what they lead to, as often as the guide likes, or by its faults.
func TestGuide(t *testing.T) {
	t.Parallel()
	var program *Program
	var compileError error
	var incoming *claims.Set
	policies, outcomes := 0, 0
	for _, b := range readBlocks(t, "../docs/policy-language.md") {
		canonical := func() string { return structured(t, b.text).String() }
		switch b.kind {
		case "":
			continue
		case "maa":
			policies++
			program, compileError = Compile(b.text)
			incoming = nil
			continue
		case "json claims":
			incoming = new(claims.Set)
			if err := incoming.UnmarshalJSON([]byte(b.text)); err != nil {
				t.Fatalf("line %d: %v", b.line, err)
			}
			continue
		}
		outcomes++
		if b.kind == "text faults" {
			var bad *SyntaxError
			if !errors.As(compileError, &bad) {
				t.Errorf("line %d: %v, want faults", b.line, compileError)
				continue
			}
			var got strings.Builder
			for _, d := range bad.Diagnostics {
				got.WriteString(d.String() + "\n")
			}
			if diff := cmp.Diff(b.text, got.String()); diff != "" {
				t.Errorf("line %d: faults (-guide +real):\n%s", b.line, diff)
			}
			continue
		}
		if compileError != nil || incoming == nil {
			t.Fatalf("line %d: no policy (%v) or no claims before it", b.line, compileError)
		}
		decision, err := program.Decide(incoming)
		switch b.kind {
		case "json issued":
			if err != nil {
				t.Errorf("line %d: %v", b.line, err)
			} else if diff := cmp.Diff(canonical(), string(decision.Issued.AppendJSON(nil))); diff != "" {
				t.Errorf("line %d: issued (-guide +real):\n%s", b.line, diff)
			}
		case "json properties":
			properties, err := program.Configure(incoming)
			if err != nil {
				t.Errorf("line %d: %v", b.line, err)
			} else if diff := cmp.Diff(canonical(), string(properties.AppendJSON(nil))); diff != "" {
				t.Errorf("line %d: properties (-guide +real):\n%s", b.line, diff)
			}
		case "text denied", "text error":
			want := map[string]bool{"text denied": true}[b.kind]
			if err == nil || err.Error()+"\n" != b.text || want != (outcome(t, err) != "evaluation") {
				t.Errorf("line %d: %v\nthe guide says %s", b.line, err, b.text)
			}
		default:
			t.Errorf("line %d: nobody runs a block of %q", b.line, b.kind)
		}
	}
	if policies < 10 || outcomes < policies {
		t.Errorf("%d policies, %d outcomes: every policy of the guide shows what it does", policies, outcomes)
	}
}
