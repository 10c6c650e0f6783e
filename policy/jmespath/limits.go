package jmespath

// Bounds on queries and documents. Both may come from strangers: a draft policy
// carries its queries, and an event log is what the attesting machine says.
const (
	// maxExpression bounds a query's bytes. The longest public query, put
	// together by a policy at run time, has about 500.
	maxExpression = 16 << 10
	// maxNesting bounds expressions within expressions, and with them the
	// stacks of parser and evaluator. Chains of ., |, && and || count once,
	// however long they are.
	maxNesting = 64
	// maxDocument bounds a document's bytes, and those of every array and
	// object that a query builds: an event log of 2000 events stays below.
	maxDocument = 2 << 20
	// maxValues bounds the values in one document: each takes about fifty
	// bytes of memory, and as little as two of text.
	maxValues = 1 << 18
	// maxDepth bounds the nesting of a document and of everything that a query
	// builds, and with it every recursion over values. Package claims has the
	// same bound.
	maxDepth = 64
	// maxNumber bounds a number's digits: exact arithmetic costs by the digit.
	// The largest float64 has 309.
	maxNumber = 512
	// maxSteps bounds the work of one search: a step is one expression
	// applied to one value, or stepBytes of text read; a value moved is
	// stepItem: 8 ms or so altogether. A query over a log of 200 events takes
	// about 1000.
	maxSteps = 1 << 18
	// stepBytes is how much text is compared or written in one step, stepRunes how
	// much is read rune by rune, or searched.
	stepBytes = 32
	stepRunes = 8
	// stepItem is what it costs to put a value where others are collected.
	stepItem = 4
	// stepNumber is what it costs to compare or add a number beyond 64 bits.
	stepNumber = 128
	// stepNode is what an array or an object costs beside its elements: memory
	// of its own.
	stepNode = 4
	// maxQuoted bounds, in bytes, the piece of a text that a message quotes.
	maxQuoted = 40
)
