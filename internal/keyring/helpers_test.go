package keyring_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/azattest/azattest/claims"
)

func issued(url string) *claims.Set {
	c := new(claims.Set)
	c.Add("iss", claims.String(url))
	return c
}

// base64OfKey returns the key ID that a record's place in the store stands for.
func base64OfKey(tb testing.TB, key string) string {
	tb.Helper()
	hash, err := hex.DecodeString(strings.TrimPrefix(key, "keys/"))
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(hash)
}
