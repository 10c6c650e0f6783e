package jmespath_test

import (
	"errors"
	"fmt"

	"github.com/azattest/azattest/policy/jmespath"
)

func ExampleQuery_Search() {
	query, err := jmespath.Compile("Events[?PcrIndex == `7`].Name | [0]")
	if err != nil {
		fmt.Println(err)
		return
	}
	log, err := jmespath.ParseJSON(`{"Events":[{"PcrIndex":0,"Name":"Setup"},{"PcrIndex":7,"Name":"SecureBoot"}]}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := query.Search(log)
	fmt.Println(found.JSON(), err)
	// Output: "SecureBoot" <nil>
}

func ExampleCompile() {
	_, err := jmespath.Compile("Events[?PcrIndex = `7`]")
	fmt.Println(err)
	if fault, ok := errors.AsType[*jmespath.SyntaxError](err); ok {
		fmt.Println(fault.Code, fault.Offset)
	}
	// Output:
	// JMESPath expression at byte 17: found '=', which compares nothing (write ==)
	// syntax 17
}

// Integers pass through unharmed, which no float of 64 bits could do.
func ExampleValue_Int() {
	log, err := jmespath.ParseJSON(`{"svn": 9007199254740993}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	svn, _ := log.Get("svn")
	fmt.Println(svn.Int())
	// Output: 9007199254740993 true
}

func ExampleQuery_Notes() {
	query, err := jmespath.Compile("Events[?PcrIndex == 7 && Valid == true]")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, note := range query.Notes() {
		fmt.Println(note.Offset, note.Message)
	}
	// Output:
	// 20 standard JMESPath refuses the number 7 here: write it in backticks
	// 34 true is the name of a field here; the value is `true`, in backticks
}
