package claims_test

import (
	"encoding/json"
	"fmt"

	"github.com/azattest/azattest/claims"
)

func ExampleSet() {
	s := new(claims.Set)
	s.Add("x-ms-sgx-svn", claims.Integer(3))
	s.Add("roles", claims.String("reader"))
	s.Add("roles", claims.String("writer"))
	s.Put("is-debuggable", claims.Boolean(false))
	for name, v := range s.All() {
		fmt.Println(name, v.Kind(), v)
	}
	fmt.Println(string(s.AppendJSON(nil)))
	// Output:
	// x-ms-sgx-svn Integer 3
	// roles String reader
	// roles String writer
	// is-debuggable Boolean false
	// {"is-debuggable":false,"roles":["reader","writer"],"x-ms-sgx-svn":3}
}

func ExampleSet_UnmarshalJSON() {
	s := new(claims.Set)
	if err := json.Unmarshal([]byte(`{"n": 9007199254740993, "keys": {"kty": "RSA", "e": "AQAB"}}`), s); err != nil {
		fmt.Println(err)
		return
	}
	for name, v := range s.All() {
		fmt.Println(name, v.Kind(), v)
	}
	// Output:
	// keys JSON {"e":"AQAB","kty":"RSA"}
	// n Integer 9007199254740993
}

func ExampleJSON() {
	_, err := claims.JSON([]byte(`{"a": 1, "a": 2}`))
	fmt.Println(err)
	// Output:
	// claims: JSON at byte 12: member "a" stands twice in one object
}
