package claims

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// listed returns what All yields, as "name=value".
func listed(s *Set) []string {
	var all []string
	for name, v := range s.All() {
		all = append(all, name+"="+v.String())
	}
	return all
}

func example() *Set {
	s := new(Set)
	s.Add("b", Integer(2))
	s.Add("a", String("x"))
	s.Add("b", Boolean(true))
	return s
}

func TestSetKeepsOrder(t *testing.T) {
	t.Parallel()
	s := example()
	if diff := cmp.Diff([]string{"b=2", "b=true", "a=x"}, listed(s)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b", "a"}, s.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if s.Len() != 2 {
		t.Errorf("length %d, want the number of names", s.Len())
	}
	if v, ok := s.First("b"); !ok || v != Integer(2) {
		t.Errorf("first b is %v, %t", v, ok)
	}
	if got := s.Values("b"); !slices.Equal(got, []Value{Integer(2), Boolean(true)}) {
		t.Errorf("values of b are %v", got)
	}
}

func TestSetWithoutClaims(t *testing.T) {
	t.Parallel()
	s := new(Set)
	s.Put("a") // removes what is not there
	if v, ok := s.First("a"); ok || v.Kind() != 0 {
		t.Errorf("first a is %v", v)
	}
	if s.Has("a") || s.Values("a") != nil || s.Len() != 0 || len(listed(s)) != 0 || len(s.Names()) != 0 {
		t.Error("an empty set holds something")
	}
	if got := string(s.AppendJSON(nil)); got != "{}" {
		t.Errorf("JSON %s", got)
	}
}

func TestPut(t *testing.T) {
	t.Parallel()
	values := []Value{Integer(1), Integer(2)}
	s := example()
	s.Put("b", values...)
	values[0] = Integer(9)
	s.Put("c", String("new"))
	if diff := cmp.Diff([]string{"b=1", "b=2", "a=x", "c=new"}, listed(s)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	s.Put("b")
	if s.Has("b") || !s.Has("a") || s.Len() != 2 {
		t.Errorf("after removing b: %v", listed(s))
	}
	s.Add("b", Integer(3))
	if diff := cmp.Diff([]string{"a=x", "c=new", "b=3"}, listed(s)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	fresh := new(Set)
	fresh.Put("a", Integer(1))
	if !fresh.Has("a") {
		t.Error("put into an empty set is lost")
	}
}

func TestAllStops(t *testing.T) {
	t.Parallel()
	seen := 0
	for range example().All() {
		seen++
		break
	}
	if seen != 1 {
		t.Errorf("saw %d claims after breaking off at the first", seen)
	}
}

func TestCloneIsIndependent(t *testing.T) {
	t.Parallel()
	s := example()
	c := s.Clone()
	if !c.Equal(s) || !s.Equal(c) {
		t.Fatal("a clone differs")
	}
	c.Add("a", String("y"))
	c.Put("b")
	c.Add("z", Integer(0))
	if diff := cmp.Diff([]string{"b=2", "b=true", "a=x"}, listed(s)); diff != "" {
		t.Errorf("a change to the clone shows (-want +got):\n%s", diff)
	}
	names := s.Names()
	names[0] = "changed"
	if s.Names()[0] != "b" {
		t.Error("a change to the names shows")
	}
}

func TestAddAll(t *testing.T) {
	t.Parallel()
	s := example()
	other := new(Set)
	other.Add("a", Integer(1))
	other.Add("c", Integer(2))
	s.AddAll(other)
	if diff := cmp.Diff([]string{"b=2", "b=true", "a=x", "a=1", "c=2"}, listed(s)); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	swapped := new(Set) // names in another order
	swapped.Add("a", String("x"))
	swapped.Add("b", Integer(2))
	swapped.Add("b", Boolean(true))
	if !swapped.Equal(example()) {
		t.Error("the order of names matters")
	}
	for name, change := range map[string]func(*Set){
		"a value more":         func(s *Set) { s.Add("a", String("x")) },
		"a name more":          func(s *Set) { s.Add("c", String("x")) },
		"a name less":          func(s *Set) { s.Put("a") },
		"another name":         func(s *Set) { s.Put("a"); s.Add("c", String("x")) },
		"another kind":         func(s *Set) { s.Put("b", String("2"), Boolean(true)) },
		"values swapped":       func(s *Set) { s.Put("b", Boolean(true), Integer(2)) },
		"string instead of it": func(s *Set) { s.Put("b", Integer(2), String("true")) },
	} {
		s := example()
		change(s)
		if s.Equal(example()) || example().Equal(s) {
			t.Errorf("%s: equal", name)
		}
	}
}
