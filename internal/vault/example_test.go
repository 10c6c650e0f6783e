package vault_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"

	"github.com/azattest/azattest/internal/vault"
	"github.com/azattest/azattest/keyrelease"
	"github.com/azattest/azattest/store/memory"
)

func Example() {
	ctx := context.Background()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	v, err := vault.Open(vault.Config{Store: memory.New(), Secrets: [][]byte{secret}})
	if err != nil {
		log.Fatal(err)
	}
	policy, err := keyrelease.ParsePolicy([]byte(`{"version":"1.0.0","anyOf":[{"authority":"https://attest.example.com","allOf":[
		{"claim":"x-ms-sgx-is-debuggable","equals":false}]}]}`))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := v.Create(ctx, "disk", vault.Template{Type: "EC-HSM", Settings: vault.Settings{Exportable: true, Policy: policy}}); err != nil {
		log.Fatal(err)
	}
	shown, err := v.Get(ctx, "disk", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(shown.Key.Type, shown.Key.Operations, len(shown.Key.Material))
	released, err := v.ReleaseKey(ctx, "disk", "")
	if err != nil {
		log.Fatal(err)
	}
	defer clear(released.Material)
	fmt.Println(len(released.Material) > 0)
	// Output:
	// EC-HSM [sign verify] 0
	// true
}
