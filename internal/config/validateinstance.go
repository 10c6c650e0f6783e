package config

import (
	"slices"
	"time"
)

const (
	// maxLifetime is the longest that Azure Attestation lets any of its reports be
	// valid.
	maxLifetime = 365 * 24 * time.Hour
	// maxLeeway bounds by how much clocks may differ. Machines that keep their time
	// at all are within seconds.
	maxLeeway = 5 * time.Minute
)

// servedTypes are the types of attestation that there are verifiers for, and
// otherTypes those that the API has beside them.
var (
	servedTypes = []string{"SgxEnclave", "OpenEnclave", "Tpm"}
	otherTypes  = []string{"SevSnpVm", "TdxVm", "AzureGuest"}
)

// acceptableTCB are the TCB statuses that may get a token. Revoked and
// NoMatchingLevel may not: nobody vouches for such a platform.
var acceptableTCB = []string{
	"UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate", "OutOfDateConfigurationNeeded",
}

// instances checks each instance, and that each request belongs to one of them.
func (k *serviceChecker) instances() {
	names, places := map[string]bool{}, map[string]string{}
	for i := range k.Instances {
		one, path := &k.Instances[i], at("instances", i)
		switch {
		case !instanceName.MatchString(one.Name):
			k.fault(path+".name", "%s, want up to 63 letters in lower case, digits and -, which is not first or last", quoted(one.Name))
		case names[one.Name]:
			k.fault(path+".name", "%s stands twice", quoted(one.Name))
		}
		names[one.Name] = true
		k.reached(path, one, places)
		k.mode(path, one)
		k.served(path, one)
		k.tokens(path, one)
	}
}

// reached checks the names by which an instance is reached. No two of them may
// answer at one host and path, whatever the port: the service has one.
func (k *serviceChecker) reached(path string, one *Instance, taken map[string]string) {
	u := k.url(path+".url", one.URL, urlRules{schemes: []string{"https"}, isExact: true})
	if u != nil {
		k.claim(path+".url", u.Hostname()+u.Path, taken)
	}
	for i, host := range one.Hosts {
		hostPath := at(path+".hosts", i)
		if !isHostName(host) {
			k.fault(hostPath, "%s, want a host name in lower case, without port", quoted(host))
			continue
		}
		if u != nil {
			k.claim(hostPath, host+u.Path, taken)
		}
	}
}

func (k *serviceChecker) claim(path, place string, taken map[string]string) {
	if other, isTaken := taken[place]; isTaken {
		k.fault(path, "%s is reached by %s already", quoted(place), other)
		return
	}
	taken[place] = path
}

func (k *serviceChecker) mode(path string, one *Instance) {
	k.files(path+".policyCertificateFiles", one.PolicyCertificateFiles)
	if !k.oneOf(path+".mode", one.Mode, modeAAD, modeIsolated, modeShared) {
		return
	}
	switch has := len(one.PolicyCertificateFiles) > 0; {
	case one.Mode == modeIsolated && !has:
		k.fault(path+".policyCertificateFiles", "missing, want one or more: an isolated instance takes policies that they sign, and no others")
	case one.Mode != modeIsolated && has:
		k.fault(path+".policyCertificateFiles", "is for mode isolated alone, not %s", one.Mode)
	}
}

// served checks what an instance attests.
func (k *serviceChecker) served(path string, one *Instance) {
	if len(one.Types) == 0 {
		k.fault(path+".types", "empty, want some of %s", listed(servedTypes))
	}
	for i, t := range one.Types {
		if slices.Contains(otherTypes, t) {
			k.fault(at(path+".types", i), "%s is not served yet, want %s", t, listed(servedTypes))
			continue
		}
		k.oneOf(at(path+".types", i), t, servedTypes...)
	}
	k.isUnique(path+".types", one.Types)
	if len(one.AcceptedTCB) == 0 {
		k.fault(path+".acceptedTCB", "empty, want some of %s", listed(acceptableTCB))
	}
	for i, status := range one.AcceptedTCB {
		if status == "Revoked" || status == "NoMatchingLevel" {
			k.fault(at(path+".acceptedTCB", i), "%s can never be accepted: nobody vouches for such a platform", status)
			continue
		}
		k.oneOf(at(path+".acceptedTCB", i), status, acceptableTCB...)
	}
	k.isUnique(path+".acceptedTCB", one.AcceptedTCB)
	if one.AzureDefaultTCB < 0 {
		k.fault(path+".azureDefaultTCB", "%d, want a TCB evaluation data number, or 0", one.AzureDefaultTCB)
	}
	for t, file := range one.Policies {
		switch below := joined(path+".policies", t); {
		case !slices.Contains(one.Types, t):
			k.fault(below, "is not among the types of the instance")
		case file == "":
			k.fault(below, "empty, want the file of a policy")
		}
	}
}

func (k *serviceChecker) tokens(path string, one *Instance) {
	k.oneOf(path+".algorithm", one.Algorithm, "RS256", "PS256", "ES256")
	if l := one.TokenLifetime; l < time.Second || l > maxLifetime || l%time.Second != 0 {
		k.fault(path+".tokenLifetime", "%s, want whole seconds from 1s to %s", l, durationText(maxLifetime))
	}
	if k.oneOf(path+".attestRole", one.AttestRole, "none", "reader") && one.AttestRole == "reader" &&
		len(k.Auth.Bindings)+len(k.Auth.Certificates) == 0 {
		k.fault(path+".attestRole", "reader, but auth.bindings and auth.certificates are empty: nobody could attest")
	}
}
