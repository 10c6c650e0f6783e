package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// trusted is an issuer with its keys.
type trusted struct {
	Issuer
	keys *keySource
}

// verify finds out who holds a token.
func (a *Authenticator) verify(ctx context.Context, token string, now time.Time) (*Caller, error) {
	t, err := parseJWT(token)
	if err != nil {
		return nil, err
	}
	// The issuer is chosen by what the token says and nobody has vouched for yet.
	// From here on only that issuer's keys count.
	name, ok := t.claims.text("iss")
	issuer := a.issuers[name]
	if !ok || issuer == nil {
		return nil, invalid(ReasonIssuer, "iss %q is none of the configured issuers", visible(name))
	}
	if !slices.Contains(issuer.Algorithms, t.algorithm) {
		return nil, invalid(ReasonAlgorithm, "alg %q, want %s of issuer %s", visible(t.algorithm), strings.Join(issuer.Algorithms, ", "), issuer.Name)
	}
	keys, generation, err := issuer.keys.find(ctx, t.keyID, t.algorithm)
	switch {
	case errors.Is(err, errUnknownKey):
		return nil, invalid(ReasonKey, "issuer %s has no %s key %q", issuer.Name, t.algorithm, visible(t.keyID))
	case err != nil:
		return nil, &UnavailableError{Issuer: issuer.Name, Err: err}
	}
	if !slices.ContainsFunc(keys, func(k key) bool { return t.verify(&k) }) {
		return nil, invalid(ReasonSignature, "not signed by the key %q of issuer %s", visible(t.keyID), issuer.Name)
	}
	end, err := a.checkTimes(t.claims, now)
	if err != nil {
		return nil, err
	}
	if err := issuer.checkClaims(t.claims); err != nil {
		return nil, err
	}
	caller := a.identify(ctx, issuer, t.claims)
	a.verified.put(token, verifiedEntry{
		caller: caller, issuer: issuer, generation: generation, from: now, until: earlier(end.Add(a.leeway), now.Add(verifiedFor)),
	})
	return caller, nil
}

func earlier(x, y time.Time) time.Time {
	if x.Before(y) {
		return x
	}
	return y
}

// checkTimes wants a token to have begun and not to have ended, and returns its
// end.
func (a *Authenticator) checkTimes(claims object, now time.Time) (time.Time, error) {
	end, hasEnd, err := claims.date("exp")
	if err != nil {
		return end, err
	}
	if !hasEnd {
		return end, invalid(ReasonLifetime, "no exp, want a token with an end")
	}
	if !now.Before(end.Add(a.leeway)) {
		return end, invalid(ReasonExpired, "ended at %s, now it is %s", end.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	start := now
	for _, name := range []string{"nbf", "iat"} {
		date, isThere, err := claims.date(name)
		if err != nil {
			return end, err
		}
		if !isThere {
			continue
		}
		if date.Add(-a.leeway).After(now) {
			return end, invalid(ReasonNotYetValid, "%s is %s, now it is %s", name, date.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
		}
		start = earlier(now, date) // that of iat, if there are both: some issuers say that nbf is 0
	}
	if end.Sub(start) > maxLifetime {
		return end, invalid(ReasonLifetime, "lives from %s to %s, want at most %s", start.UTC().Format(time.RFC3339), end.Format(time.RFC3339), maxLifetime)
	}
	return end, nil
}

// date reads a NumericDate (RFC 7519, section 2): seconds, with a fraction or
// without.
func (o object) date(name string) (time.Time, bool, error) {
	v, isThere := o[name]
	if !isThere {
		return time.Time{}, false, nil
	}
	if number, ok := v.(json.Number); ok {
		seconds, err := strconv.ParseFloat(number.String(), 64)
		if err == nil && seconds >= 0 && seconds <= maxDate {
			whole, fraction := math.Modf(seconds)
			return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), true, nil
		}
	}
	return time.Time{}, false, invalid(ReasonMalformed, "claim %s is not a time in seconds", name)
}

// checkClaims wants a token to be for this service, and of the right tenant.
func (i *trusted) checkClaims(claims object) error {
	audiences, ok := claims.texts("aud")
	if !ok || !slices.ContainsFunc(audiences, func(s string) bool { return slices.Contains(i.Audiences, s) }) {
		return invalid(ReasonAudience, "aud %q, want %q", visible(strings.Join(audiences, " ")), strings.Join(i.Audiences, " "))
	}
	if i.TenantID != "" {
		if tenant, ok := claims.text("tid"); !ok || tenant != i.TenantID {
			return invalid(ReasonTenant, "tid %q, want %s", visible(tenant), i.TenantID)
		}
	}
	if i.TokenVersion != "" {
		if version, ok := claims.text("ver"); !ok || version != i.TokenVersion {
			return invalid(ReasonType, "ver %q, want %s", visible(version), i.TokenVersion)
		}
	}
	if sub, ok := claims.text("sub"); !ok || sub == "" || len(sub) > maxName {
		return invalid(ReasonSubject, "no sub of 1 to %d bytes", maxName)
	}
	return nil
}

// identify says who the claims are about, and what that one may do.
func (a *Authenticator) identify(ctx context.Context, i *trusted, claims object) *Caller {
	sub, _ := claims.text("sub")
	c := &Caller{Issuer: i.Name, Subject: visible(sub), name: "sub:" + visible(sub) + "@" + i.Name}
	bound := map[Claim][]string{ClaimSubject: {sub}}
	for _, name := range []Claim{ClaimRoles, ClaimGroups, ClaimObjectID} {
		// What is of another kind binds nothing.
		bound[name], _ = claims.texts(string(name))
	}
	if overflows(claims) {
		delete(bound, ClaimGroups)
	}
	if i.isEntra() {
		c.describe(claims)
		bound[ClaimAppID] = applicationOf(claims)
	}
	c.grants = grantsOf(a.bindings, &i.Issuer, bound)
	if overflows(claims) {
		a.log.InfoContext(ctx, "a token names its groups elsewhere, so no binding of a group applies to it: bind application roles or the object ID",
			slog.String("caller", c.name))
	}
	return c
}

// describe adds what Entra ID knows. Of other issuers the same claims would be
// whatever somebody wrote there.
func (c *Caller) describe(claims object) {
	text := func(name string) string {
		s, _ := claims.text(name)
		return visible(s)
	}
	c.TenantID, c.ObjectID = text("tid"), text("oid")
	c.AppID = text("appid")
	if c.AppID == "" {
		c.AppID = text("azp")
	}
	c.UPN = text("upn")
	if c.UPN == "" {
		c.UPN = text("preferred_username")
	}
	if c.ObjectID != "" {
		c.name = "oid:" + c.ObjectID + " (tid " + c.TenantID + ")"
	}
}

// applicationOf is the application that acts for itself, none if a user acts
// through it or if it proved nothing.
func applicationOf(claims object) []string {
	id, proof := "appid", "appidacr"
	if version, _ := claims.text("ver"); version == "2.0" {
		id, proof = "azp", "azpacr"
	}
	_, isDelegated := claims["scp"]
	kind, isText := claims.text("idtyp")
	how, _ := claims.text(proof)
	// 1 is a secret, 2 a certificate or another assertion.
	if isDelegated || !isText || kind != "" && kind != "app" || how != "1" && how != "2" {
		return nil
	}
	all, _ := claims.texts(id)
	return all
}

// overflows reports whether a token leaves out groups because there are too many.
func overflows(claims object) bool {
	if _, isThere := claims["hasgroups"]; isThere {
		return true
	}
	elsewhere, isThere := claims["_claim_names"]
	if !isThere {
		return false
	}
	names, ok := elsewhere.(object)
	_, hasGroups := names["groups"]
	return !ok || hasGroups
}
