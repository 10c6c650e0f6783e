package config

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

var (
	// tenantID is a GUID as Entra ID writes it, of tenants and all else.
	tenantID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	// instanceName is a label of DNS, so that a name can be one of a host. Issuers
	// are named alike.
	instanceName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	// keyName is that of a key in lower case: Key Vault takes no notice of case.
	keyName = regexp.MustCompile(`^[a-z0-9-]{1,127}$`)
	// sha256Hex is a SHA-256 hash, as programs print it.
	sha256Hex = regexp.MustCompile(`^(?i:[0-9a-f]{2}(:?[0-9a-f]{2}){31})$`)
)

// roleWords are the roles that one can have of a server, and the names of what one
// can have them for.
type roleWords struct {
	roles []string
	name  *regexp.Regexp
	want  string
}

var (
	serviceRoles    = roleWords{[]string{"reader", "contributor"}, instanceName, "want the name of an instance"}
	keyReleaseRoles = roleWords{
		[]string{"release-user", "key-reader", "crypto-officer"},
		keyName,
		"want the name of a key: up to 127 letters in lower case, digits and -",
	}
)

// auth checks who may do what.
func (k *checker) auth() {
	k.notNegative("auth.leeway", k.Auth.Leeway)
	if k.Auth.Leeway > maxLeeway {
		k.fault("auth.leeway", "%s, want %s at most: tokens would hold long after their end", durationText(k.Auth.Leeway), durationText(maxLeeway))
	}
	names := &issuerNames{taken: map[string]bool{}, entra: map[string]bool{}}
	k.entra(names)
	k.issuers(names)
	for i := range k.Auth.Bindings {
		k.binding(at("auth.bindings", i), &k.Auth.Bindings[i], names)
	}
	for i := range k.Auth.Certificates {
		k.certificate(at("auth.certificates", i), &k.Auth.Certificates[i])
	}
}

// issuerNames are the names by which bindings name issuers, and whether they are
// of Entra ID.
type issuerNames struct {
	taken map[string]bool
	entra map[string]bool
	list  []string
}

// entra checks the tenants.
func (k *checker) entra(names *issuerNames) {
	tenants := map[string]bool{}
	for i := range k.Auth.Entra {
		e, path := &k.Auth.Entra[i], at("auth.entra", i)
		k.issuerName(path+".name", e.Name, names)
		names.entra[e.Name] = true
		if !tenantID.MatchString(e.Tenant) {
			k.fault(path+".tenant", "%s, want the ID of the tenant, a GUID in lower case", quoted(e.Tenant))
		} else if tenants[e.Tenant+e.Cloud] {
			k.fault(path+".tenant", "%s stands twice", quoted(e.Tenant))
		}
		tenants[e.Tenant+e.Cloud] = true
		k.oneOf(path+".cloud", e.Cloud, "public", "us-government", "china")
		k.audiences(path+".audiences", e.Audiences)
	}
}

// issuers checks the other issuers.
func (k *checker) issuers(names *issuerNames) {
	urls := map[string]bool{}
	for i := range k.Auth.Issuers {
		s, path := &k.Auth.Issuers[i], at("auth.issuers", i)
		k.issuerName(path+".name", s.Name, names)
		k.issuerURL(path+".url", s.URL)
		if s.Tenant != "" && !tenantID.MatchString(s.Tenant) {
			k.fault(path+".tenant", "%s, want the ID of a tenant, a GUID in lower case", quoted(s.Tenant))
		}
		if s.URL != "" && urls[s.URL] {
			k.fault(path+".url", "%s stands twice", quoted(s.URL))
		}
		urls[s.URL] = true
		if len(s.Audiences) == 0 {
			k.fault(path+".audiences", "missing, want one or more: tokens for others would be accepted")
		}
		k.audiences(path+".audiences", s.Audiences)
	}
}

func (k *checker) issuerName(path, name string, names *issuerNames) {
	switch {
	case !instanceName.MatchString(name):
		k.fault(path, "%s, want up to 63 letters in lower case, digits and -, by which bindings name it", quoted(name))
		return
	case names.taken[name]:
		k.fault(path, "%s stands twice, want a name for each issuer", quoted(name))
		return
	}
	names.taken[name] = true
	names.list = append(names.list, name)
}

// issuerURL demands https, or http to this machine.
func (k *checker) issuerURL(path, text string) {
	schemes := []string{"https"}
	if u, err := url.Parse(text); err == nil && isLoopback(u.Hostname()) {
		schemes = append(schemes, "http")
	}
	k.url(path, text, urlRules{schemes: schemes})
}

func (k *checker) audiences(path string, audiences []string) {
	for i, a := range audiences {
		if a == "" {
			k.fault(at(path, i), "empty, want an audience")
		}
	}
	k.isUnique(path, audiences)
}

func (k *checker) binding(path string, b *Binding, names *issuerNames) {
	switch {
	case len(names.list) == 0:
		k.fault(path+".issuer", "names an issuer, but auth.entra and auth.issuers are empty")
	case !names.taken[b.Issuer]:
		k.fault(path+".issuer", "%s, want the name of one in auth.entra or auth.issuers: %s", quoted(b.Issuer), listed(names.list))
	}
	k.oneOf(path+".claim", b.Claim, "roles", "groups", "oid", "sub", "appid")
	isEntra := names.entra[b.Issuer]
	if b.Claim == "appid" && names.taken[b.Issuer] && !isEntra {
		k.fault(path+".claim", "appid, which only Entra ID vouches for, want sub")
	}
	switch isID := b.Claim == "oid" || b.Claim == "appid"; {
	case b.Value == "" || strings.TrimSpace(b.Value) != b.Value:
		k.fault(path+".value", "%s, want what the claim must hold, without spaces around", quoted(b.Value))
	case isEntra && isID && !tenantID.MatchString(b.Value):
		k.fault(path+".value", "%s, want an ID, a GUID in lower case", quoted(b.Value))
	}
	k.granted(path, b.Role, b.Instances)
}

func (k *checker) certificate(path string, c *Certificate) {
	var given []string
	for _, one := range []struct{ key, value string }{
		{"sha256", c.SHA256}, {"spkiSHA256", c.SPKISHA256}, {"uri", c.URI}, {"dns", c.DNS},
	} {
		if one.value != "" {
			given = append(given, one.key)
		}
	}
	if len(given) != 1 {
		k.fault(path, "has %d of sha256, spkiSHA256, uri and dns, want one", len(given))
	}
	for key, value := range map[string]string{".sha256": c.SHA256, ".spkiSHA256": c.SPKISHA256} {
		if value != "" && !sha256Hex.MatchString(value) {
			k.fault(path+key, "%s, want 64 hexadecimal digits", quoted(value))
		}
	}
	if u, err := url.Parse(c.URI); c.URI != "" && (err != nil || !u.IsAbs() || u.String() != c.URI || strings.Contains(c.URI, "*")) {
		k.fault(path+".uri", "%s, want a URI such as spiffe://example.com/operator", quoted(c.URI))
	}
	if c.DNS != "" && !isHostName(c.DNS) {
		k.fault(path+".dns", "%s, want a host name in lower case, without *", quoted(c.DNS))
	}
	switch {
	case k.BehindProxy:
		k.fault(path, "needs client certificates, which do not come through a proxy that does TLS (behindProxy)")
	case k.TLS.ClientCAFile == "":
		k.fault(path, "needs tls.clientCAFile, the authorities of client certificates")
	}
	k.granted(path, c.Role, c.Instances)
}

// granted checks a role and for which instances or keys it holds. Those of the store
// are not known here, so that only the form of names can be wrong.
func (k *checker) granted(path, role string, instances []string) {
	k.oneOf(path+".role", role, k.roles.roles...)
	for i, name := range instances {
		if !k.roles.name.MatchString(name) {
			k.fault(fmt.Sprintf("%s.instances[%d]", path, i), "%s, %s", quoted(name), k.roles.want)
		}
	}
	k.isUnique(path+".instances", instances)
}
