package wire

const (
	// maxDepth bounds the nesting of a request body. What is read nests two
	// levels deep, and members that nobody reads may nest a little deeper.
	maxDepth = 32

	// maxMembers bounds the members of one object. The largest request has five;
	// an entry in a map costs many times what a small member weighs on the wire.
	maxMembers = 64

	// maxCertificates bounds those that a request carries: one, and as many between
	// it and its root as any verifier looks at.
	maxCertificates = 1 + 8

	// maxEcho bounds, in bytes, how much of a client's own text an answer or a
	// log repeats: enough to recognize it.
	maxEcho = 96
)
