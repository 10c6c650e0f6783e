package cli

import (
	"testing"

	"github.com/azattest/azattest/internal/keyring"
)

// Whoever starts a service with --dev over the state of another one would have its
// keys sign for simulated evidence, and could change its policies with a dev-token.
func TestDevelopmentKeepsAwayFromTheKeysOfOthers(t *testing.T) {
	t.Parallel()
	key := inFile(t, "wrapping.key", keyring.GenerateWrappingKey())
	base := "listen: 127.0.0.1:0\ninstances: [{name: a, url: 'https://attest.example'}]\n"
	for name, args := range map[string][]string{
		"by a flag":                   {"--wrapping-key-file", key},
		"by a file":                   {"--config", inFile(t, "f.yaml", base+"keys: {wrappingKeyFile: "+key+"}\n")},
		"in the file":                 {"--config", inFile(t, "i.yaml", base+"keys: {wrappingKey: "+keyring.GenerateWrappingKey()+"}\n")},
		"of before":                   {"--config", inFile(t, "p.yaml", base+"keys: {previousWrappingKeyFiles: ["+key+"]}\n")},
		"in a device":                 {"--config", inFile(t, "d.yaml", base+"keys: {pkcs11: {module: m, tokenLabel: t, pinFile: p, keyLabel: k}}\n")},
		"on the network":              {"--config", inFile(t, "n.yaml", "listen: 0.0.0.0:0\n")},
		"on the network by a flag":    {"--listen", "[::]:0"},
		"with a certificate of yours": {"--config", inFile(t, "c.yaml", base+"tls: {certificateFile: c, keyFile: k}\n")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, runAt(t, testTime, "", append([]string{"serve", "--dev", "--data-dir", t.TempDir()}, args...)...), exitUsage, "--dev")
		})
	}
}
