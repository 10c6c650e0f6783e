package policy_test

import (
	"errors"
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy"
)

func ExampleCompile() {
	_, err := policy.Compile(`version=1.0;
authorizationrules{
  [type="x-ms-sgx-is-debuggable", value==false] => permit();
  => issue(claim=c);
};`)
	if faulty, ok := errors.AsType[*policy.SyntaxError](err); ok {
		for _, d := range faulty.Diagnostics {
			fmt.Println(d)
		}
	}
	// Output:
	// 3:7: found '=', expected a comparison operator (equality is written ==)
	// 4:17: identifier c is not declared (name a condition: c:[…])
}

func ExampleProgram_Decide() {
	program, err := policy.Compile(`version=1.0;
authorizationrules{
  [type=="x-ms-sgx-is-debuggable", value==true] => deny();
  [type=="x-ms-sgx-svn", value>=2] => permit();
};
issuancerules{
  c:[type=="x-ms-sgx-mrsigner"] => issue(type="built-by", value=c.value);
};`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, debuggable := range []bool{false, true} {
		enclave := new(claims.Set)
		enclave.Add("x-ms-sgx-is-debuggable", claims.Boolean(debuggable))
		enclave.Add("x-ms-sgx-svn", claims.Integer(3))
		enclave.Add("x-ms-sgx-mrsigner", claims.String("4aea5f9a"))
		decision, err := program.Decide(enclave)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(string(decision.Issued.AppendJSON(nil)))
	}
	// Output:
	// {"built-by":"4aea5f9a"}
	// policy: denied by rule 1 of authorizationrules at 3:2, [type=="x-ms-sgx-is-debuggable", value==true] => deny();
}

func ExampleCheck() {
	for _, d := range policy.Check(`version=1.0;
authorizationrules{
  [type=="x-ms-sgx-mrsinger", value=="4aea5f9a"] => permit();
  [type=="x-ms-sgx-svn", value>="2"] => permit();
  [type=="x-ms-sgx-product-id", value=="1"] => deny();
  => permit();
};`, policy.CheckOptions{Type: "SgxEnclave"}) {
		fmt.Println(d.Severity, d)
	}
	// Output:
	// error 4:25: >= compares integers only (other kinds have == and !=)
	// warning 3:9: evidence of SgxEnclave has no claim "x-ms-sgx-mrsinger", and no earlier rule makes one (did you mean x-ms-sgx-mrsigner? The rule never permits)
	// warning 4:2: no claim can pass: the value of x-ms-sgx-svn is Integer, never String (the rule never permits)
	// warning 5:2: no claim can pass: the value of x-ms-sgx-product-id is Integer, never String (the rule never denies)
}

func ExampleProgram_Explain() {
	program, err := policy.Compile(`version=1.0;
authorizationrules{
  [type=="x-ms-sgx-svn", value>=2] => permit();
};`)
	if err != nil {
		fmt.Println(err)
		return
	}
	enclave := new(claims.Set)
	enclave.Add("x-ms-sgx-svn", claims.Integer(1))
	fmt.Print(program.Explain(enclave))
	// Output:
	// not permitted: no rule permits
	//
	// authorizationrules
	//   rule 1 at 3:2 does not fire
	//     no   [type=="x-ms-sgx-svn", value>=2]
	//            value of "x-ms-sgx-svn" is 1, want >= 2
}

func ExampleProgram_Configure() {
	program, err := policy.Compile(policy.DefaultSGX)
	if err != nil {
		fmt.Println(err)
		return
	}
	properties, err := program.Configure(new(claims.Set))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(properties.AppendJSON(nil)))
	// Output:
	// {"x-ms-sgx-tcbidentifier":"azuredefault"}
}

func ExampleHash() {
	fmt.Println(policy.Hash("version=1.0; authorizationrules{=> permit();}; issuancerules{};"))
	// Output:
	// z0FRjKS0ssQTNur1V6BV8WIrh9M3fzgTo0EfHRvapWU
}
