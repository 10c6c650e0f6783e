package jmespath

// Budget is the work that several searches may take together.
type Budget struct {
	// Steps are those that are left. A step is 10 to 30 ns.
	Steps int
}

// SearchWithin is [Query.Search] on a budget: it ends with [LimitExceeded] once
// that is spent, and leaves what is left for the next.
func (q *Query) SearchWithin(document Value, budget *Budget) (Value, error) {
	e := evaluator{steps: min(maxSteps, budget.Steps)}
	before := e.steps
	found, err := e.evaluate(q.root, &document)
	budget.Steps -= before - max(e.steps, 0)
	if err != nil {
		return Value{}, err
	}
	return found, nil
}
