package keyrelease

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Operator compares the value of a claim with the value of a condition. The names
// are those of the policy grammar.
type Operator string

// The operators of the grammar. Azure's own services evaluate OperatorEquals only.
const (
	OperatorEquals          Operator = "equals"
	OperatorNotEquals       Operator = "notEquals"
	OperatorLess            Operator = "less"
	OperatorLessOrEquals    Operator = "lessOrEquals"
	OperatorGreater         Operator = "greater"
	OperatorGreaterOrEquals Operator = "greaterOrEquals"
	OperatorExists          Operator = "exists"
)

var operators = []Operator{
	OperatorEquals, OperatorNotEquals, OperatorLess, OperatorLessOrEquals,
	OperatorGreater, OperatorGreaterOrEquals, OperatorExists,
}

// policyVersions are how the one version of the grammar is written: as its document
// has it, and as clients of Key Vault have written it, too.
var policyVersions = []string{"1.0.0", "1.0"}

// Policy is a release policy: which authorities may vouch for who asks for a key,
// and what their tokens must claim. It is immutable, and safe for concurrent use.
type Policy struct {
	authorities []condition
	text        []byte
}

// condition is an authority, a selector or the condition of one claim.
type condition struct {
	position Position
	// authority is set for an authority alone, without a slash at its end.
	authority string
	// any and parts are those of a selector; an authority has them too.
	any   bool
	parts []condition
	// path, operator and want are those of the condition of a claim.
	path     string
	operator Operator
	want     node
}

// ParsePolicy reads a release policy: JSON (RFC 8259) in UTF-8, at most 64 KiB, as
//
//	{
//	  "version": "1.0.0",
//	  "anyOf": [
//	    {
//	      "authority": "https://sharedeus.eus.attest.azure.net",
//	      "allOf": [
//	        {"claim": "x-ms-attestation-type", "equals": "sgx"},
//	        {"claim": "x-ms-sgx-is-debuggable", "equals": false}
//	      ]
//	    }
//	  ]
//	}
//
// Below an authority, conditions nest in allOf and anyOf. A claim's name is a path:
// its dots lead into objects. An authority is the issuer of the tokens, an https URL,
// or an http URL of this machine, in lower case as issuers are.
//
// Stricter than the grammar, whatever is not understood is a fault: another member,
// an empty list, a condition with two operators. The error is a *[PolicyError] with
// the first 20 faults, or with the one because of which the text is no JSON.
//
// Source: Microsoft, "Azure Key Vault secure key release policy grammar".
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > maxPolicyBytes {
		return nil, &PolicyError{[]Fault{{Position{1, 1}, fmt.Sprintf("%d bytes, want at most %d", len(text), maxPolicyBytes)}}}
	}
	root, fault := parseJSON(text)
	if fault != nil {
		at := places{text: text}
		return nil, &PolicyError{[]Fault{{at.at(fault.offset), fault.problem}}}
	}
	r := reader{places: places{text: text}}
	policy := r.policy(&root)
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b Fault) int {
			return cmp.Or(cmp.Compare(a.Position.Line, b.Position.Line), cmp.Compare(a.Position.Column, b.Position.Column))
		})
		return nil, &PolicyError{r.faults}
	}
	policy.text = bytes.Clone(text)
	return policy, nil
}

// Text returns the policy as it was written, byte for byte.
func (p *Policy) Text() []byte { return bytes.Clone(p.text) }

// Authorities returns the URLs whose tokens the policy takes, each once, in the
// order of the policy, without a slash at the end.
func (p *Policy) Authorities() []string {
	var urls []string
	for i := range p.authorities {
		if !slices.Contains(urls, p.authorities[i].authority) {
			urls = append(urls, p.authorities[i].authority)
		}
	}
	return urls
}

// authorityURL checks the URL of an authority and returns it as issuers are
// compared: without a slash at its end.
func authorityURL(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "":
		return "", fmt.Errorf("authority %s: want the URL of an attestation service, such as https://sharedeus.eus.attest.azure.net", shown(text))
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(text, "#"):
		return "", fmt.Errorf("authority %s: want a URL without user, query and fragment", shown(text))
	case strings.ContainsFunc(text, isUnfitForURL) || strings.HasSuffix(text, "//"):
		return "", fmt.Errorf("authority %s: want letters, digits, - . _ ~ / and : alone, and no empty segment at the end", shown(text))
	case strings.ToLower(u.Host) != u.Host || !strings.HasPrefix(text, u.Scheme+"://"):
		return "", fmt.Errorf("authority %s: want scheme and host in lower case, as the issuer of a token is compared by its letters", shown(text))
	case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port(), u.Scheme):
		return "", fmt.Errorf("authority %s: want a port from 1 to 65535 which is not the scheme's own, or none", shown(text))
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return strings.TrimSuffix(text, "/"), nil
	}
	return "", fmt.Errorf("authority %s: want https (http for this machine only)", shown(text))
}

// isUnfitForURL reports whether a character does not stand in the URLs of
// attestation services: those beyond look like others, are escapes or do not print.
func isUnfitForURL(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~/:[]", r)
}

func isPort(text, scheme string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0 && (scheme != "https" || port != 443) && (scheme != "http" || port != 80)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
