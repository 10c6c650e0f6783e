package instance

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/token"
)

// Mode says who may change the policies of an instance.
type Mode string

// The modes, spelled as Azure's resource manager has them in trustModel.
const (
	// AAD: whoever holds the role. Policies may be signed by any key.
	AAD Mode = "AAD"
	// Isolated: whoever holds the role and signs with a key that a policy
	// management certificate names. It is chosen when the instance is made, and
	// never left.
	Isolated Mode = "Isolated"
	// Shared: nobody. The policies are the defaults, or what the operator's
	// configuration fixes.
	Shared Mode = "Shared"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{AAD, Isolated, Shared} }

// Settings are what an operator says of an instance.
type Settings struct {
	// Name identifies the instance among those of the store, for operators: 1 to
	// 63 letters, digits and hyphens, in lower case.
	Name string `json:"name"`
	// URL is the issuer of its tokens, in the form that [token.NewIssuer] wants.
	// Its host, and its path if it has one, say which requests are for the
	// instance.
	URL string `json:"url"`
	// Hosts are further host names, with or without a port, at which it answers.
	Hosts []string `json:"hosts,omitempty"`
	// Mode is chosen once.
	Mode Mode `json:"mode"`
	// Types are the kinds of evidence that it attests; none means all for which
	// the process has verifiers.
	Types []attest.Type `json:"types,omitempty"`
	// AcceptedTCB and AzureDefaultTCB are as in [attest.Config].
	AcceptedTCB     []evidence.TCBStatus `json:"acceptedTCB,omitempty"`
	AzureDefaultTCB int                  `json:"azureDefaultTCB,omitempty"`
	// Algorithm signs its tokens; empty means RS256.
	Algorithm token.Algorithm `json:"algorithm,omitempty"`
	// TokenLifetime is how long attestation tokens are valid, in nanoseconds; 0
	// means 8 hours.
	TokenLifetime time.Duration `json:"tokenLifetime,omitempty"`
	// AttestationNeedsReader asks whoever attests enclaves for the role
	// Attestation Reader. Azure's instances ask nobody.
	AttestationNeedsReader bool `json:"attestationNeedsReader,omitempty"`
	// RefuseReplayedPolicies refuses a signed policy that was in force before and
	// no longer is: whoever recorded it cannot bring it back. Going back then
	// needs a new signature over a text that differs, if only by a comment.
	RefuseReplayedPolicies bool `json:"refuseReplayedPolicies,omitempty"`
}

// SettingsError says what is wrong with settings.
type SettingsError struct {
	// Instance is the name that they give.
	Instance string
	// Field is the field of [Settings].
	Field string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("instance %q: %s: %s", e.Instance, e.Field, e.Problem)
}

var (
	namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	hostPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?$`)
)

// Validate returns a *[SettingsError] for the first thing that is wrong. How long
// TokenLifetime may be at most is checked where an instance is made or changed.
func (s Settings) Validate() error {
	refuse := func(field, format string, args ...any) error {
		return &SettingsError{s.Name, field, fmt.Sprintf(format, args...)}
	}
	if !namePattern.MatchString(s.Name) {
		return refuse("Name", "%q, want 1 to 63 letters, digits and hyphens, in lower case, no hyphen first or last", s.Name)
	}
	if err := token.CheckURL(s.URL); err != nil {
		return refuse("URL", "%v", err)
	}
	if !slices.Contains(Modes(), s.Mode) {
		return refuse("Mode", "%q, want one of %v", s.Mode, Modes())
	}
	if len(s.Hosts) > maxHosts {
		return refuse("Hosts", "%d, want at most %d", len(s.Hosts), maxHosts)
	}
	for _, host := range s.Hosts {
		if !hostPattern.MatchString(host) {
			return refuse("Hosts", "%q, want a host name in lower case, perhaps with a port", host)
		}
	}
	for _, t := range s.Types {
		if parsed, ok := attest.ParseType(string(t)); !ok || parsed != t {
			return refuse("Types", "%q is no type, want some of %v", string(t), attest.Types())
		}
	}
	if s.AzureDefaultTCB < 0 {
		return refuse("AzureDefaultTCB", "%d, want a TCB evaluation data number or 0", s.AzureDefaultTCB)
	}
	for _, status := range s.AcceptedTCB {
		switch {
		case !status.Valid():
			return refuse("AcceptedTCB", "%q is no TCB status, want some of %v", string(status), evidence.TCBStatuses())
		case status == evidence.TCBRevoked || status == evidence.TCBNoMatchingLevel:
			return refuse("AcceptedTCB", "%s can never be accepted: nobody vouches for such a platform", status)
		}
	}
	if s.AcceptedTCB != nil && len(s.AcceptedTCB) == 0 {
		return refuse("AcceptedTCB", "empty, want at least one status, or none at all for the default")
	}
	if s.TokenLifetime < 0 || s.TokenLifetime%time.Second != 0 {
		return refuse("TokenLifetime", "%s, want whole seconds, or 0 for the default", s.TokenLifetime)
	}
	if !slices.Contains([]token.Algorithm{"", token.RS256, token.PS256, token.ES256}, s.Algorithm) {
		return refuse("Algorithm", "%q, want RS256, PS256 or ES256", s.Algorithm)
	}
	return nil
}

// serves reports whether the settings name the type, or name none.
func (s Settings) serves(t attest.Type) bool {
	return len(s.Types) == 0 || slices.Contains(s.Types, t)
}

// algorithm returns the one that signs.
func (s Settings) algorithm() token.Algorithm { return cmp.Or(s.Algorithm, token.RS256) }

// place is where an instance answers.
type place struct {
	host string // in lower case, perhaps with a port
	base string // a path, in lower case, without a trailing slash
}

// places are those of the URL and of the further host names.
func (s Settings) places() []place {
	parsed, err := url.Parse(s.URL)
	if err != nil {
		return nil
	}
	base := strings.ToLower(parsed.Path)
	places := []place{{parsed.Host, base}}
	for _, host := range s.Hosts {
		places = append(places, place{host, base})
	}
	return places
}

// clone shares nothing with the original.
func (s Settings) clone() Settings {
	s.Hosts, s.Types, s.AcceptedTCB = slices.Clone(s.Hosts), slices.Clone(s.Types), slices.Clone(s.AcceptedTCB)
	return s
}
