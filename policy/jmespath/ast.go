package jmespath

// op says what an expression does.
type op uint8

const (
	opCurrent   op = iota // @
	opLiteral             // value
	opField               // name
	opIndex               // [slice.start]
	opSlice               // [slice], an array; the projection over it is another expression
	opFlatten             // args[0][], the same
	opProject             // args[1] on every element of args[0]
	opValues              // args[1] on every member of args[0]
	opFilter              // args[1] on every element of args[0] for which args[2] is true
	opChain               // args one after the other, each on the result of the one before
	opAnd                 // the first of args that is false, else the last
	opOr                  // the first of args that is true, else the last
	opNot                 // args[0]
	opCompare             // args[0] with args[1]
	opList                // [args…]
	opHash                // {names: args…}
	opCall                // function(args…)
	opReference           // &args[0], as an argument only
)

// expr is an expression. The parser makes it, and nothing changes it later.
type expr struct {
	op     op
	offset int
	// nesting is how many expressions stand within each other here.
	nesting int
	// located is set of what [expr.locate] does: fields, indexes, literals, @,
	// and chains of them.
	located bool

	args []*expr
	// name is a field's name.
	name string
	// bare is set of a field that is written without quotes.
	bare bool
	// value is a literal's value.
	value Value
	// names are the names of a hash, sorted, each once; args stand in their
	// order.
	names    []string
	slice    slice
	compare  tokenKind
	function *function
}

// slice is what stands between brackets. Without a colon only start is set.
type slice struct {
	start, stop, step bound
}

// bound is a number that may be left out.
type bound struct {
	value int64
	set   bool
}

// chain joins two expressions into one that pipes the first's result into the
// second.
func chain(offset int, first, second *expr) *expr {
	return join(opChain, offset, first, second)
}

// join makes one expression of two with an associative operator. A chain stays
// flat, so that its length costs no stack.
func join(o op, offset int, first, second *expr) *expr {
	if first.op == o {
		first.args = append(first.args, second)
		first.nesting = max(first.nesting, second.nesting+1)
		first.located = first.located && second.located && second.op != opChain
		return first
	}
	return newExpr(o, offset, first, second)
}

func newExpr(o op, offset int, args ...*expr) *expr {
	x := &expr{op: o, offset: offset, args: args, located: o == opCurrent || o == opChain}
	for _, arg := range args {
		x.nesting = max(x.nesting, arg.nesting+1)
		x.located = x.located && arg.located && arg.op != opChain
	}
	return x
}
