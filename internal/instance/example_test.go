package instance_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/store/memory"
	"github.com/azattest/azattest/token"
)

func Example() {
	ctx := context.Background()
	d, err := instance.Open(ctx, instance.Config{
		Store: memory.New(), Keys: new(oneKey), Log: slog.New(slog.DiscardHandler),
		Verifiers: map[attest.Type]evidence.Verifier{attest.SGXEnclave: believer{}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A service lets d.Run follow the store from here on.
	err = d.Create(ctx, instance.Settings{Name: "contoso", URL: "https://contoso.example", Mode: instance.AAD, Algorithm: token.ES256}, nil, "the operator")
	if err != nil {
		fmt.Println(err)
		return
	}
	jws, err := policytoken.Parse([]byte(policytoken.Unsigned("version=1.0;authorizationrules{=>permit();};issuancerules{};")))
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := d.SetPolicy(ctx, instance.PolicyChange{Instance: "contoso", Type: attest.SGXEnclave, Token: jws, By: "somebody"})
	if err != nil {
		fmt.Println(err)
		return
	}
	i, below, _ := d.Lookup("contoso.example:443", "/attest/sgxenclave")
	fmt.Println(i.Settings().Name, below, "version", p.Version)
	// Output: contoso /attest/sgxenclave version 1
}
