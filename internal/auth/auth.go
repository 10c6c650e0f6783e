// Package auth says who sent a request, and what that one may do. It knows
// bearer tokens of OpenID Connect issuers, Entra ID first, and client
// certificates. It decides nothing about routes: what needs which [Action], and
// what is open to everybody, is for the server to say.
//
// Which function do I want?
//
//   - to set it up: [New], with issuers by [Entra] or, for a key release server,
//     [EntraVault], or written out, and with bindings that give roles;
//   - for each request: [Authenticator.Caller], then [Caller.May];
//   - for a service on a developer's machine: [OpenDevelopmentIssuer].
//
// Promises: keys are those that the issuer publishes, never those that a token
// brings along; an issuer's keys verify only tokens that name that issuer; issuers
// are asked for keys at a bounded rate, whatever callers send; no token reaches a
// log, an error or a [Caller].
package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

// Authenticator tells callers apart. It is safe for concurrent use. Close it when
// it is not needed any more.
type Authenticator struct {
	issuers      map[string]*trusted
	bindings     []Binding
	certificates []CertificateBinding
	leeway       time.Duration
	clock        func() time.Time
	log          *slog.Logger
	challenge    string
	verified     *verified

	life       *life
	transports []*http.Transport
}

// New makes an Authenticator. It asks no issuer: the first token does. It returns
// a *[ConfigError] if the configuration is incomplete or contradicts itself.
func New(given Config) (*Authenticator, error) {
	c, err := given.normalized()
	if err != nil {
		return nil, err
	}
	a := &Authenticator{
		issuers: make(map[string]*trusted), bindings: c.Bindings, certificates: c.Certificates,
		leeway: c.Leeway, clock: c.Clock, log: c.Log, challenge: challengeOf(c.Issuers), verified: newVerified(), life: newLife(),
	}
	for _, i := range c.Issuers {
		source := &keySource{name: i.Name, clock: c.Clock, log: c.Log, life: a.life, keys: i.keys}
		if i.keys == nil {
			source.fetch = (&publisher{i.URL, i.MetadataURL, i.TenantID, a.clientFor(i, c.HTTPClient)}).fetch
		}
		a.issuers[i.URL] = &trusted{i, source}
	}
	return a, nil
}

func (a *Authenticator) clientFor(i Issuer, given *http.Client) *http.Client {
	if given != nil {
		return clientOf(given)
	}
	t := newTransport(i.RootCAs)
	a.transports = append(a.transports, t)
	return clientOf(&http.Client{Transport: t})
}

// Close ends what is under way with issuers and waits for it. Tokens that need
// keys are undecided from then on. It returns no error.
func (a *Authenticator) Close() error {
	a.life.close()
	for _, t := range a.transports {
		t.CloseIdleConnections()
	}
	return nil
}

// Caller says who sent a request. Without credentials that is an anonymous
// caller, and no error. An Authorization header decides alone, even beside a
// client certificate: who sends a token wants to be its holder.
//
// It returns an *[InvalidError] if there are credentials and they do not hold,
// whose answer is 401, and a *[UnavailableError] if that cannot be said now, whose
// answer is 503; it wraps the context's error if that ended first.
func (a *Authenticator) Caller(ctx context.Context, r *http.Request) (*Caller, error) {
	c, err := a.caller(ctx, r)
	if e, ok := errors.AsType[*InvalidError](err); ok {
		e.challenge = a.challenge
	}
	return c, err
}

func (a *Authenticator) caller(ctx context.Context, r *http.Request) (*Caller, error) {
	now := a.clock()
	token, err := bearer(r.Header)
	if err != nil {
		return nil, err
	}
	if token != "" {
		if c := a.verified.get(token, now); c != nil {
			return c, nil
		}
		return a.verify(ctx, token, now)
	}
	leaf, err := clientCertificate(r.TLS, now)
	if err != nil {
		return nil, err
	}
	if leaf == nil {
		return &Caller{}, nil
	}
	return callerOf(leaf, a.certificates), nil
}

// Challenge is the value of the header WWW-Authenticate where credentials are
// missing, or give too little: where to get a token, and for what.
func (a *Authenticator) Challenge() string { return a.challenge }

// challengeOf names the first issuer that others can reach. What it says was
// configured, and holds no quotation marks: they are not allowed in URLs.
func challengeOf(issuers []Issuer) string {
	for _, i := range issuers {
		if i.keys != nil {
			continue
		}
		authority := i.URL
		if i.isEntra() {
			authority = strings.TrimSuffix(strings.TrimSuffix(i.MetadataURL, metadataPath), "/v2.0")
		}
		return `Bearer authorization_uri="` + quotable(authority) + `", resource="` + quotable(i.Audiences[0]) + `"`
	}
	return "Bearer"
}

// quotable keeps text from ending the quotation that it stands in.
func quotable(s string) string {
	return strings.NewReplacer(`"`, "%22", `\`, "%5C").Replace(visible(s))
}
