package syntax_test

import (
	"fmt"

	"github.com/azattest/azattest/policy/syntax"
)

func ExampleParse() {
	_, faults := syntax.Parse(`version=1.0;
authorizationrules={
  [type="x-ms-sgx-is-debuggable", value==false] => permit()
};`)
	for _, f := range faults {
		fmt.Println(f)
	}
	// Output:
	// 2:18: found '=', expected '{' (write { right after the section's name)
	// 3:7: found '=', expected a comparison operator (equality is written ==)
	// 4:0: found '}', expected ';' after the rule (end the rule with ; on line 3)
}

func ExampleFormat() {
	out, _ := syntax.Format(`version= 1.0; // preview
authorizationrules{ [type=="x-ms-sgx-is-debuggable",value==true]=>deny();=>permit(); };`)
	fmt.Print(out)
	// Output:
	// version=1.0; // preview
	//
	// authorizationrules
	// {
	//     [type=="x-ms-sgx-is-debuggable", value==true] => deny();
	//     => permit();
	// };
}

func ExampleRender() {
	text := "version=1.0;\nauthorizationrules\n{\n\t[type==\"secureboot\", value=true] => permit();\n};\n"
	_, faults := syntax.Parse(text)
	fmt.Print(syntax.Render("policy.maa", text, faults))
	// Output:
	// policy.maa:4:28: error: found '=', expected a comparison operator [assignment-in-condition]
	//   4 |     [type=="secureboot", value=true] => permit();
	//     |                               ^
	// hint: equality is written ==
}
