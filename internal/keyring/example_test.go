package keyring_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

// Two replicas over one store sign with the same key, and rotate to the same.
func Example() {
	ctx := context.Background()
	wrapping, err := keyring.ParseWrapping(keyring.GenerateWrappingKey())
	if err != nil {
		log.Fatal(err)
	}
	config := keyring.Config{Store: newRecords(), Wrap: wrapping, MaxTokenLifetime: 8 * time.Hour}
	one, err := keyring.Open(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	two, err := keyring.Open(ctx, config)
	if err != nil {
		log.Fatal(err)
	}
	ring, err := one.Ring(ctx, "https://contoso.example", token.ES256)
	if err != nil {
		log.Fatal(err)
	}
	other, err := two.Ring(ctx, "https://contoso.example", token.ES256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same keys:", string(ring.JWKS()) == string(other.JWKS()))

	if _, err := one.Rotate(ctx, token.ES256, 24*time.Hour); err != nil {
		log.Fatal(err)
	}
	if err := two.Refresh(ctx); err != nil {
		log.Fatal(err)
	}
	for _, key := range two.Keys() {
		fmt.Println(key.State)
	}
	// Output:
	// the same keys: true
	// active
	// announced
}
