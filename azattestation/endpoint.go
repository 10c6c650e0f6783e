package azattestation

import (
	"net"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
)

// ServiceName names Azure Attestation in a cloud.Configuration, to give the
// audience of its bearer tokens in a cloud that this module does not know.
const ServiceName cloud.ServiceName = "azattestation"

// audiences are those of the public cloud and of the sovereign clouds, by the
// host that signs people in.
var audiences = map[string]string{
	"login.microsoftonline.com":        "https://attest.azure.net",
	"login.windows.net":                "https://attest.azure.net",
	"login.microsoftonline.us":         "https://attest.azure.us",
	"login.chinacloudapi.cn":           "https://attest.azure.cn",
	"login.partner.microsoftonline.cn": "https://attest.azure.cn",
}

// Scope returns the scope of the bearer tokens that the service takes, for those
// who send it something that the clients of this package do not. Of a cloud that is
// not known it is the audience under [ServiceName], or else an *[ArgumentError].
func Scope(c cloud.Configuration) (string, error) {
	audience := c.Services[ServiceName].Audience
	if audience == "" {
		host := c.ActiveDirectoryAuthorityHost
		if host == "" {
			host = cloud.AzurePublic.ActiveDirectoryAuthorityHost
		}
		if u, err := url.Parse(host); err == nil {
			audience = audiences[strings.ToLower(u.Hostname())]
		}
	}
	if audience == "" {
		return "", &ArgumentError{
			Argument: "ClientOptions.Cloud", Expected: "the audience of Azure Attestation in Services[azattestation.ServiceName]",
			Found: "an unknown cloud, " + c.ActiveDirectoryAuthorityHost,
		}
	}
	return strings.TrimSuffix(strings.TrimSuffix(audience, "/.default"), "/") + "/.default", nil
}

// parseEndpoint returns the URL of an instance in the form in which its tokens
// name it: lower-case scheme and host, no default port, no slash at the end.
func parseEndpoint(endpoint string) (string, error) {
	refuse := func(expected string) (string, error) {
		return "", &ArgumentError{Argument: "endpoint", Expected: expected, Found: withoutSecrets(endpoint)}
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Opaque != "" || u.Hostname() == "" {
		return refuse("the URL of an instance, such as https://sharedeus.eus.attest.azure.net")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return refuse("a URL without user, query and fragment")
	}
	if port := u.Port(); port != "" && strings.HasPrefix(port, "0") {
		return refuse("a port without leading zeros")
	}
	if strings.IndexFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		return refuse("a host in ASCII: write an international name in its xn-- form")
	}
	switch u.Scheme {
	case "https":
		u.Host = strings.TrimSuffix(u.Host, ":443")
	case "http":
		// Whoever is on the way can put keys of their own in place of the service's.
		if !isLoopback(u.Hostname()) {
			return refuse("https, or http to this machine")
		}
		u.Host = strings.TrimSuffix(u.Host, ":80")
	default:
		return refuse("https, or http to this machine")
	}
	u.Host = strings.ToLower(strings.TrimSuffix(u.Host, ":")) // an empty port is the default one
	if u.RawPath != "" {
		return refuse("a path without escapes")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String(), nil
}

// withoutSecrets cuts off what may be a secret: a password before the last @, a
// signature in the query, a token in the fragment.
func withoutSecrets(endpoint string) string {
	if i := strings.IndexAny(endpoint, "?#"); i >= 0 {
		endpoint = endpoint[:i+1] + "…"
	}
	if i := strings.LastIndexByte(endpoint, '@'); i >= 0 {
		return "…" + endpoint[i:]
	}
	return endpoint
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
