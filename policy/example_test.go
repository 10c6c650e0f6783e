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
