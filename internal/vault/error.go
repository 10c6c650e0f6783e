package vault

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/azattest/azattest/keyrelease"
)

// ConfigError says why a [Config] opens no vault. It holds no part of a secret.
type ConfigError struct {
	// Field is the field of the Config.
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *ConfigError) Error() string { return "vault: config: " + e.Field + ": " + e.Problem }

// NotFoundError says that there is no key of a name, or no such version of it. It
// wraps [keyrelease.ErrKeyNotFound].
type NotFoundError struct {
	// Name and Version are as they were asked for; no version stands for the
	// current one.
	Name, Version string
}

func (e *NotFoundError) Error() string {
	if e.Version == "" {
		return fmt.Sprintf("vault: no key %s: list the keys to see which there are", shown(e.Name))
	}
	return fmt.Sprintf("vault: no version %s of a key %s: list its versions to see which there are", shown(e.Version), shown(e.Name))
}

// Unwrap returns [keyrelease.ErrKeyNotFound].
func (*NotFoundError) Unwrap() error { return keyrelease.ErrKeyNotFound }

// Codes with which Key Vault begins its message about what it refuses.
const (
	// CodeExportable: the exportable attribute of a key stays as it was.
	CodeExportable = "AKV.SKR.1003"
	// CodePolicyMissing: an exportable key without a release policy.
	CodePolicyMissing = "AKV.SKR.1004"
	// CodePolicyUnwanted: a release policy of a key that is not exportable.
	CodePolicyUnwanted = "AKV.SKR.1005"
	// CodePolicyImmutable: another policy in the place of an immutable one.
	CodePolicyImmutable = "AKV.SKR.1020"
)

// ParameterError says what is wrong with what was asked for. It holds no part of a
// secret, and may be shown to who asked.
type ParameterError struct {
	// Code is one of Key Vault's, or empty.
	Code string
	// Problem is Key Vault's sentence to the code. Without a code it is what was
	// found, and what is wanted.
	Problem string
}

func (e *ParameterError) Error() string {
	if e.Code == "" {
		return "vault: " + e.Problem
	}
	return "vault: " + e.Code + ": " + strings.TrimSuffix(e.Problem, ".")
}

func refuse(format string, values ...any) error {
	return &ParameterError{Problem: fmt.Sprintf(format, values...)}
}

// ConflictError says that others changed a key each time that it was to be changed.
// Nothing was, but for what [Vault.Delete] and [Vault.Discard] did in earlier steps.
type ConflictError struct {
	// Name is what the key is called.
	Name string
	// Err is the last conflict, if the store told of it.
	Err error
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("vault: key %s: somebody else changed it meanwhile: try again", shown(e.Name))
}

// Unwrap returns what the store said.
func (e *ConflictError) Unwrap() error { return e.Err }

// UncertainError says that a change may have been made: the store could not tell, and
// could not be looked at afterwards. Look at the key before you try again.
type UncertainError struct {
	// Name is what the key is called.
	Name string
	// Err is what the store said.
	Err error
}

func (e *UncertainError) Error() string {
	return fmt.Sprintf("vault: key %s: it is not known whether the change was made: look before you try again: %v", shown(e.Name), e.Err)
}

// Unwrap returns what the store said.
func (e *UncertainError) Unwrap() error { return e.Err }

// SealError says that a record of a key cannot be used. Nothing of it was.
type SealError struct {
	// Name is what the key is called. Version is the version whose record it is,
	// or empty for the list of versions.
	Name, Version string
	// Problem is what was found, and what to do about it.
	Problem string
}

func (e *SealError) Error() string {
	what := "list of versions"
	if e.Version != "" {
		what = "version " + shown(e.Version)
	}
	return fmt.Sprintf("vault: key %s: %s: %s", shown(e.Name), what, e.Problem)
}

// shown makes what came from outside fit for one line of a log: bounded, quoted,
// without control characters.
func shown(text string) string {
	if len(text) <= shownLength {
		return strconv.Quote(text)
	}
	return strconv.Quote(strings.ToValidUTF8(text[:shownLength], "")) + "…"
}
