package syntax

// Comment is a comment, from its // to the end of the line.
type Comment struct {
	Range Range
	// Text has the slashes, and no white space at its end.
	Text string
}

// Comments are those that belong to a piece of a policy.
type Comments struct {
	// Leading stand before the piece, each on a line of its own when printed.
	Leading []*Comment
	// Trailing stands behind it on the line on which it ends.
	Trailing *Comment
}

// attach gives every comment to the piece of a faultless policy that it belongs
// to: one that stands behind a piece on its last line to that piece, else to the
// piece that follows, else to the end of what it stands in. Pieces are the
// version statement, sections, rules, conditions, tests, actions and arguments.
// A comment within a piece that has no smaller ones comes to stand before it.
func attach(tree *Policy, comments []*Comment) {
	if len(comments) == 0 {
		return
	}
	a := attacher{comments: comments}
	tree.Comments.Leading = a.before(tree.VersionRange.End)
	sections := tree.Sections()
	for i, s := range sections {
		if i == 0 {
			tree.Comments.Trailing = a.beside(tree.VersionRange.End, s.Range.Start)
		}
		s.Comments.Leading = a.before(s.Range.Start)
		a.section(s)
		if i+1 < len(sections) {
			s.Comments.Trailing = a.beside(s.Range.End, sections[i+1].Range.Start)
		} else {
			s.Comments.Trailing = a.beside(s.Range.End, a.end())
		}
	}
	tree.End = a.before(a.end())
}

// attacher hands comments out in the order of the text.
type attacher struct{ comments []*Comment }

// end is a position behind all comments that are left.
func (a *attacher) end() Position {
	if len(a.comments) == 0 {
		return Position{}
	}
	return a.comments[len(a.comments)-1].Range.End
}

// before takes the comments that begin before end.
func (a *attacher) before(end Position) []*Comment {
	n := 0
	for n < len(a.comments) && a.comments[n].Range.Start.Offset < end.Offset {
		n++
	}
	taken := a.comments[:n:n]
	a.comments = a.comments[n:]
	if n == 0 {
		return nil
	}
	return taken
}

// beside takes the next comment if it begins on the line of a piece's end, and
// before what follows the piece.
func (a *attacher) beside(end, limit Position) *Comment {
	if len(a.comments) == 0 {
		return nil
	}
	next := a.comments[0]
	if next.Range.Start.Line != end.Line || next.Range.Start.Offset >= limit.Offset {
		return nil
	}
	a.comments = a.comments[1:]
	return next
}

func (a *attacher) section(s *Section) {
	inside := s.Range.End
	if len(s.Rules) > 0 {
		inside = s.Rules[0].Range.Start
	}
	s.Opening = a.beside(s.Name.End, inside)
	if s.Opening == nil {
		s.Opening = a.beside(s.Body.Start, inside)
	}
	for i, r := range s.Rules {
		r.Comments.Leading = a.before(r.Range.Start)
		late := a.rule(r)
		limit := s.Range.End
		if i+1 < len(s.Rules) {
			limit = s.Rules[i+1].Range.Start
		}
		r.Comments.Trailing = a.beside(r.Range.End, limit)
		if r.Comments.Trailing == nil && len(late) == 1 {
			r.Comments.Trailing, late = late[0], nil
		}
		r.Comments.Leading = append(r.Comments.Leading, late...)
	}
	s.End = a.before(s.Range.End)
}

// rule returns the comments between the action and the semicolon.
func (a *attacher) rule(r *Rule) []*Comment {
	for i, c := range r.Conditions {
		c.Comments.Leading = a.before(c.Range.Start)
		a.condition(c)
		next := r.Action.Range.Start
		if i+1 < len(r.Conditions) {
			next = r.Conditions[i+1].Range.Start
		}
		c.Comments.Trailing = a.beside(c.Range.End, next)
	}
	leading := a.before(r.Action.Range.Start)
	if len(r.Conditions) == 0 {
		r.Comments.Leading = append(r.Comments.Leading, leading...)
	} else {
		r.Action.Leading = leading
	}
	a.action(r.Action)
	return a.before(r.Range.End)
}

func (a *attacher) condition(c *Condition) {
	for i, t := range c.Tests {
		next := c.Range.End
		if i+1 < len(c.Tests) {
			next = c.Tests[i+1].Range.Start
		}
		t.Comments = a.leaf(t.Range, next)
	}
	c.End = a.before(c.Range.End)
}

func (a *attacher) action(action *Action) {
	for i, x := range action.Arguments {
		next := action.Range.End
		if i+1 < len(action.Arguments) {
			next = action.Arguments[i+1].Range.Start
		}
		x.Comments = a.leaf(x.Range, next)
	}
	action.End = a.before(action.Range.End)
}

// leaf returns the comments of a piece that has no smaller ones.
func (a *attacher) leaf(at Range, next Position) Comments {
	return Comments{Leading: a.before(at.End), Trailing: a.beside(at.End, next)}
}
