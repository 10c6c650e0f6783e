package syntax

// Expression is one of *[StringLiteral], *[IntegerLiteral], *[BooleanLiteral],
// *[Reference] and *[Call].
type Expression interface {
	// Span returns where the expression stands.
	Span() Range
	expression()
}

var (
	_ Expression = (*StringLiteral)(nil)
	_ Expression = (*IntegerLiteral)(nil)
	_ Expression = (*BooleanLiteral)(nil)
	_ Expression = (*Reference)(nil)
	_ Expression = (*Call)(nil)
)

// StringLiteral is a string in quotation marks.
type StringLiteral struct {
	Range Range
	// Value has its escapes resolved: a backslash stands for the character
	// after it.
	Value string
	// Literal is the string as written, if it has other escapes than \" and \\.
	// What the real service makes of those is not known, so they are printed as
	// they were found.
	Literal string
}

// IntegerLiteral is a signed integer of 64 bits, in decimal.
type IntegerLiteral struct {
	Range Range
	Value int64
}

// BooleanLiteral is true or false.
type BooleanLiteral struct {
	Range Range
	Value bool
}

// Reference is "c.value": a property of the claims bound to an identifier.
type Reference struct {
	Range    Range
	Name     *Identifier
	Property Property
}

// Call applies a function (version 1.2).
type Call struct {
	Range     Range
	Function  *Identifier
	Arguments []Expression
}

// Span returns where the literal stands, with its quotation marks.
func (e *StringLiteral) Span() Range { return e.Range }

// Span returns where the literal stands.
func (e *IntegerLiteral) Span() Range { return e.Range }

// Span returns where the literal stands.
func (e *BooleanLiteral) Span() Range { return e.Range }

// Span returns where the reference stands.
func (e *Reference) Span() Range { return e.Range }

// Span returns where the call stands.
func (e *Call) Span() Range { return e.Range }

func (*StringLiteral) expression()  {}
func (*IntegerLiteral) expression() {}
func (*BooleanLiteral) expression() {}
func (*Reference) expression()      {}
func (*Call) expression()           {}
