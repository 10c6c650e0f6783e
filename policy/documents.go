package policy

import (
	"errors"
	"fmt"
	"sync"

	"github.com/azattest/azattest/policy/jmespath"
)

// documents are the JSON texts that a run has read or written: a log that thirty
// rules ask is read once.
type documents struct {
	texts  []string
	values []jmespath.Value
	next   int // the one to give up, once there are too many

	answers []answer
}

// answer is what a query found in a document. Policies ask the same again, in the
// words of the sample that they were put together from.
type answer struct {
	query    *jmespath.Query
	document string
	value    jmespath.Value
}

// find returns the value of a text that has been read, and what the search cost
// in steps.
func (d *documents) find(text string) (jmespath.Value, bool, int) {
	steps := 0
	for i := range d.texts {
		if len(d.texts[i]) == len(text) {
			steps += len(text) / bytesPerStep
		}
		if d.texts[i] == text {
			return d.values[i], true, steps
		}
	}
	return jmespath.Value{}, false, steps
}

func (d *documents) keep(text string, v jmespath.Value) {
	if len(d.texts) < maxDocuments {
		d.texts, d.values = append(d.texts, text), append(d.values, v)
		return
	}
	d.texts[d.next], d.values[d.next] = text, v
	d.next = (d.next + 1) % maxDocuments
}

// document reads JSON.
func (m *machine) document(c *call, text string) (jmespath.Value, error) {
	v, ok, steps := m.documents.find(text)
	if !ok {
		steps += len(text) / jsonBytesPerStep
	}
	if err := m.spend(steps); ok || err != nil {
		return v, err
	}
	v, err := jmespath.ParseJSON(text)
	if err != nil {
		return v, m.wrap(err, "%s gets a text that is no JSON: %s", c.name, err)
	}
	m.documents.keep(text, v)
	return v, nil
}

// written returns the text of what a query found.
func (m *machine) written(v jmespath.Value) (string, error) {
	text := v.JSON()
	if err := m.make(len(text)); err != nil {
		return "", err
	}
	if v.Len() > 0 {
		m.documents.keep(text, v)
	}
	return text, nil
}

// make accounts for a text that a function makes.
func (m *machine) make(bytes int) error {
	if bytes > maxString {
		return m.exceeded("a function makes a string of %d bytes, at most %d are made", bytes, maxString)
	}
	if m.madeSize += bytes; m.madeSize > maxMade {
		return m.exceeded("functions make strings of more than %d bytes for these claims", maxMade)
	}
	return m.spend(bytes / bytesPerStep)
}

// queries are those that a program's rules have put together at run time. They
// depend on the evidence, so there is no end of them: once there are too many all
// are forgotten.
type queries struct {
	mutex    sync.RWMutex
	compiled map[string]*jmespath.Query
}

func (q *queries) find(text string) *jmespath.Query {
	q.mutex.RLock()
	defer q.mutex.RUnlock()
	return q.compiled[text]
}

func (q *queries) keep(text string, query *jmespath.Query) {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.compiled == nil || len(q.compiled) >= maxQueries {
		q.compiled = make(map[string]*jmespath.Query)
	}
	q.compiled[text] = query
}

// query compiles a query that is known at run time only.
func (m *machine) query(text string) (*jmespath.Query, error) {
	// It costs the same if it is known: a decision must not depend on those before.
	if err := m.spend(len(text)); err != nil {
		return nil, err
	}
	if query := m.program.queries.find(text); query != nil {
		return query, nil
	}
	query, err := jmespath.Compile(text)
	if err != nil {
		return nil, m.wrap(err, "JmesPath gets a text that is no query: %s", err)
	}
	if len(text) <= maxKeptQuery {
		m.program.queries.keep(text, query)
	}
	return query, nil
}

// ask carries out a query on a document, which has been read from a text.
func (m *machine) ask(query *jmespath.Query, document jmespath.Value, text string) (jmespath.Value, error) {
	for i := range m.documents.answers {
		a := &m.documents.answers[i]
		if a.query != query || len(a.document) != len(text) {
			continue
		}
		if err := m.spend(len(text) / bytesPerStep); err != nil {
			return jmespath.Value{}, err
		}
		if a.document == text {
			return a.value, nil
		}
	}
	v, err := query.SearchWithin(document, &m.queryBudget)
	if err == nil {
		if len(m.documents.answers) < maxDocuments {
			m.documents.answers = append(m.documents.answers, answer{query, text, v})
		}
		return v, nil
	}
	failed := m.wrap(err, "JmesPath cannot answer the query: %s", err)
	if m.queryBudget.Steps <= 0 {
		failed.Problem = fmt.Sprintf("the queries need more than %d steps for these claims", maxQuerySteps)
	}
	return v, failed
}

// wrap is the failure of something below.
func (m *machine) wrap(err error, format string, args ...any) *EvaluationError {
	failed := m.fail(format, args...)
	failed.Err = err
	if limit, ok := errors.AsType[*jmespath.EvaluationError](err); ok {
		failed.IsBound = limit.Code == jmespath.LimitExceeded
	}
	if limit, ok := errors.AsType[*jmespath.SyntaxError](err); ok {
		failed.IsBound = limit.Code == jmespath.LimitExceeded
	}
	return failed
}

// excerpt is JSON for messages, cut off if long.
func excerpt(v jmespath.Value) string { return clip(v.JSON()) }
