package policy

// Bounds on one evaluation. A policy may come from anybody who may attest (a
// draft policy), so none of its texts may cost more than about as much as the
// verification of a quote.
const (
	// maxSteps bounds how many claims are looked at, all rules together: 20 ms
	// at most. The default policy takes about 20 steps.
	maxSteps = 1 << 20
	// maxFacts bounds the claims that rules see: those of the evidence (about
	// 20) and those that rules add.
	maxFacts = 1 << 12
	// maxIssued bounds, in bytes, the types and values of all issued claims
	// together: a claim of the evidence may be long and issued under any number
	// of names. A request body is not much larger.
	maxIssued = 1 << 20
	// maxFaults bounds how long the checker goes on after faults: as many are told
	// as package syntax tells.
	maxFaults = 20
)
