package auth

import (
	"crypto/x509"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Audience is what tokens for Azure Attestation are made for in the public cloud.
// The SDKs and the Azure CLI ask for it.
const Audience = "https://attest.azure.net"

// Issuer is somebody whose tokens are believed.
type Issuer struct {
	// Name stands in bindings, logs and names of callers: 1 to 63 lower-case
	// letters, digits and hyphens. Issuers of the same tenant may share a name,
	// as the two of [Entra] do.
	Name string
	// URL is what the claim iss says, to the letter. It is https, or http to this
	// machine.
	URL string
	// MetadataURL is where the issuer describes itself. Empty stands for
	// /.well-known/openid-configuration below URL.
	MetadataURL string
	// Audiences are the values of the claim aud that are accepted, to the letter.
	// None stands for [Audience]; with a slash at its end it is another one.
	Audiences []string
	// TenantID is the Entra ID tenant that the claim tid must name. Entra ID's
	// issuers need it, and only they have it.
	TenantID string
	// TokenVersion is what the claim ver must say, empty if it does not matter.
	TokenVersion string
	// Algorithms are those that the issuer signs with, of RS256, RS384, RS512,
	// PS256, ES256 and ES384. None stands for all of these.
	Algorithms []string
	// RootCAs are what the issuer's TLS certificate must chain to. Nil stands for
	// the system's.
	RootCAs *x509.CertPool

	// keys are those of an issuer that publishes none.
	keys keySet
}

var (
	issuerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	guid       = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// normalized checks the issuer and fills in what stands for empty fields.
func (i Issuer) normalized(field string) (Issuer, error) {
	refuse := func(name, format string, args ...any) (Issuer, error) {
		return Issuer{}, &ConfigError{Field: field + "." + name, Problem: fmt.Sprintf(format, args...)}
	}
	if !issuerName.MatchString(i.Name) {
		return refuse("Name", "%q, want 1 to 63 lower-case letters, digits and hyphens", i.Name)
	}
	if problem := i.urlProblem(); problem != "" {
		return refuse("URL", "%s", problem)
	}
	if i.MetadataURL == "" {
		i.MetadataURL = strings.TrimSuffix(i.URL, "/") + metadataPath
	}
	if err := checkURL(i.MetadataURL, strings.HasPrefix(i.URL, "http:")); err != nil {
		return refuse("MetadataURL", "%v", err)
	}
	if len(i.Audiences) == 0 {
		i.Audiences = []string{Audience}
	}
	if slices.Contains(i.Audiences, "") {
		return refuse("Audiences", "an empty one, want what tokens for this service say")
	}
	i.Audiences = slices.Clone(i.Audiences)
	if len(i.Algorithms) == 0 {
		i.Algorithms = defaultAlgorithms
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(defaultAlgorithms, a) {
			return refuse("Algorithms", "%q, want some of %s", a, strings.Join(defaultAlgorithms, ", "))
		}
	}
	i.Algorithms = slices.Clone(i.Algorithms)
	if problem := i.tenantProblem(); problem != "" {
		return refuse("TenantID", "%s", problem)
	}
	return i, nil
}

func (i Issuer) urlProblem() string {
	if err := checkURL(i.URL, true); err != nil {
		return err.Error()
	}
	u, err := url.Parse(i.URL)
	if err != nil || u.RawQuery != "" || u.ForceQuery {
		return fmt.Sprintf("%q has a query, want none", i.URL)
	}
	return ""
}

// tenantProblem says why the issuer's tenant is not settled. An issuer of many
// tenants vouches for whoever opens one.
func (i Issuer) tenantProblem() string {
	u, err := url.Parse(i.URL)
	if err != nil {
		return "" // the URL was refused before
	}
	if !slices.Contains(entraHosts, strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))) {
		if i.TenantID != "" {
			return fmt.Sprintf("given, but %s is not of Entra ID, want none", u.Host)
		}
		return ""
	}
	tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch {
	case !guid.MatchString(tenant):
		return fmt.Sprintf("the issuer's URL names %q where a tenant's ID should be: it is for many tenants, want that of one, which Entra makes", tenant)
	case tenant == personalTenant:
		return "the tenant of personal accounts, in which anybody can have one, want that of an organization"
	case i.TenantID != tenant:
		return fmt.Sprintf("%q, want %s as in the issuer's URL", i.TenantID, tenant)
	}
	return ""
}

// isEntra reports whether claims mean what Entra ID says that they mean.
func (i Issuer) isEntra() bool { return i.TenantID != "" }
