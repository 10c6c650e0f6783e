package config

import (
	"regexp"
	"slices"
	"strings"
)

const (
	signingNone   = "none"
	signingReport = "report"
)

var (
	// heldForms are the forms in which held data can be a key, and releaseTypes the
	// values of x-ms-attestation-type that there are rules for.
	heldForms    = []string{"jwk", "pem", "raw"}
	releaseTypes = []string{"sgx", "sevsnpvm", "tdxvm", "azurevm"}
	// measurement is MRENCLAVE or MRSIGNER as programs print it.
	measurement = regexp.MustCompile(`^(?i:[0-9a-f]{64})$`)
)

// keyReleaseChecker looks at all sections of a key release server.
type keyReleaseChecker struct {
	checker
	*KeyRelease
}

// Validate is [Config.Validate].
func (c *KeyRelease) Validate() error { return c.validate(false) }

// ValidateDevelopment is [KeyRelease.Validate] for a server that makes its own
// certificate and its own wrapping key, and is known by the address on which it
// listens: none of it is missed then.
func (c *KeyRelease) ValidateDevelopment() error { return c.validate(true) }

func (c *KeyRelease) validate(isDevelopment bool) error {
	store := c.Store.Store()
	k := &keyReleaseChecker{KeyRelease: c, checker: checker{
		problems: problems{file: c.file}, origin: &c.origin, roles: keyReleaseRoles, isDevelopment: isDevelopment,
		common: common{c.Listen, c.DataDir, &c.TLS, c.BehindProxy, c.TrustedProxies, &store, &c.Auth, &c.Log, &c.Shutdown},
	}}
	k.shared()
	k.vault()
	k.wrappingKeys(c.Keys.WrappingKeyFile, c.Keys.WrappingKey, c.Keys.PreviousWrappingKeyFiles, "keys")
	k.signing()
	k.authorities()
	k.release()
	k.limits(&Limits{
		BodyBytes: c.Limits.BodyBytes, HeaderBytes: c.Limits.HeaderBytes, Concurrent: c.Limits.Concurrent, Request: c.Limits.Request,
		ReadHeader: c.Limits.ReadHeader, Read: c.Limits.Read, Write: c.Limits.Write, Idle: c.Limits.Idle,
		RatePerCaller: c.Limits.RatePerCaller, Burst: c.Limits.Burst,
	}, "limits.ratePerCaller")
	k.metrics(c.Telemetry.MetricsListen)
	return k.err()
}

// vault checks the URL of the vault. Clients take the ID of a key apart by the place
// of its segments, so that there is no room for a path.
func (k *keyReleaseChecker) vault() {
	if k.URL == "" && k.isDevelopment {
		return
	}
	if u := k.url("url", k.URL, urlRules{schemes: []string{"https"}, isExact: true}); u != nil && u.Path != "" {
		k.fault("url", "%s, want no path: clients look for the name of a key at a fixed place behind the host", quoted(k.URL))
	}
}

// signing checks with what released keys are signed.
func (k *keyReleaseChecker) signing() {
	isGiven := k.Signing.CertificateFile != "" || k.Signing.KeyFile != ""
	for path, file := range map[string]string{"signing.certificateFile": k.Signing.CertificateFile, "signing.keyFile": k.Signing.KeyFile} {
		switch {
		case file != "":
		case isGiven:
			k.fault(path, "missing, want both the certificate and its key, or neither")
		case k.BehindProxy && !k.isDevelopment:
			k.fault(path, "missing, want a PEM file: behind a proxy (behindProxy) there is no certificate of TLS to sign with")
		}
	}
}

// authorities checks the attestation services whose tokens count.
func (k *keyReleaseChecker) authorities() {
	if len(k.Authorities) == 0 {
		k.fault("authorities", "missing, want one or more: the attestation services whose tokens count")
	}
	urls := map[string]bool{}
	for i := range k.Authorities {
		one, path := &k.Authorities[i], at("authorities", i)
		u := k.url(path+".url", one.URL, urlRules{schemes: []string{"https"}, isExact: true})
		switch {
		case u == nil:
		case u.Port() == "443":
			k.fault(path+".url", "%s, want it without :443, as no policy can name it so", quoted(one.URL))
		case urls[one.URL]:
			k.fault(path+".url", "%s stands twice", quoted(one.URL))
		}
		urls[one.URL] = true
		k.enclaves(path, one)
	}
}

// enclaves checks which enclaves may sign for an authority. A report of just any
// enclave says nothing: everybody can have one.
func (k *keyReleaseChecker) enclaves(path string, one *Authority) {
	for key, list := range map[string][]string{".mrenclave": one.MREnclave, ".mrsigner": one.MRSigner} {
		var folded []string
		for i, text := range list {
			if !measurement.MatchString(text) {
				k.fault(at(path+key, i), "%s, want 64 hexadecimal digits", quoted(text))
			}
			folded = append(folded, strings.ToLower(text))
		}
		k.isUnique(path+key, folded)
		if one.SigningCertificate == signingNone && len(list) > 0 {
			k.fault(path+key, "goes with signingCertificate: report, else nothing is held against it")
		}
	}
	if k.oneOf(path+".signingCertificate", one.SigningCertificate, signingNone, signingReport) &&
		one.SigningCertificate == signingReport && len(one.MREnclave)+len(one.MRSigner) == 0 {
		k.fault(path+".signingCertificate", "report, but mrenclave and mrsigner are empty: anybody's enclave would pass")
	}
}

// release checks what tokens must have.
func (k *keyReleaseChecker) release() {
	r := &k.Release
	k.notNegative("release.maxTokenAge", r.MaxTokenAge)
	for i, form := range r.HeldData {
		k.oneOf(at("release.heldData", i), form, heldForms...)
	}
	k.isUnique("release.heldData", r.HeldData)
	if len(r.AttestationTypes) == 0 {
		k.fault("release.attestationTypes", "empty, want some of %s", listed(releaseTypes))
	}
	for i, t := range r.AttestationTypes {
		k.oneOf(at("release.attestationTypes", i), t, releaseTypes...)
	}
	k.isUnique("release.attestationTypes", r.AttestationTypes)
	if len(r.HeldData) > 0 && !slices.Contains(r.AttestationTypes, "sgx") {
		k.fault("release.heldData", "goes with sgx in release.attestationTypes: nothing else has held data")
	}
}
