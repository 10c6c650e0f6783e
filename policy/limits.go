package policy

// Bounds on one evaluation. A policy may come from anybody who may attest (a
// draft policy), so none of its texts may cost more than about as much as the
// verification of a quote.
const (
	// maxSteps bounds the work of all rules together. A step is a claim looked
	// at, bytesPerStep of text compared or jsonBytesPerStep read: 15 to 30 ms if
	// all are taken (BenchmarkBounds), beside what queries take, and 2 MiB of JSON.
	// The default policy takes about 20 steps, the largest public one 24 000 for a
	// log of 200 events, most of them to read it.
	maxSteps = 1 << 20
	// maxQuerySteps bounds the work of all queries together, in the steps of package
	// jmespath: 10 to 30 ms, so that both together are about 50 at most. The largest
	// public policy takes 13 000 for a log of 200 events, 125 000 for one of 2000.
	maxQuerySteps = 3 << 18
	// maxFacts bounds the claims that rules see: those of the evidence (about
	// 20) and those that rules add.
	maxFacts = 1 << 12
	// maxIssued bounds, in bytes, the types and values of all issued claims
	// together: a claim of the evidence may be long and issued under any number
	// of names. A request body is not much larger.
	maxIssued = 1 << 20
	// maxString bounds, in bytes, a string that a function makes: rules that
	// append a string to itself double it each time.
	maxString = 1 << 20
	// maxMade bounds, in bytes, the strings that functions make in all. The
	// largest public policy keeps six extracts of the log.
	maxMade = 16 << 20
	// maxFaults bounds how long the checker goes on after faults: as many are told
	// as package syntax tells.
	maxFaults = 20
	// maxDocuments bounds the JSON texts that a run keeps in readable form.
	maxDocuments = 64
	// maxQueries bounds the queries, made at run time, that a program keeps, and
	// maxKeptQuery the bytes of each. The largest public policy makes eight.
	maxQueries   = 256
	maxKeptQuery = 4 << 10

	// maxExplainedClaims and maxExplainedEffects bound what an explanation shows of
	// a condition and of a rule.
	maxExplainedClaims  = 16
	maxExplainedEffects = 64
	// maxExplainedValue bounds the bytes that it shows of a value: thirty rules may
	// read one log.
	maxExplainedValue = 1 << 10

	// maxExplainedMentions and maxExplainedText bound, in claims and values and in
	// the bytes of their texts, what a whole explanation shows: a thousand rules of
	// 32 conditions each may take every claim. It is a few megabytes then, as JSON
	// too.
	maxExplainedMentions = 1 << 12
	maxExplainedText     = 1 << 20

	// bytesPerStep is how much text is compared or copied in a step.
	bytesPerStep = 256
	// factsPerStep is how many claims are marked in a step.
	factsPerStep = 16
	// stepsPerLookup is what it costs to look a value up among many, or to keep it
	// where it can be.
	stepsPerLookup = 6
	// jsonBytesPerStep is how much JSON is read in a step.
	jsonBytesPerStep = 2

	// typicalFacts is how many claims there is room for from the start.
	typicalFacts = 32
	// keptFacts bounds the memory that one run leaves to the next, in claims and in
	// values.
	keptFacts = 512
)
