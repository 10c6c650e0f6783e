package relyingparty_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/relyingparty"
)

// confirmed is the result of a report with these claims.
func confirmed(t testing.TB, cnf, requestKey any) *relyingparty.Result {
	t.Helper()
	c := &azattestation.AttestationResult{AdditionalClaims: map[string]json.RawMessage{}}
	encode := func(value any) json.RawMessage {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	if cnf != nil {
		c.Confirmation = encode(cnf)
	}
	if requestKey != nil {
		c.AdditionalClaims["x-ms-tpm-request-key"] = encode(requestKey)
	}
	return &relyingparty.Result{Claims: c}
}

func TestConfirmedKey(t *testing.T) {
	t.Parallel()
	p256, p521 := ecJWK(t, elliptic.P256(), nil), ecJWK(t, elliptic.P521(), nil)
	info := func(jwk, info any) set { return set{"jwk": jwk, "info": info} }
	certify := func(changes set) set {
		all := set{"name_alg": 11, "obj_attr": 50}
		maps.Copy(all, changes)
		return set{"tpm_certify": all}
	}
	type key = relyingparty.ConfirmedKey
	for name, c := range map[string]struct {
		jwk, requestKey any
		want            key // but for Public
		isEC            bool
		bound, resident bool
	}{
		"RSA, version 1":      {jwk: confirmedJWK(), want: key{Binding: relyingparty.KeyBindingNone}},
		"P-256":               {jwk: p256, requestKey: info(p256, set{"tpm_quote": set{"hash_alg": "sha-384"}}), want: key{Binding: relyingparty.KeyBindingQuote}, isEC: true, bound: true},
		"P-521":               {jwk: p521, requestKey: info(p521, set{"tpm_quote": set{"hash_alg": "sha-512", "more": 1}}), want: key{Binding: relyingparty.KeyBindingQuote}, isEC: true, bound: true},
		"bound by nothing":    {jwk: p256, requestKey: set{"jwk": p256}, want: key{Binding: relyingparty.KeyBindingNone}, isEC: true},
		"without a policy":    {jwk: p256, requestKey: info(p256, certify(nil)), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA256, Attributes: 50}, isEC: true, bound: true, resident: true},
		"of an empty policy":  {jwk: p256, requestKey: info(p256, certify(set{"auth_policy": ""})), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA256, Attributes: 50}, isEC: true, bound: true, resident: true},
		"of a policy":         {jwk: p256, requestKey: info(p256, certify(set{"auth_policy": "AQID", "name_alg": 13})), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA512, Attributes: 50, AuthPolicy: []byte{1, 2, 3}}, isEC: true, bound: true, resident: true},
		"of all attributes":   {jwk: p256, requestKey: info(p256, certify(set{"obj_attr": 1<<32 - 1})), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA256, Attributes: 1<<32 - 1}, isEC: true, bound: true, resident: true},
		"free to be copied":   {jwk: p256, requestKey: info(p256, certify(set{"obj_attr": 0})), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA256}, isEC: true},
		"named by SHA-1":      {jwk: p256, requestKey: info(p256, certify(set{"name_alg": 4})), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA1, Attributes: 50}, isEC: true},
		"the same, with more": {jwk: confirmedJWK(), requestKey: info(rsaJWK(nil), certify(nil)), want: key{Binding: relyingparty.KeyBindingCertify, NameAlgorithm: tpm.SHA256, Attributes: 50}, bound: true, resident: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := confirmed(t, set{"jwk": c.jwk}, c.requestKey).ConfirmedKey()
			if err != nil {
				t.Fatal(err)
			}
			if got.Binding != c.want.Binding || got.NameAlgorithm != c.want.NameAlgorithm || got.Attributes != c.want.Attributes || !bytes.Equal(got.AuthPolicy, c.want.AuthPolicy) {
				t.Errorf("key %+v, want %+v", got, c.want)
			}
			if got.IsBound() != c.bound || got.IsResident() != c.resident {
				t.Errorf("bound %t and resident %t, want %t and %t", got.IsBound(), got.IsResident(), c.bound, c.resident)
			}
			if _, isEC := got.Public.(*ecdsa.PublicKey); isEC != c.isEC {
				t.Errorf("a %T", got.Public)
			}
		})
	}
}

func TestConfirmedKeyRefuses(t *testing.T) {
	t.Parallel()
	jwk, other := confirmedJWK(), ecJWK(t, elliptic.P256(), nil)
	info := func(value any) set { return set{"jwk": jwk, "info": value} }
	certify := func(name string, value any) set {
		all := set{"name_alg": 11, "obj_attr": 50, "auth_policy": ""}
		all[name] = value
		return info(set{"tpm_certify": all})
	}
	quote := set{"hash_alg": "sha-256"}
	const cnf, inCNF, request = "cnf", "cnf/jwk", "x-ms-tpm-request-key"
	for name, c := range map[string]struct {
		cnf, requestKey any
		claim           string
	}{
		"nothing":              {nil, nil, cnf},
		"no cnf":               {nil, info(set{"tpm_quote": quote}), cnf},
		"text":                 {"a key", nil, cnf},
		"a list":               {[]set{jwk}, nil, cnf},
		"empty":                {set{}, nil, inCNF},
		"by its name":          {set{"kid": "a"}, nil, inCNF},
		"two of them":          {set{"jwk": jwk, "jwe": "a"}, nil, cnf},
		"twice":                {json.RawMessage(`{"jwk":{},"jwk":{}}`), nil, cnf},
		"bottomless":           {json.RawMessage(`{"jwk":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`), nil, cnf},
		"private":              {set{"jwk": rsaJWK(set{"d": "AQAB"})}, nil, inCNF},
		"private EC":           {set{"jwk": ecJWK(t, elliptic.P384(), set{"d": "AQAB"})}, nil, inCNF},
		"symmetric":            {set{"jwk": set{"kty": "oct", "k": "AQAB"}}, nil, inCNF},
		"weak":                 {set{"jwk": rsaJWK(set{"n": weakModulus()})}, nil, inCNF},
		"weak curve":           {set{"jwk": ecJWK(t, elliptic.P224(), nil)}, nil, inCNF},
		"request key null":     {set{"jwk": jwk}, json.RawMessage("null"), request},
		"request key text":     {set{"jwk": jwk}, `{"jwk":{}}`, request},
		"request key empty":    {set{"jwk": jwk}, set{}, request},
		"request key private":  {set{"jwk": jwk}, set{"jwk": rsaJWK(set{"d": "AQAB"})}, request},
		"another":              {set{"jwk": jwk}, set{"jwk": other}, request},
		"another, the reverse": {set{"jwk": other}, set{"jwk": jwk}, request},
		"info null":            {set{"jwk": jwk}, info(nil), request},
		"info empty":           {set{"jwk": jwk}, info(set{}), request},
		"info of both":         {set{"jwk": jwk}, info(set{"tpm_quote": quote, "tpm_certify": set{"name_alg": 11, "obj_attr": 50}}), request},
		"info of a new kind":   {set{"jwk": jwk}, info(set{"tpm_creation": set{}}), request},
		"info of one and new":  {set{"jwk": jwk}, info(set{"tpm_quote": quote, "tpm_creation": set{}}), request},
		"quote is text":        {set{"jwk": jwk}, info(set{"tpm_quote": "sha-256"}), request},
		"quote without a hash": {set{"jwk": jwk}, info(set{"tpm_quote": set{}}), request},
		"quote by SHA-1":       {set{"jwk": jwk}, info(set{"tpm_quote": set{"hash_alg": "sha-1"}}), request},
		"no name_alg":          {set{"jwk": jwk}, certify("name_alg", nil), request},
		"name_alg of text":     {set{"jwk": jwk}, certify("name_alg", "11"), request},
		"name_alg of RSA":      {set{"jwk": jwk}, certify("name_alg", 1), request},
		"name_alg of 17 bits":  {set{"jwk": jwk}, certify("name_alg", 1<<16+11), request},
		"no obj_attr":          {set{"jwk": jwk}, certify("obj_attr", nil), request},
		"obj_attr of 33 bits":  {set{"jwk": jwk}, certify("obj_attr", 1<<32+50), request},
		"obj_attr negative":    {set{"jwk": jwk}, certify("obj_attr", -1), request},
		"obj_attr a fraction":  {set{"jwk": jwk}, certify("obj_attr", json.RawMessage("50.0")), request},
		"auth_policy a number": {set{"jwk": jwk}, certify("auth_policy", 1), request},
		"auth_policy padded":   {set{"jwk": jwk}, certify("auth_policy", "AQ=="), request},
		"auth_policy, 2 lines": {set{"jwk": jwk}, certify("auth_policy", "AQ\nID"), request},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := confirmed(t, c.cnf, c.requestKey).ConfirmedKey()
			if key != nil {
				t.Errorf("key %+v beside an error", key)
			}
			wantMissed(t, err, relyingparty.RequirementConfirmedKey, c.claim)
		})
	}
}

// FuzzConfirmedKey reads any claims and expects a key that is fit for use, bound only
// where another reader finds a binding of the same key, or one kind of refusal.
func FuzzConfirmedKey(f *testing.F) {
	jwk, err := json.Marshal(confirmedJWK())
	if err != nil {
		f.Fatal(err)
	}
	for _, info := range []string{"", `,"info":{"tpm_quote":{"hash_alg":"sha-256"}}`, `,"info":{"tpm_certify":{"auth_policy":"AQ","name_alg":11,"obj_attr":50}}`} {
		f.Add([]byte(`{"jwk":`+string(jwk)+`}`), []byte(`{"jwk":`+string(jwk)+info+`}`))
	}
	f.Add([]byte(`{}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, cnf, requestKey []byte) {
		r := &relyingparty.Result{Claims: &azattestation.AttestationResult{
			Confirmation: cnf, AdditionalClaims: map[string]json.RawMessage{"x-ms-tpm-request-key": requestKey},
		}}
		key, err := r.ConfirmedKey()
		if err != nil {
			if _, ok := errors.AsType[*relyingparty.RequirementError](err); !ok || key != nil {
				t.Errorf("key %v and error %v, want a *RequirementError alone", key, err)
			}
			return
		}
		if public, ok := key.Public.(*rsa.PublicKey); ok && public.N.BitLen() < 2048 {
			t.Errorf("%d bits", public.N.BitLen())
		}
		var said struct {
			Info struct {
				Quote   *struct{}
				Certify *struct {
					Attributes tpm.Attributes `json:"obj_attr"`
				} `json:"tpm_certify"`
			}
		}
		if err := json.Unmarshal(bytes.ReplaceAll(requestKey, []byte("tpm_quote"), []byte("quote")), &said); err != nil {
			t.Skip() // more than one way to read it
		}
		if key.IsResident() && (said.Info.Certify == nil || !said.Info.Certify.Attributes.IsResident()) || key.IsBound() && !key.IsResident() && said.Info.Quote == nil {
			t.Errorf("bound by %s: %s", key.Binding, requestKey)
		}
	})
}
