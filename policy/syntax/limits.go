package syntax

// Bounds on what a caller may send. Each is far above the largest public policy
// (14 KiB, 70 rules, 6 conditions in a rule) and far below what would hurt.
const (
	// maxText bounds a policy's bytes, and with them the time to read it: some
	// 80 ms for the worst of texts.
	maxText = 1 << 20
	// maxComments bounds what is kept of comments, a hundred bytes each: one may
	// stand above every rule, behind it, and above each of some conditions.
	maxComments = 1 << 14
	// maxRules bounds the rules of all sections together: each costs time in
	// every attestation.
	maxRules = 1024
	// maxConditions bounds one rule's conditions, and with them the depth of
	// the search for claims that satisfy all of them.
	maxConditions = 32
	// maxTests bounds the comparisons within one pair of brackets. There are
	// four properties; a range needs two comparisons.
	maxTests = 16
	// maxArguments bounds the arguments of an action or a function. An action
	// has four properties to set, the widest function takes two arguments.
	maxArguments = 16
	// maxNesting bounds calls within calls, and with them the parser's stack.
	maxNesting = 16
	// maxIdentifier bounds an identifier's bytes. They are called c, F1, claim;
	// what messages quote stays readable.
	maxIdentifier = 64
	// maxDiagnostics bounds what is told at once: nobody reads the twenty-first
	// fault before having mended the first.
	maxDiagnostics = 20
	// maxQuoted bounds, in runes, the piece of policy that a message quotes.
	maxQuoted = 40
	// maxQuotedBytes bounds, in bytes, what is looked at for that, so that a
	// fault in a long string costs no more than one in a short one.
	maxQuotedBytes = 1 << 10
	// maxFound bounds, in runes, the piece of policy that a fault carries.
	maxFound = 200
	// maxShown bounds, in code points, the piece of a line that is rendered, and
	// maxBefore what of it stands before the fault.
	maxShown  = 120
	maxBefore = 60
	// maxWord bounds, in bytes, the words among which a suggestion is sought:
	// comparing two costs the product of their lengths.
	maxWord = 64
)
