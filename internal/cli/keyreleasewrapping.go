package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
)

// vaultSecretPurpose keeps the secrets of a vault apart from all that the same
// wrapping key makes.
const vaultSecretPurpose = "azattest key release" //nolint:gosec // G101: it says what for, and is no secret

// makeWrappingKey makes the wrapping key of a server with --dev in its data directory,
// unless there is one, or the configuration has another.
func (v *vaultParts) makeWrappingKey(c *config.Config) error {
	file := v.wrappingKeyFile(c)
	if file == "" {
		return nil
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil // else whoever reads it says why not
	}
	if err := writeFile(file, []byte(keyring.GenerateWrappingKey()+"\n")); err != nil {
		return fmt.Errorf("wrapping key: %w", err)
	}
	return nil
}

// wrappingKeyFile is the wrapping key that --dev has if the configuration has none,
// "" if that is not so.
func (v *vaultParts) wrappingKeyFile(c *config.Config) string {
	if !v.dev || c.Keys.WrappingKeyFile != "" || !c.Keys.WrappingKey.IsZero() {
		return ""
	}
	return filepath.Join(c.DataDir, "wrapping.key")
}

// secrets seal the keys of the vault.
func (v *vaultParts) secrets(c *config.Config) ([][]byte, error) {
	if file := v.wrappingKeyFile(c); file != "" {
		c.Keys.WrappingKeyFile = file
	}
	wrapping, err := wrappingOf(c)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, withHint(err, v.wrappingHint())
	case err != nil:
		return nil, err
	case wrapping == nil && isVolatile(c):
		// It ends with what it seals.
		if wrapping, err = keyring.ParseWrapping(keyring.GenerateWrappingKey()); err != nil {
			return nil, err
		}
	case wrapping == nil:
		return nil, withHint(&refusedError{errors.New("keys.wrappingKeyFile: missing, want the key that encrypts the vault")},
			"for a new vault 'azattest keys wrapping-key --out FILE' makes one; that of a server with --dev is in its data directory, where --dev finds it")
	}
	return wrapping.Secrets(vaultSecretPurpose)
}

// wrappingHint says what to do where there is no file of the wrapping key. A new key is
// the last thing to try: it opens nothing.
func (v *vaultParts) wrappingHint() string {
	if v.configFile == "" {
		return "name the server's --config, which says where its wrapping key is; without one 'azattest keyrelease serve --dev' makes it in its data directory"
	}
	return "see keys.wrappingKeyFile in " + v.configFile + "; for a new vault 'azattest keys wrapping-key --out FILE' makes one, which opens nothing that another one sealed"
}
