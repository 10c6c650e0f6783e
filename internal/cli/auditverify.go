package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/audit"
)

func newAuditVerify(s Streams) *cobra.Command {
	expected := new(expectFlags)
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Verify that nothing was changed in an audit trail",
		Long: `verify reads the trail in DIR from its first line to its last and checks that each
line names the one before it. It prints the head: the hash of the last line, and how
many records there are. It writes nothing, and the service may go on writing.

Nothing vouches for the end of a trail but a head that was noted in another place:
with --head that head must stand in the trail, and with --count it must be that of
the record with this number.

Exit code 1 if the chain is broken: the first place is named, with what is wrong
there: changed, missing, reordered or cut off.`,
		Example: `  azattest audit verify ./audit
  azattest audit verify ./audit --json --count 1234 \
    --head 74ba5fba208571cf99e1f7158e6536a05bbb6ce7807eef8f6a97f64a7af64b83`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFolder,
	}
	expected.add(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		expect, err := expected.expect(cmd)
		if err != nil {
			return err
		}
		summary, err := audit.Verify(args[0], expect, func(audit.Entry) error { return cmd.Context().Err() })
		broken, isBroken := errors.AsType[*audit.ChainError](err)
		if err != nil && !isBroken {
			return err
		}
		if isBroken && !*asJSON {
			return &refusedError{err}
		}
		v := newVerifiedTrail(args[0], summary, broken)
		if *asJSON {
			if err := printJSON(s.Out, v); err != nil {
				return err
			}
			if isBroken {
				complain(s.Err, err)
				return &reportedError{&refusedError{err}}
			}
			return nil
		}
		return v.print(s.Out, expect)
	}
	return cmd
}

// verifiedTrail is what audit verify --json prints. Programs read it: members are
// added, never renamed. Of a chain that is broken it says how much was read.
type verifiedTrail struct {
	Dir      string     `json:"dir"`
	Verified bool       `json:"verified"`
	Files    int        `json:"files"`
	Records  int64      `json:"records"`
	First    *time.Time `json:"first"`
	Last     *time.Time `json:"last"`
	// Head is empty if there is no record, or the chain is broken.
	Head     string `json:"head"`
	Sequence int64  `json:"sequence"`
	// HeadFound says that the head which was expected stands in the trail.
	HeadFound bool `json:"headFound"`
	// BeingWritten says that half a line at the end was left out.
	BeingWritten bool         `json:"beingWritten"`
	Error        *brokenTrail `json:"error,omitempty"`
}

type brokenTrail struct {
	Message string `json:"message"`
	Problem string `json:"problem"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
}

func newVerifiedTrail(dir string, s audit.Summary, broken *audit.ChainError) *verifiedTrail {
	v := &verifiedTrail{
		Dir: dir, Verified: broken == nil, Files: s.Files, Records: s.Records, Head: s.Head.Hash, Sequence: s.Head.Sequence,
		HeadFound: s.HeadFound, BeingWritten: s.IsWritten,
	}
	if !s.First.IsZero() {
		v.First, v.Last = &s.First, &s.Last
	}
	if broken != nil {
		v.Error = &brokenTrail{Message: broken.Error(), Problem: string(broken.Problem), File: broken.File, Line: broken.Line}
	}
	return v
}

func (v *verifiedTrail) print(w io.Writer, expect audit.Expect) error {
	t := newTable(w)
	t.row("verified", fmt.Sprintf("yes, %d records in %d files", v.Records, v.Files))
	if v.First != nil {
		t.row("from", v.First.Format(time.RFC3339))
		t.row("to", v.Last.Format(time.RFC3339))
	}
	if v.Head != "" {
		t.row("head", v.Head)
		t.row("count", v.Sequence)
	}
	switch {
	case v.HeadFound && expect.Head.Hash == v.Head:
		t.row("expected", "found at the end")
	case v.HeadFound:
		t.row("expected", "found, and the trail has grown since")
	case expect.Head.Sequence > 0:
		t.row("expected", fmt.Sprintf("at least %d records; NOT CHECKED by a hash", expect.Head.Sequence))
	default:
		t.row("expected", "NOTHING: the end may have been cut off, see --head")
	}
	if v.BeingWritten {
		t.row("note", "the last line is being written and was left out")
	}
	return t.flush()
}
