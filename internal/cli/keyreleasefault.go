package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/azattest/azattest/keyrelease"
)

// fault puts an error of keyrelease get into the command's words.
func (o *keyReleaseGetOptions) fault(err error) error {
	if e, ok := errors.AsType[*attestError](err); ok {
		return serviceFault(e.err)
	}
	if e, ok := errors.AsType[*keyrelease.VaultError](err); ok {
		return o.vaultFault(e)
	}
	if e, ok := errors.AsType[*keyrelease.ResponseError](err); ok {
		return releaseResponseFault(e)
	}
	if e, ok := errors.AsType[*keyrelease.WrapError](err); ok {
		return withHint(&refusedError{errors.New(plainRelease(e))}, "the vault wrapped the key to another than this party's: do not use it")
	}
	if e, ok := errors.AsType[*keyrelease.ArgumentError](err); ok {
		return usage("", "%w", releaseArgument(e))
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return withHint(errors.New(plainRelease(err)), "name the CA of the vault with --vault-ca-file, if it is not one that this machine trusts")
	}
	if _, ok := errors.AsType[*credentialError](err); ok {
		return serviceFault(err)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("ask the vault: %w", errInterrupted)
	case errors.Is(err, context.DeadlineExceeded):
		return withHint(fmt.Errorf("ask the vault: no answer within %s", patienceInAll), "try again; or something on the way, such as a firewall, lets nothing through")
	}
	return errors.New(plainRelease(err))
}

// plainRelease is what the library says, without its name.
func plainRelease(err error) string { return told(strings.ReplaceAll(err.Error(), "keyrelease: ", "")) }

// releaseArgument says what is wrong with a flag.
func releaseArgument(e *keyrelease.ArgumentError) error {
	name := map[string]string{"vault": "--vault", "version": "--version", "name": "NAME", "Scope": "--scope", "Algorithm": "--algorithm"}[e.Argument]
	if name == "" {
		name = e.Argument
	}
	if e.Argument == "Scope" {
		return fmt.Errorf("%s: %s; or give --credential bearer, with a token in %s", name, told(e.Problem), bearerVariable)
	}
	return fmt.Errorf("%s: %s", name, told(e.Problem))
}

// isVerdict reports whether a vault speaks of the attested party: the same code stands
// for callers who may not ask.
func isVerdict(e *keyrelease.VaultError) bool {
	return e.Status == http.StatusForbidden && strings.Contains(e.Message, "arget environment attestation")
}

// vaultFault reads a refusal of the vault. What it says of the attested party is a
// verdict, and so is status 400, of what was sent; all else decides nothing.
func (o *keyReleaseGetOptions) vaultFault(e *keyrelease.VaultError) error {
	r := &responseError{who: "vault", status: e.Status, code: e.Code, inner: e.InnerCode, message: e.Message, request: e.RequestID}
	var err error = r
	if r.isRefusal = e.Status == http.StatusBadRequest || isVerdict(e); r.isRefusal {
		err = &refusedError{r}
	}
	if hint := o.vaultHint(e); hint != "" {
		return withHint(err, hint)
	}
	return err
}

// vaultHint says what the person at the keyboard can do about it.
func (o *keyReleaseGetOptions) vaultHint(e *keyrelease.VaultError) string {
	switch {
	case isVerdict(e) && strings.Contains(e.Message, "policy"):
		return "the key's release policy wants another party than this one: have it attested with 'azattest attest', and " +
			"'azattest keyrelease policy explain POLICY --token TOKEN' says which condition fails"
	case isVerdict(e):
		hint := "the vault does not take the token of " + o.connect.endpoint + ": it must trust that service, and the token be of a type that it takes, not too old, "
		if o.evidence.simulate {
			hint += "not simulated unless the vault serves with --dev, "
		}
		return hint + "and not of an enclave that can be debugged. The log of the vault has the cause, under the ID of the request"
	case e.Status == http.StatusForbidden && strings.HasPrefix(e.InnerCode, "Key"):
		return "whoever runs the vault decides when the key may be used, and whether it is exportable"
	case e.Status == http.StatusForbidden:
		return "the caller needs a role that may release keys, such as Key Vault Crypto Service Release User (of 'azattest keyrelease serve --dev', azattest dev-token --role release-user); a firewall of the vault may be in the way, too"
	case e.Status == http.StatusNotFound && strings.HasPrefix(e.Code, "Key"):
		return "look the key's name and version up in the vault"
	case e.Status >= http.StatusInternalServerError:
		return "try again later; if it stays so, the vault's log has the cause, such as an attestation service that it does not reach, or whose CA it does not know"
	}
	return askedHint(e.Status)
}

// releaseResponseFault speaks of success that is none, or that does not hold.
func releaseResponseFault(e *keyrelease.ResponseError) error {
	err := errors.New(plainRelease(e))
	switch e.Part {
	case "answer":
		return withHint(err, "is --vault the URL of a vault?")
	case "expected":
		return usage("", "%w", err)
	case "certificate":
		return withHint(&refusedError{err}, "name the CA of the vault with --vault-ca-file, if it is not one that this machine trusts; else somebody answers in the vault's place")
	case "policy":
		return withHint(&refusedError{err}, "read that policy: the key is released to whoever meets it. If that is meant, name it with --policy")
	}
	return withHint(&refusedError{err}, "somebody answers in the vault's place, or altered what it said: try again, and do not go on without knowing why")
}
