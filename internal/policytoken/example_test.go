package policytoken_test

import (
	"fmt"
	"time"

	"github.com/azattest/azattest/internal/policytoken"
)

func ExampleParse() {
	token, err := policytoken.Parse([]byte("eyJhbGciOiJub25lIn0.eyJBdHRlc3RhdGlvblBvbGljeSI6ImRtVnljMmx2YmoweExqQTdJR0YxZEdodmNtbDZZWFJwYjI1eWRXeGxjM3M5UGlCd1pYSnRhWFFvS1R0OU95QnBjM04xWVc1alpYSjFiR1Z6ZTMwNyJ9."))
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := token.Policy()
	fmt.Println(text, err)
	fmt.Println(token.Hash())
	// Output:
	// version=1.0; authorizationrules{=> permit();}; issuancerules{}; <nil>
	// c6sEJQItV50OeP9IrP_bzywAMOVvj5uDPbklA_bwdYQ
}

func ExampleToken_Verify() {
	token, err := policytoken.Parse([]byte(policytoken.Unsigned("version=1.0;…")))
	if err != nil {
		fmt.Println(err)
		return
	}
	at := time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)
	fmt.Println(token.Verify(policytoken.Options{At: at}))
	fmt.Println(token.Verify(policytoken.Options{At: at, RequireSignature: true}))
	// Output:
	// <nil>
	// policy token: header: alg: none, want a signature by a key whose certificate the instance lists
}

func ExampleParse_aPolicyAsItIsWritten() {
	_, err := policytoken.Parse([]byte("version=1.0; authorizationrules{=> permit();}; issuancerules{};"))
	fmt.Println(err)
	// Output:
	// policy token: token: want a JWS of three parts with periods between them; a policy as it is written is not one
}

func ExampleUnsigned() {
	fmt.Println(policytoken.Unsigned(""))
	fmt.Println(policytoken.Unsigned("version=1.0;"))
	// Output:
	// eyJhbGciOiJub25lIn0..
	// eyJhbGciOiJub25lIn0.eyJBdHRlc3RhdGlvblBvbGljeSI6ImRtVnljMmx2YmoweExqQTcifQ.
}
