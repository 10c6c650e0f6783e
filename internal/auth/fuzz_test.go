package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// FuzzAuthorization lets nobody in: none of the tokens that the fuzzer finds was
// signed.
func FuzzAuthorization(f *testing.F) {
	d, err := OpenDevelopmentIssuer(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	good, err := d.Token(Contributor, time.Hour, day)
	if err != nil {
		f.Fatal(err)
	}
	a := newAuthenticator(f, Config{Issuers: []Issuer{d.Issuer()}, Bindings: d.Bindings(), Clock: newClock().Now})
	claims := `{"iss":"` + developmentURL + `","aud":"` + Audience + `","sub":"x","exp":1773486413,"roles":["Attestation Contributor"]}`
	for _, header := range []string{`{"alg":"none"}`, `{"alg":"ES256","kid":"` + d.public.id + `"}`, `{"alg":"ES256"}`, `{"alg":"HS256","jwk":{}}`} {
		f.Add("Bearer " + b64([]byte(header)) + "." + b64([]byte(claims)) + "." + b64(bytes.Repeat([]byte{1}, 64)))
	}
	f.Add("Bearer " + good + "x")
	f.Add("bearer a.b.c")
	f.Add("Basic YTpi")
	f.Fuzz(func(t *testing.T, value string) {
		if strings.HasSuffix(value, good) {
			return
		}
		r := withBearer("")
		r.Header["Authorization"] = []string{value}
		c, err := a.Caller(t.Context(), r)
		e, ok := errors.AsType[*InvalidError](err)
		if c != nil || !ok {
			t.Fatalf("%q: %v, %v, want an InvalidError", value, c, err)
		}
		if strings.ContainsAny(e.Error()+e.Challenge()+e.Message(), "\r\n\x00\x1b") {
			t.Errorf("%q: control characters in %q", value, e)
		}
	})
}

// FuzzObject holds the reader of JSON against Go's own.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1,"a":2}`, `{"a":{"b":[1,"x",null,true]}}`, `{"\u0061":1,"a":2}`, `[]`, `{"a":1}{}`, `{"a":1,}`, `{"a":1e400}`,
		`{"a":"\ud800"}`, "\xff", `{"A":1,"a":2}`, `{"x":[[[[[[[[[[1]]]]]]]]]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		o, err := parseObject(raw)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q: accepted, but Go says %v", raw, err)
		}
		if got := plainly(o); !reflect.DeepEqual(got, any(want)) {
			t.Errorf("%q: %v, Go reads %v", raw, got, want)
		}
	})
}

// plainly turns objects into maps.
func plainly(v any) any {
	switch v := v.(type) {
	case object:
		m := make(map[string]any, len(v))
		for name, member := range v {
			m[name] = plainly(member)
		}
		return m
	case []any:
		for i := range v {
			v[i] = plainly(v[i])
		}
	}
	return v
}

// FuzzKeySet reads what an issuer might publish.
func FuzzKeySet(f *testing.F) {
	f.Add([]byte(encodeJSON(map[string]any{"keys": []any{jwkOf("a", p256Key().Public())}})))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},{"kty":"oct","k":"AA"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		set, err := parseKeySet(raw, tenant)
		if (len(set) == 0) == (err == nil) {
			t.Fatalf("%d keys, %v", len(set), err)
		}
		for _, k := range set {
			if !isStrong(k.public) || k.fits("none") || k.fits("HS256") {
				t.Errorf("%+v is no key for tokens", k)
			}
		}
	})
}
