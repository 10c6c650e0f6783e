package config_test

import (
	"fmt"
	"os"

	"github.com/azattest/azattest/internal/config"
)

func ExampleParse() {
	text := `
listen: :8443
keys: {wrappingKeyFile: wrapping.key}
instances:
  - name: contoso
    url: http://contoso.example.com
    tokenLifetme: 1h
`
	_, err := config.Parse("azattest.yaml", []byte(text), os.Getenv)
	fmt.Println(err)
	// Output:
	// azattest.yaml:7:5: instances[0]: unknown key "tokenLifetme", did you mean tokenLifetime?
}

func ExampleConfig_Validate() {
	c := config.Default()
	c.TLS.CertificateFile, c.TLS.KeyFile = "server.pem", "server-key.pem"
	c.Store.Driver = "postgres"
	c.Keys.WrappingKey = config.NewSecret("correct horse battery staple")
	fmt.Println(c.Validate())
	fmt.Println("wrapping key:", c.Keys.WrappingKey)
	// Output:
	// store.dsnFile: missing, want a file that says how to reach PostgreSQL
	// wrapping key: REDACTED
}
