package auth

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWhoHasNoCredentialsIsAnonymous(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t, newIDP(t).config(newClock()))
	r := httptest.NewRequest(http.MethodGet, "/?access_token=x", http.NoBody)
	r.Header.Set("Proxy-Authorization", "Bearer x")
	c := wantCaller(t, a, r)
	if !c.IsAnonymous() || c.Name() != "anonymous" || c.May(Read, "contoso") {
		t.Errorf("%+v, want an anonymous caller who may nothing", c)
	}
	if nobody := (*Caller)(nil); !nobody.IsAnonymous() || nobody.May(Read, "contoso") || nobody.String() != "anonymous" {
		t.Error("a nil caller is somebody")
	}
}

func TestTokenOfAnIssuerByDiscovery(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := newAuthenticator(t, p.config(newClock()))
	for name, test := range map[string]struct {
		sub      string
		mayWrite bool
		want     string
	}{
		"bound":   {"alice", true, "sub:alice@local"},
		"unbound": {"bob", false, "sub:bob@local"},
		"control": {"a\u202elice\n", false, `sub:a\u202elice\n@local`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := wantCaller(t, a, withBearer(p.token(map[string]any{"sub": test.sub})))
			if c.IsAnonymous() || c.May(Write, "contoso") != test.mayWrite || c.Name() != test.want || c.Issuer != "local" {
				t.Errorf("%+v, want %s, who may write: %v", c, test.want, test.mayWrite)
			}
		})
	}
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	p.publish(jwkOf("rsa", rsaKey().Public()), jwkOf("p256", p256Key().Public()), jwkOf("p384", p384Key().Public()))
	a := newAuthenticator(t, p.config(newClock()))
	for algorithm, key := range map[string]struct {
		id      string
		private any
	}{
		"RS256": {"rsa", rsaKey()}, "RS384": {"rsa", rsaKey()}, "RS512": {"rsa", rsaKey()}, "PS256": {"rsa", rsaKey()},
		"ES256": {"p256", p256Key()}, "ES384": {"p384", p384Key()},
	} {
		header := map[string]any{"alg": algorithm, "kid": key.id}
		if c := wantCaller(t, a, withBearer(signed(header, encodeJSON(p.claims(nil)), key.private))); c.Subject != "alice" {
			t.Errorf("%s: %+v", algorithm, c)
		}
	}
}

func TestFormsOfGoodTokens(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	config := p.config(newClock())
	config.Issuers[0].Audiences = []string{"https://attest.azure.net/", "api"}
	a := newAuthenticator(t, config)
	for name, test := range map[string]struct{ header, claims map[string]any }{
		"access token of RFC 9068": {map[string]any{"typ": "at+JWT"}, map[string]any{"aud": "api"}},
		"no type":                  {map[string]any{"typ": nil}, map[string]any{"aud": "api"}},
		"several audiences":        {nil, map[string]any{"aud": []string{"account", "api"}}},
		"audience with a slash":    {nil, map[string]any{"aud": "https://attest.azure.net/"}},
		"only one fitting key":     {map[string]any{"kid": nil}, map[string]any{"aud": "api"}},
		"times with fractions":     {nil, map[string]any{"aud": "api", "exp": float64(day.Unix()) + 60.5, "nbf": float64(day.Unix()) - .5}},
		"not before 1970":          {nil, map[string]any{"aud": "api", "nbf": 0}},
		"only an end":              {nil, map[string]any{"aud": "api", "iat": nil, "nbf": nil}},
		"within the leeway":        {nil, map[string]any{"aud": "api", "exp": day.Add(-59 * time.Second).Unix(), "iat": nil, "nbf": nil}},
		"of a fast clock":          {nil, map[string]any{"aud": "api", "iat": day.Add(time.Minute).Unix(), "nbf": day.Add(time.Minute).Unix()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := signed(changed(rs256("k1"), test.header), encodeJSON(p.claims(test.claims)), rsaKey())
			for _, value := range []string{"Bearer " + token, "bearer " + token, "BEARER   " + token} {
				r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
				r.Header.Set("Authorization", value)
				if c := wantCaller(t, a, r); c.Subject != "alice" {
					t.Errorf("%+v, want alice", c)
				}
			}
		})
	}
}

func TestVerifiedTokenIsForgotten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		later time.Duration
		want  Reason
	}{
		"when it ends":               {3 * time.Minute, ReasonExpired},
		"when the clock is set back": {-time.Hour, ReasonNotYetValid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, c := newIDP(t), newClock()
			a := newAuthenticator(t, p.config(c))
			token := p.token(map[string]any{"exp": day.Add(2 * time.Minute).Unix()})
			first := wantCaller(t, a, withBearer(token))
			if again := wantCaller(t, a, withBearer(token)); again != first {
				t.Error("verified again within a moment")
			}
			c.Advance(test.later)
			_, err := a.Caller(t.Context(), withBearer(token))
			wantReason(t, err, test.want, token)
		})
	}
}

// TestClaimsOfEntraIDCountForEntraIDAlone: whoever runs another issuer cannot
// take on a name in somebody's tenant.
func TestClaimsOfEntraIDCountForEntraIDAlone(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := newAuthenticator(t, p.config(newClock()))
	c := wantCaller(t, a, withBearer(p.token(map[string]any{"oid": userID, "tid": tenant, "upn": "jane@contoso.com", "appid": daemonID})))
	if c.Name() != "sub:alice@local" || c.ObjectID+c.TenantID+c.UPN+c.AppID != "" {
		t.Errorf("%+v, want nothing of Entra ID", c)
	}
}

func TestVerifiedTokensAreBounded(t *testing.T) {
	t.Parallel()
	v, issuer := newVerified(), &trusted{keys: &keySource{}}
	until := day.Add(verifiedFor)
	for i := range 3 * maxVerified {
		v.put(strings.Repeat("x", i), verifiedEntry{caller: &Caller{}, issuer: issuer, from: day, until: until})
		if len(v.entries) > maxVerified {
			t.Fatalf("%d tokens are remembered, want at most %d", len(v.entries), maxVerified)
		}
	}
	last := strings.Repeat("x", 3*maxVerified-1)
	if v.get(last, day) == nil {
		t.Error("the last token is not remembered")
	}
	if v.get(last, until) != nil {
		t.Error("a token is remembered beyond its time")
	}
	v.put("over", verifiedEntry{caller: &Caller{}, issuer: issuer, from: day, until: day.Add(time.Second)})
	v.shrink(until)
	if len(v.entries) != 0 {
		t.Errorf("%d tokens are remembered when all are over", len(v.entries))
	}
}

func TestGroupsThatAreElsewhereBindNothing(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	config := p.config(newClock())
	var log bytes.Buffer
	config.Log = slog.New(slog.NewTextHandler(&log, nil))
	config.Bindings = []Binding{{Claim: ClaimGroups, Value: "admins", Role: Contributor}, {Claim: ClaimRoles, Value: "reader", Role: Reader}}
	a := newAuthenticator(t, config)
	for name, test := range map[string]struct {
		claims            map[string]any
		mayRead, mayWrite bool
		isLogged          bool
	}{
		"array":           {map[string]any{"groups": []string{"users", "admins"}}, true, true, false},
		"single":          {map[string]any{"groups": "admins"}, true, true, false},
		"part of a name":  {map[string]any{"groups": []string{"admin", "admins2", "Admins", " admins"}}, false, false, false},
		"nested":          {map[string]any{"groups": []any{[]any{"admins"}}}, false, false, false},
		"object":          {map[string]any{"groups": map[string]any{"admins": "admins"}}, false, false, false},
		"number among":    {map[string]any{"groups": []any{"admins", 1}}, false, false, false},
		"elsewhere":       {map[string]any{"groups": []string{"admins"}, "_claim_names": map[string]any{"groups": "src1"}}, false, false, true},
		"too many":        {map[string]any{"groups": []string{"admins"}, "hasgroups": true, "roles": "reader"}, true, false, true},
		"odd overflow":    {map[string]any{"groups": []string{"admins"}, "_claim_names": "groups"}, false, false, true},
		"others overflow": {map[string]any{"groups": []string{"admins"}, "_claim_names": map[string]any{"photo": "src1"}}, true, true, false},
		"roles by commas": {map[string]any{"roles": "x,reader"}, false, false, false},
	} {
		log.Reset()
		c := wantCaller(t, a, withBearer(p.token(changed(test.claims, map[string]any{"sub": name}))))
		if c.May(Read, "x") != test.mayRead || c.May(Write, "x") != test.mayWrite {
			t.Errorf("%s: may read %v, write %v", name, c.May(Read, "x"), c.May(Write, "x"))
		}
		if isLogged := log.Len() > 0 && strings.Contains(log.String(), "groups elsewhere"); isLogged != test.isLogged {
			t.Errorf("%s: logged %q", name, log.String())
		}
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	const tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	entra, err := Entra(tenant, CloudPublic)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		issuers []Issuer
		want    string
	}{
		"Entra ID": {entra, `Bearer authorization_uri="https://login.microsoftonline.com/` + tenant + `", resource="https://attest.azure.net"`},
		"v2 alone": {entra[1:], `Bearer authorization_uri="https://login.microsoftonline.com/` + tenant + `", resource="https://attest.azure.net"`},
		"another": {
			[]Issuer{{Name: "dex", URL: "https://dex.example.com/dex", Audiences: []string{`a"b`}}},
			`Bearer authorization_uri="https://dex.example.com/dex", resource="a%5C%22b"`,
		},
		"none": {nil, "Bearer"},
	} {
		a := newAuthenticator(t, Config{Issuers: test.issuers})
		if a.Challenge() != test.want {
			t.Errorf("%s: %s, want %s", name, a.Challenge(), test.want)
		}
		_, err := a.Caller(t.Context(), withBearer("x"))
		e, ok := errors.AsType[*InvalidError](err)
		if !ok {
			t.Fatal(err)
		}
		suffix := `error="invalid_token", error_description="The bearer token is not valid."`
		if got := e.Challenge(); !strings.HasPrefix(got, test.want) || !strings.HasSuffix(got, suffix) {
			t.Errorf("%s: %s, want it to end in %s", name, got, suffix)
		}
	}
}
