package cli

import (
	"errors"
	"slices"
	"strings"

	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
)

// operatorFault puts into the command's words why an operator's change was not made:
// what is a refusal, what is not, and what to do.
func operatorFault(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*policytoken.Error](err); ok {
		return policyTokenFault(e)
	}
	if e, ok := errors.AsType[*instance.RefusedError](err); ok {
		return refusedChange(e)
	}
	if e, ok := errors.AsType[*policy.SyntaxError](err); ok {
		return &refusedError{e}
	}
	if _, ok := errors.AsType[*store.BackupError](err); ok {
		return withHint(&refusedError{err}, "take another backup: of this one nothing was used")
	}
	switch {
	case errors.Is(err, instance.ErrNoInstance):
		return withHint(err, "'azattest instance list' shows those that there are")
	case isType[*instance.TakenError](err):
		return withHint(err, "'azattest instance list' shows which instance answers where")
	case isType[*store.NotEmptyError](err):
		return withHint(err, "name another --data-dir, or another store in the configuration")
	case isType[*keyring.UnknownKeyError](err):
		return withHint(err, "'azattest keys list' shows those that there are")
	case isType[*keyring.WrappingError](err):
		return withHint(err, "give the wrapping key as the service has it, and the ones before it until 'azattest keys rewrap' has been run")
	}
	return err
}

func isType[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// policyTokenFault is a refusal of a policy's signature, or of a certificate.
func policyTokenFault(e *policytoken.Error) error {
	err := &refusedError{errors.New(saidOfToken(e))}
	isSigner := slices.Contains([]policytoken.Reason{policytoken.ReasonIssuer, policytoken.ReasonUnsigned, policytoken.ReasonValidity}, e.Reason)
	if isSigner {
		return withHint(err, "sign the policy anew, with a key of a listed certificate: 'azattest policy set' with --signing-key and --signing-cert")
	}
	return err
}

// saidOfToken is what is wrong with a policy's token or a certificate, without the
// name of the room that found it.
func saidOfToken(err error) string { return strings.TrimPrefix(err.Error(), "policy token: ") }

func refusedChange(e *instance.RefusedError) error {
	err := &refusedError{e}
	if e.Reason == instance.ReasonFixed {
		return withHint(err, "change the file that instances.policies names in the configuration, and restart the service")
	}
	if e.Reason == instance.ReasonReplayed {
		return withHint(err, "sign the policy anew with a comment added, and send it with 'azattest policy set'")
	}
	return err
}
