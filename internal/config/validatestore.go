package config

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// schemaName is what PostgreSQL takes for a name without quotation marks, with room
// for what is named after it.
var schemaName = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,47}$`)

func (k *checker) store() {
	s := k.Store
	if !k.oneOf("store.driver", s.Driver, driverSQLite, driverPostgres, driverMemory) {
		return
	}
	if s.Path != "" && s.Driver != driverSQLite {
		k.fault("store.path", "is for the driver sqlite alone, not %s", s.Driver)
	}
	if s.Driver != driverPostgres {
		for path, given := range map[string]bool{"store.dsn": !s.DSN.IsZero(), "store.dsnFile": s.DSNFile != "", "store.schema": s.Schema != ""} {
			if given {
				k.fault(path, "is for the driver postgres alone, not %s", s.Driver)
			}
		}
		return
	}
	switch {
	case s.DSN.IsZero() && s.DSNFile == "":
		k.fault("store.dsnFile", "missing, want a file that says how to reach PostgreSQL")
	case !s.DSN.IsZero() && s.DSNFile != "":
		k.fault("store.dsn", "stands beside store.dsnFile, want one of them")
	case !s.DSN.IsZero() && !isDSNURL(s.DSN.Reveal()) && !strings.Contains(s.DSN.Reveal(), "="):
		k.fault("store.dsn", "want postgres://user@host/database or host=… dbname=…")
	}
	if s.Schema != "" && (!schemaName.MatchString(s.Schema) || strings.HasPrefix(s.Schema, "pg_")) {
		k.fault("store.schema", "%s, want up to 48 letters in lower case, digits and _, and not pg_ first", quoted(s.Schema))
	}
}

// staleness checks for how long a replica may go on without its store.
func (k *serviceChecker) staleness() {
	if d := k.Store.MaxStaleness; d <= 0 {
		k.fault("store.maxStaleness", "%s, want a duration above 0", d)
	}
}

// tokenLifetimes keeps tokens from living longer than their keys are published.
func (k *serviceChecker) tokenLifetimes() {
	longest := k.Keys.MaxTokenLifetime
	if longest < time.Second {
		k.fault("keys.maxTokenLifetime", "%s, want a second or more", durationText(longest))
		return
	}
	for i, one := range k.Instances {
		if one.TokenLifetime > longest && one.TokenLifetime <= maxLifetime {
			k.fault(at("instances", i)+".tokenLifetime", "%s, want at most keys.maxTokenLifetime (%s)", durationText(one.TokenLifetime), durationText(longest))
		}
	}
}

// wrappingKeys checks the keys that encrypt what is kept.
func (k *checker) wrappingKeys(file string, inPlace Secret, previous []string, what string) {
	switch {
	case file != "" && !inPlace.IsZero():
		k.fault("keys.wrappingKey", "stands beside keys.wrappingKeyFile, want one of them")
	case file == "" && inPlace.IsZero() && k.Store.Driver != driverMemory && !k.isDevelopment:
		k.fault("keys.wrappingKeyFile", "missing, want the file of the key that encrypts %s at rest", what)
	}
	k.files("keys.previousWrappingKeyFiles", previous)
	if file != "" && slices.Contains(previous, file) {
		k.fault("keys.previousWrappingKeyFiles", "holds keys.wrappingKeyFile, want earlier keys alone")
	}
}

func (k *serviceChecker) keys() {
	r := &k.Keys
	k.wrappingKeys(r.WrappingKeyFile, r.WrappingKey, r.PreviousWrappingKeyFiles, "signing keys")
	k.tokenLifetimes()
	k.notNegative("keys.announce", r.Announce)
	k.notNegative("keys.rotateAfter", r.RotateAfter)
	if r.RotateAfter > 0 && r.RotateAfter <= r.Announce {
		k.fault("keys.rotateAfter", "%s, want more than keys.announce (%s): a key would never sign", durationText(r.RotateAfter), durationText(r.Announce))
	}
	if r.Bits != 2048 && r.Bits != 3072 {
		k.fault("keys.bits", "%d, want 2048 or 3072", r.Bits)
	}
	k.oneOf("keys.report", r.Report, reportAuto, "none")
	if (r.PKCS11 == PKCS11{}) {
		return
	}
	for path, value := range map[string]string{
		"keys.pkcs11.module": r.PKCS11.Module, "keys.pkcs11.tokenLabel": r.PKCS11.TokenLabel,
		"keys.pkcs11.pinFile": r.PKCS11.PINFile, "keys.pkcs11.keyLabel": r.PKCS11.KeyLabel,
	} {
		if value == "" {
			k.fault(path, "missing, want all of keys.pkcs11 or none of it")
		}
	}
}

func (k *serviceChecker) collateral() {
	c := &k.Collateral
	if c.Source == "" {
		k.fault("collateral.source", "empty, want a folder or the URL of a service")
		return
	}
	isURL := strings.Contains(c.Source, "://")
	if isURL {
		// It is signed, so that plain HTTP can keep it from us but not change it.
		k.url("collateral.source", c.Source, urlRules{schemes: []string{"https", "http"}})
	}
	if c.Update != "" {
		k.oneOf("collateral.update", c.Update, "standard", "early")
	}
	for path, value := range map[string]string{"collateral.update": c.Update, "collateral.cache": c.Cache} {
		if value != "" && !isURL {
			k.fault(path, "goes with a URL in collateral.source: a folder gives what is in it")
		}
	}
}
