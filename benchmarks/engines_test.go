package benchmarks_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/ext"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy"
)

// engine is a policy, prepared, that decides over one set of claims. What comes
// out is whatever the engine gives without further work.
type engine func() (any, error)

// verdict is what all engines must agree on, as JSON.
type verdict struct {
	Permit     bool            `json:"permit"`
	Issued     json.RawMessage `json:"issued"`
	Properties json.RawMessage `json:"properties"`
}

func read(tb testing.TB, name string) string {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// must is a result that cannot fail.
func must[T any](tb testing.TB) func(T, error) T {
	tb.Helper()
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// ours is this repository's engine. A refusal is a verdict, not a failure.
func ours(program *policy.Program, input map[string]any) engine {
	incoming := new(claims.Set)
	for name, v := range input {
		switch v := v.(type) {
		case bool:
			incoming.Add(name, claims.Boolean(v))
		case int64:
			incoming.Add(name, claims.Integer(v))
		case string:
			incoming.Add(name, claims.String(v))
		}
	}
	return func() (any, error) {
		decision, err := program.Decide(incoming)
		if denied, ok := errors.AsType[*policy.DeniedError](err); ok {
			return denied, nil
		}
		return decision, err
	}
}

// prepareOPA compiles a Rego module into a query.
func prepareOPA(ctx context.Context, module string) (rego.PreparedEvalQuery, error) {
	return rego.New(rego.Query("data.policy.decision"), rego.Module("policy.rego", module)).PrepareForEval(ctx)
}

// opa is Open Policy Agent over claims that it has as its own values already, as
// our engine has.
func opa(tb testing.TB, query rego.PreparedEvalQuery, input map[string]any) engine {
	tb.Helper()
	parsed := must[ast.Value](tb)(ast.InterfaceToValue(input))
	ctx := tb.Context()
	return func() (any, error) {
		results, err := query.Eval(ctx, rego.EvalParsedInput(parsed))
		if err != nil {
			return nil, err
		}
		if len(results) != 1 {
			return nil, errors.New("the query has no result")
		}
		return results[0].Expressions[0].Value, nil
	}
}

func celEnvironment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.OptionalTypes(), ext.Bindings(), ext.Lists(), ext.Strings(),
		cel.Variable("input", cel.MapType(cel.StringType, cel.DynType)), cel.Variable("events", cel.ListType(cel.DynType)),
	)
}

// prepareCEL compiles an expression of the Common Expression Language.
func prepareCEL(environment *cel.Env, expression string) (cel.Program, error) {
	checked, issues := environment.Compile(expression)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	return environment.Program(checked, cel.EvalOptions(cel.OptOptimize))
}

// commonExpression is cel-go. It reads no JSON, so that is done before, where
// there is any.
func commonExpression(program cel.Program, input map[string]any) engine {
	variables := map[string]any{"input": input}
	text, hasEvents := input["events"].(string)
	return func() (any, error) {
		if hasEvents {
			var log struct{ Events []any }
			if err := json.Unmarshal([]byte(text), &log); err != nil {
				return nil, err
			}
			variables["events"] = log.Events
		}
		result, _, err := program.Eval(variables)
		return result, err
	}
}
