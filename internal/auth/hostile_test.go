package auth

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// hostile is a token that must be refused, and why.
type hostile struct {
	token string
	want  Reason
}

// hostileTokens are made by who knows everything but the issuer's private key,
// and by who has a genuine token of another kind.
func hostileTokens(p, other *idp) map[string]hostile {
	good := p.claims(nil)
	payload := encodeJSON(good)
	public := must(x509.MarshalPKIXPublicKey(rsaKey().Public()))
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	genuine := p.token(nil)
	parts := strings.Split(genuine, ".")
	header := func(changes map[string]any) string { return signed(changed(rs256("k1"), changes), payload, rsaKey()) }
	claims := func(changes map[string]any) string { return p.token(changes) }
	raw := func(payload string) string { return signed(rs256("k1"), payload, rsaKey()) }
	own := otherRSAKey()
	// A signature of 256 bytes leaves four bits of its last character unused.
	last := strings.IndexByte(base64Alphabet, genuine[len(genuine)-1])
	stray := genuine[:len(genuine)-1] + base64Alphabet[last|1:last|1+1]
	return map[string]hostile{
		// Signatures.
		"alg none":                    {signed(map[string]any{"alg": "none"}, payload, nil), ReasonAlgorithm},
		"alg none, spelled otherwise": {signed(map[string]any{"alg": "nOnE"}, payload, nil), ReasonAlgorithm},
		"alg none, signed":            {signed(map[string]any{"alg": "none", "kid": "k1"}, payload, rsaKey()), ReasonAlgorithm},
		"no signature":                {parts[0] + "." + parts[1] + ".", ReasonAlgorithm},
		"no alg":                      {header(map[string]any{"alg": nil}), ReasonAlgorithm},
		"alg is a number":             {signed(map[string]any{"alg": 256, "kid": "k1"}, payload, rsaKey()), ReasonAlgorithm},
		"HS256 with the public key":   {signed(map[string]any{"alg": "HS256", "kid": "k1"}, payload, public), ReasonAlgorithm},
		"HS256 with the PEM":          {signed(map[string]any{"alg": "HS256", "kid": "k1"}, payload, publicPEM), ReasonAlgorithm},
		"ES256 of an RSA key's ID":    {signed(map[string]any{"alg": "ES256", "kid": "k1"}, payload, p256Key()), ReasonKey},
		"EdDSA":                       {signed(map[string]any{"alg": "EdDSA", "kid": "k1"}, payload, rsaKey()), ReasonAlgorithm},
		"RS256 signed as PS256":       {parts[0] + "." + parts[1] + "." + b64(signature("PS256", parts[0]+"."+parts[1], rsaKey())), ReasonSignature},
		"another key, same ID":        {signed(rs256("k1"), payload, own), ReasonSignature},
		"another key, its ID":         {signed(rs256("k2"), payload, own), ReasonKey},
		"ID in other letters":         {signed(rs256("K1"), payload, rsaKey()), ReasonKey},
		"ID is a path":                {signed(rs256("../../dev/null"), payload, []byte{}), ReasonKey},
		"ID is a number":              {signed(map[string]any{"alg": "RS256", "kid": 1}, payload, rsaKey()), ReasonMalformed},
		"signature cut":               {parts[0] + "." + parts[1] + "." + parts[2][:340], ReasonSignature},
		"signature of another":        {parts[0] + "." + parts[1] + "." + strings.Split(p.token(map[string]any{"sub": "bob"}), ".")[2], ReasonSignature},
		"payload exchanged":           {parts[0] + "." + b64([]byte(encodeJSON(p.claims(map[string]any{"sub": "root"})))) + "." + parts[2], ReasonSignature},
		// Headers that bring a key.
		"embedded jwk":      {signed(changed(rs256("k1"), map[string]any{"jwk": jwkOf("k1", own.Public())}), payload, own), ReasonMalformed},
		"jku":               {signed(changed(rs256("k1"), map[string]any{"jku": other.URL + "/keys"}), payload, own), ReasonMalformed},
		"x5u":               {signed(changed(rs256("k1"), map[string]any{"x5u": other.URL + "/keys"}), payload, own), ReasonMalformed},
		"x5c":               {signed(changed(rs256("k1"), map[string]any{"x5c": []string{"MIIB"}}), payload, own), ReasonMalformed},
		"crit":              {header(map[string]any{"crit": []string{"exp"}}), ReasonMalformed},
		"crit of nothing":   {header(map[string]any{"crit": []string{}}), ReasonMalformed},
		"unencoded payload": {header(map[string]any{"b64": false}), ReasonMalformed},
		"nested":            {header(map[string]any{"cty": "JWT"}), ReasonMalformed},
		"compressed":        {header(map[string]any{"zip": "DEF"}), ReasonMalformed},
		// Tokens for other ends.
		"logout token":   {header(map[string]any{"typ": "logout+jwt"}), ReasonType},
		"proof":          {header(map[string]any{"typ": "dpop+jwt"}), ReasonType},
		"type is a list": {header(map[string]any{"typ": []string{"JWT"}}), ReasonType},
		// Issuers.
		"no issuer":                    {claims(map[string]any{"iss": nil}), ReasonIssuer},
		"unknown issuer":               {claims(map[string]any{"iss": "https://evil.example"}), ReasonIssuer},
		"issuer with a slash":          {claims(map[string]any{"iss": p.URL + "/"}), ReasonIssuer},
		"issuer in capitals":           {claims(map[string]any{"iss": strings.ToUpper(p.URL)}), ReasonIssuer},
		"issuer and more":              {claims(map[string]any{"iss": p.URL + ".evil.example"}), ReasonIssuer},
		"issuers":                      {claims(map[string]any{"iss": []string{p.URL}}), ReasonIssuer},
		"key of the other issuer":      {signed(rs256("other"), payload, own), ReasonKey},
		"the other issuer, our key":    {signed(rs256("k1"), encodeJSON(other.claims(nil)), rsaKey()), ReasonKey},
		"other issuer's token, no kid": {signed(map[string]any{"alg": "RS256"}, payload, own), ReasonSignature},
		// Audiences.
		"no audience":              {claims(map[string]any{"aud": nil}), ReasonAudience},
		"another audience":         {claims(map[string]any{"aud": "https://vault.azure.net"}), ReasonAudience},
		"audience with a slash":    {claims(map[string]any{"aud": Audience + "/"}), ReasonAudience},
		"no audiences":             {claims(map[string]any{"aud": []string{}}), ReasonAudience},
		"nested audience":          {claims(map[string]any{"aud": []any{[]any{Audience}}}), ReasonAudience},
		"audience is an object":    {claims(map[string]any{"aud": map[string]any{Audience: Audience}}), ReasonAudience},
		"audience in a mixed list": {claims(map[string]any{"aud": []any{Audience, 1}}), ReasonAudience},
		// Times.
		"expired":                 {claims(map[string]any{"exp": day.Add(-time.Minute).Unix()}), ReasonExpired},
		"no end":                  {claims(map[string]any{"exp": nil}), ReasonLifetime},
		"end is text":             {claims(map[string]any{"exp": "1e9"}), ReasonMalformed},
		"end is null":             {raw(`{"iss":"` + p.URL + `","exp":null}`), ReasonMalformed},
		"negative end":            {claims(map[string]any{"exp": -1}), ReasonMalformed},
		"endless":                 {raw(`{"iss":"` + p.URL + `","exp":1e400}`), ReasonMalformed},
		"far end":                 {claims(map[string]any{"exp": day.Add(maxLifetime + time.Second).Unix()}), ReasonLifetime},
		"far end, no start":       {claims(map[string]any{"exp": day.Add(maxLifetime + time.Second).Unix(), "iat": nil, "nbf": nil}), ReasonLifetime},
		"long-lived, almost over": {claims(map[string]any{"iat": day.Add(time.Hour - maxLifetime - time.Second).Unix()}), ReasonLifetime},
		"long-lived, without iat": {claims(map[string]any{"iat": nil, "nbf": day.Add(time.Hour - maxLifetime - time.Second).Unix()}), ReasonLifetime},
		"not begun":               {claims(map[string]any{"nbf": day.Add(61 * time.Second).Unix()}), ReasonNotYetValid},
		"of the future":           {claims(map[string]any{"iat": day.Add(61 * time.Second).Unix()}), ReasonNotYetValid},
		"start is text":           {claims(map[string]any{"nbf": "0"}), ReasonMalformed},
		"issued an array":         {claims(map[string]any{"iat": []int{1}}), ReasonMalformed},
		// Subjects.
		"nobody":         {claims(map[string]any{"sub": nil}), ReasonSubject},
		"empty subject":  {claims(map[string]any{"sub": ""}), ReasonSubject},
		"long subject":   {claims(map[string]any{"sub": strings.Repeat("x", 256)}), ReasonSubject},
		"subject's list": {claims(map[string]any{"sub": []string{"alice"}}), ReasonSubject},
		// Forms.
		"claim twice":          {raw(strings.Replace(payload, `{`, `{"sub":"root",`, 1)), ReasonMalformed},
		"claim twice, escaped": {raw(strings.Replace(payload, `{`, `{"\u0073ub":"root",`, 1)), ReasonMalformed},
		"issuer twice":         {raw(strings.Replace(payload, `{`, `{"iss":"https://evil.example",`, 1)), ReasonMalformed},
		"member twice, deep":   {raw(strings.Replace(payload, `{`, `{"x":[{"a":1,"a":2}],`, 1)), ReasonMalformed},
		"header twice": {
			b64([]byte(`{"alg":"none","alg":"RS256","kid":"k1"}`)) + "." + parts[1] + "." + parts[2], ReasonMalformed,
		},
		"deep":                {raw(`{"iss":"` + p.URL + `","x":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`), ReasonMalformed},
		"payload is an array": {raw(`[` + payload + `]`), ReasonMalformed},
		"payload is text":     {raw(encodeJSON(payload)), ReasonMalformed},
		"payload is null":     {raw(`null`), ReasonMalformed},
		"empty payload":       {raw(""), ReasonMalformed},
		"two payloads":        {raw(payload + payload), ReasonMalformed},
		"broken payload":      {raw(payload[:len(payload)-1]), ReasonMalformed},
		"not UTF-8":           {raw(strings.Replace(payload, "alice", "\xff", 1)), ReasonMalformed},
		"comma at the end":    {raw(strings.TrimSuffix(payload, "}") + ",}"), ReasonMalformed},
		"one part":            {"x", ReasonMalformed},
		"two parts":           {parts[0] + "." + parts[1], ReasonMalformed},
		"four parts":          {genuine + ".x", ReasonMalformed},
		"five parts":          {genuine + ".x.x", ReasonMalformed},
		"only dots":           {"..", ReasonMalformed},
		"no header":           {"." + parts[1] + "." + parts[2], ReasonMalformed},
		"padded":              {parts[0] + "=." + parts[1] + "." + parts[2], ReasonMalformed},
		"standard base64":     {parts[0] + "." + parts[1] + ".+/", ReasonMalformed},
		"stray bits":          {stray, ReasonMalformed},
		"large header":        {header(map[string]any{"x": strings.Repeat("x", maxHeader)}), ReasonMalformed},
		"large token":         {claims(map[string]any{"x": strings.Repeat("x", maxToken)}), ReasonMalformed},
		"JSON serialization":  {encodeJSON(map[string]any{"payload": parts[1], "signatures": []any{}}), ReasonMalformed},
		"space in it":         {genuine + " " + genuine, ReasonMalformed},
		"two with a comma":    {genuine + "," + genuine, ReasonMalformed},
		"NUL":                 {genuine + "\x00", ReasonMalformed},
	}
}

func TestHostileTokensAreRefused(t *testing.T) {
	t.Parallel()
	p, other := newIDP(t), newIDP(t)
	other.publish(jwkOf("other", otherRSAKey().Public()))
	config := p.config(newClock())
	config.Issuers = append(config.Issuers, Issuer{Name: "other", URL: other.URL})
	config.Bindings[0].Issuer = "local"
	a := newAuthenticator(t, config)
	wantCaller(t, a, withBearer(p.token(nil)))
	for name, test := range hostileTokens(p, other) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // what was refused is not remembered as good
				c, err := a.Caller(t.Context(), withBearer(test.token))
				if c != nil {
					t.Errorf("got in as %s", c)
				}
				wantReason(t, err, test.want, test.token)
			}
		})
	}
}

// TestSubjectsOfOneIssuerAreNotThoseOfAnother: both issuers know an alice.
func TestSubjectsOfOneIssuerAreNotThoseOfAnother(t *testing.T) {
	t.Parallel()
	p, other := newIDP(t), newIDP(t)
	config := p.config(newClock())
	config.Issuers = append(config.Issuers, Issuer{Name: "other", URL: other.URL})
	config.Bindings[0].Issuer = "local"
	a := newAuthenticator(t, config)
	if c := wantCaller(t, a, withBearer(p.token(nil))); !c.May(Write, "x") {
		t.Errorf("%s may not write", c)
	}
	if c := wantCaller(t, a, withBearer(other.token(nil))); c.May(Read, "x") || c.Name() != "sub:alice@other" {
		t.Errorf("%s may read", c)
	}
}

func TestHostileHeadersAreRefused(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	a := newAuthenticator(t, p.config(newClock()))
	good := p.token(nil)
	for name, test := range map[string]struct {
		values []string
		want   Reason
	}{
		"two":                 {[]string{"Bearer " + good, "Bearer " + good}, ReasonScheme},
		"two, one empty":      {[]string{"Bearer " + good, ""}, ReasonScheme},
		"a hundred":           {make([]string, 100), ReasonScheme},
		"empty":               {[]string{""}, ReasonScheme},
		"only the scheme":     {[]string{"Bearer"}, ReasonScheme},
		"scheme and a space":  {[]string{"Bearer "}, ReasonMalformed},
		"no scheme":           {[]string{good}, ReasonScheme},
		"password":            {[]string{"Basic YWxpY2U6c2VjcmV0"}, ReasonScheme},
		"scheme with colon":   {[]string{"Bearer: " + good}, ReasonScheme},
		"tab":                 {[]string{"Bearer\t" + good}, ReasonScheme},
		"tab after space":     {[]string{"Bearer \t" + good}, ReasonMalformed},
		"space before":        {[]string{" Bearer " + good}, ReasonScheme},
		"space behind":        {[]string{"Bearer " + good + " "}, ReasonMalformed},
		"line break":          {[]string{"Bearer " + good + "\r\nX: y"}, ReasonMalformed},
		"quoted":              {[]string{`Bearer "` + good + `"`}, ReasonMalformed},
		"twice the scheme":    {[]string{"Bearer Bearer " + good}, ReasonMalformed},
		"proof of possession": {[]string{"DPoP " + good}, ReasonScheme},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
			r.Header["Authorization"] = test.values
			_, err := a.Caller(t.Context(), r)
			wantReason(t, err, test.want, good)
			if strings.Contains(err.Error(), "YWxpY2U6c2VjcmV0") {
				t.Errorf("%v holds a password", err)
			}
		})
	}
}

// TestWhoeverMakesUpTokensLearnsNothing: what a client reads is the same for
// whatever is wrong with a token that nobody signed.
func TestWhoeverMakesUpTokensLearnsNothing(t *testing.T) {
	t.Parallel()
	messages := make(map[string]bool)
	for _, r := range []Reason{ReasonMalformed, ReasonType, ReasonAlgorithm, ReasonKey, ReasonSignature, ReasonSubject} {
		messages[(&InvalidError{Reason: r, Detail: "secret"}).Message()] = true
	}
	if len(messages) != 1 {
		t.Errorf("%d messages, want one", len(messages))
	}
	e := &InvalidError{Reason: "new", Detail: "secret"}
	if strings.Contains(e.Message()+e.Challenge(), "secret") {
		t.Error("a client reads what is for the log")
	}
}

func TestUndecidedIsNotInvalid(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	p.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	a := newAuthenticator(t, p.config(newClock()))
	_, err := a.Caller(t.Context(), withBearer(p.token(nil)))
	e, ok := errors.AsType[*UnavailableError](err)
	if !ok || e.Issuer != "local" || !strings.Contains(err.Error(), "status 500") {
		t.Errorf("%v, want an UnavailableError that names issuer and status", err)
	}
}
