package jmespath_test

import (
	"errors"
	"testing"

	"github.com/azattest/azattest/policy/jmespath"
)

func TestSearchWithin(t *testing.T) {
	t.Parallel()
	document, err := jmespath.ParseJSON(`{"a":[1,2,3,4,5,6,7,8]}`)
	if err != nil {
		t.Fatal(err)
	}
	query, err := jmespath.Compile("a[?@ > `4`]")
	if err != nil {
		t.Fatal(err)
	}
	budget := jmespath.Budget{Steps: 200}
	searches := 0
	for {
		before := budget.Steps
		found, err := query.SearchWithin(document, &budget)
		if failed, ok := errors.AsType[*jmespath.EvaluationError](err); ok {
			if failed.Code != jmespath.LimitExceeded || budget.Steps != 0 {
				t.Errorf("error %v with %d steps left, want the budget spent", err, budget.Steps)
			}
			break
		}
		if err != nil || found.JSON() != "[5,6,7,8]" || budget.Steps >= before {
			t.Fatalf("found %s, %v, with %d steps left of %d", found.JSON(), err, budget.Steps, before)
		}
		searches++
	}
	if searches < 2 || searches > 20 {
		t.Errorf("%d searches within 200 steps, want some", searches)
	}
}
