package config_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/config"
)

// What is wrong with a configuration may be told to others, and a faulty one be
// printed: no part of what people put in the wrong place may stand there.
func TestSecretsInTheWrongPlaceAreNotShown(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	for _, text := range []string{
		"keys: {wrappingKey: [hunter2]}", "keys:\n  wrappingKey:hunter2", "keys: {wrappingKey: {hunter2: 1}}",
		"keys: {wrappingKey: &hunter2 x}", "keys: {wrappingKey: *hunter2}", "keys: {wrappingKey: !hunter2 x}",
		`keys: {wrappingKey: "hunter2\q"}`, `keys: {wrappingKey: "hunter2`, "keys: {wrappingKey: hunter2, wrappingKeyFile: x}",
		"store: {driver: postgres, dsn: 'postgres://u:a@hunter2@h/db'}", "store: {driver: postgres, dsn: 'postgres://u:a/hunter2@h/db'}",
		"store: {driver: postgres, dsn: 'postgres://u:%zzhunter2@h/db'}", "store: {driver: postgres, dsn: 'postgres://h/db?PASSWORD=hunter2'}",
		"store: {driver: postgres, dsn: 'host=h password=a hunter2'}", "store: {driver: postgres, dsn: 'POSTGRES://u:hunter2@h/db'}",
		"store: {driver: postgres, dsn: hunter2}", "telemetry: {otlpEndpoint: 'https://h', otlpHeaders: 'a=hunter2,b'}",
		"telemetry: {otlpHeaders: {a: hunter2}}", "telemetry: {otlpEndpoint: 'https://u:hunter2@h/x'}",
		"collateral: {source: 'https://h/?subscription-key=hunter2'}", "collateral: {source: 'https://h/#hunter2'}",
		"auth: {issuers: [{name: x, url: 'https://u:hunter2@h', audiences: [a]}]}", "instances: [{name: x, url: 'https://u:hunter2@h'}]",
	} {
		c, err := config.Parse("azattest.yaml", []byte(text+"\n"), nil)
		shown := fmt.Sprint(err)
		if err == nil {
			var printed bytes.Buffer
			for _, asJSON := range []bool{false, true} {
				if err := c.Print(&printed, asJSON); err != nil {
					t.Fatal(err)
				}
			}
			shown = fmt.Sprint(c.Validate()) + printed.String()
		}
		if strings.Contains(shown, secret) {
			t.Errorf("%s: shown in %s", text, shown)
		}
	}
}
