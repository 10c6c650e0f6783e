package keyrelease_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/keyrelease"
)

func TestGet(t *testing.T) {
	t.Parallel()
	for _, algorithm := range append(keyrelease.WrapAlgorithms(), "") {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			v.config.RequireNonce = true
			o := v.options(t)
			o.Algorithm = algorithm
			if algorithm == keyrelease.JWEECDHES {
				o.RSABits = 0
			}
			released, err := mustClient(t, serve(t, v.handler(t))).Get(t.Context(), "payroll", o)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(released.Material, v.key.Material) || released.Type != "RSA-HSM" || released.Name != "payroll" || released.Version != version ||
				released.KeyID != vaultURL+"/keys/payroll/"+version || released.Policy == nil || len(released.Operations) != 2 || !released.Attributes.Exportable {
				t.Errorf("got %s with %d bytes", released, len(released.Material))
			}
			wanted := algorithm
			if wanted == "" {
				wanted = keyrelease.RSAAESKeyWrap256
			}
			if len(v.decisions) != 1 || v.decisions[0].Algorithm != wanted {
				t.Errorf("decisions %+v", v.decisions)
			}
			material := released.Material
			released.Clear()
			if released.Material != nil || len(bytes.Trim(material, "\x00")) > 0 {
				t.Error("the key is still in memory")
			}
		})
	}
}

// Each release has a key and a nonce of its own, in the form in which Azure's clients
// write runtime data.
func TestGetAsksAnew(t *testing.T) {
	t.Parallel()
	for algorithm, members := range map[keyrelease.WrapAlgorithm]string{
		keyrelease.CKMRSAAESKeyWrap: "e key_ops kid kty n", keyrelease.JWEECDHES: "crv key_ops kid kty x y",
	} {
		v := newVault(t)
		o := v.options(t)
		o.Version, o.Algorithm, o.Policies, o.AnyPolicy = version, algorithm, nil, true
		var asked []keyrelease.AttestRequest
		sign := o.Attest
		o.Attest = func(ctx context.Context, r keyrelease.AttestRequest) (string, error) {
			asked = append(asked, r)
			return sign(ctx, r)
		}
		client := mustClient(t, serve(t, v.handler(t)))
		for range 2 {
			if _, err := client.Get(t.Context(), "payroll", o); err != nil {
				t.Fatal(err)
			}
		}
		var shown [2]struct{ Keys []map[string]any }
		for i := range shown {
			if err := json.Unmarshal(asked[i].RuntimeData, &shown[i]); err != nil || len(shown[i].Keys) != 1 {
				t.Fatalf("%s: %v", asked[i].RuntimeData, err)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(shown[i].Keys[0])), " "); got != members {
				t.Errorf("members %s, want %s", got, members)
			}
		}
		if asked[0].Nonce == asked[1].Nonce || len(asked[0].Nonce) < 22 || shown[0].Keys[0]["kid"] == shown[1].Keys[0]["kid"] {
			t.Errorf("requests %+v", asked)
		}
	}
}

func TestGetOfASymmetricKey(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.key.Type, v.key.Material, v.key.Public = "oct", bytes.Repeat([]byte("secret! "), 4), nil
	released, err := mustClient(t, serve(t, v.handler(t))).Get(t.Context(), "payroll", v.options(t))
	if err != nil || !bytes.Equal(released.Material, v.key.Material) || released.Type != "oct" {
		t.Errorf("got %s, %v", released, err)
	}
}

func TestReleasedDoesNotShow(t *testing.T) {
	t.Parallel()
	secret := []byte("the launch code!")
	released := keyrelease.Released{Material: secret, KeyID: vaultURL + "/keys/payroll/1", Type: "oct"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).LogAttrs(t.Context(), slog.LevelInfo, "got", slog.Any("key", released), slog.Any("pointer", &released))
	text, err := json.Marshal(map[string]any{"value": released, "pointer": &released})
	if err != nil {
		t.Fatal(err)
	}
	shown := log.String() + string(text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%o"} {
		shown += fmt.Sprintf(verb+" "+verb+"\n", released, &released)
	}
	for _, form := range []string{string(secret), hex.EncodeToString(secret), "116 104 101 32 108", base64.StdEncoding.EncodeToString(secret)} {
		if strings.Contains(strings.ToLower(shown), strings.ToLower(form)) {
			t.Errorf("%q stands in %s", form, shown)
		}
	}
	if strings.Count(shown, released.KeyID) < 20 {
		t.Errorf("which key it is does not show: %s", shown)
	}
	var none *keyrelease.Released
	none.Clear()
}

// Whoever is in the vault's place gives no key that the client takes.
func TestGetRefusesResponses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*testing.T, *vault, *keyrelease.GetOptions)
		between func(*testing.T, *vault, http.Handler) http.Handler
		part    string
	}{
		"roots of others": {change: func(t *testing.T, _ *vault, o *keyrelease.GetOptions) {
			t.Helper()
			_, o.Roots = newSigner(t, "vault.example")
		}, part: "certificate"},
		"no roots": {change: func(_ *testing.T, _ *vault, o *keyrelease.GetOptions) { o.Roots = x509.NewCertPool() }, part: "certificate"},
		"the certificate of another host": {change: func(t *testing.T, v *vault, o *keyrelease.GetOptions) {
			t.Helper()
			var signer *keyrelease.Signer
			signer, o.Roots = newSigner(t, "other.example")
			v.config.Signer = func(context.Context) (*keyrelease.Signer, error) { return signer, nil }
		}, part: "certificate"},
		"another policy": {change: func(t *testing.T, _ *vault, o *keyrelease.GetOptions) {
			t.Helper()
			o.Policies = []*keyrelease.Policy{policyFor(t, fabrikam)}
		}, part: "policy"},
		"an old response": {between: replaying, part: "request"},
		"another version": {between: func(t *testing.T, _ *vault, h http.Handler) http.Handler {
			t.Helper()
			return rewriting(t, h, func(r *http.Request) { r.URL.Path = "/keys/payroll/release" })
		}, change: func(_ *testing.T, _ *vault, o *keyrelease.GetOptions) { o.Version = version }, part: "request"},
		"another name": {between: func(t *testing.T, v *vault, h http.Handler) http.Handler {
			t.Helper()
			v.key.Name = "other"
			return rewriting(t, h, func(r *http.Request) { r.URL.Path = "/keys/other/release" })
		}, part: "request"},
		"altered": {between: altering(func(parts []string) {
			payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
			parts[1] = b64(bytes.Replace(payload, []byte(`"exportable":true`), []byte(`"exportable":null`), 1))
		}), part: "signature"},
		"not signed": {between: altering(func(parts []string) { parts[0], parts[2] = b64([]byte(`{"alg":"none"}`)), "" }), part: "signature"},
		"not signed, by a header of the vault's": {between: altering(func(parts []string) {
			header, _ := base64.RawURLEncoding.DecodeString(parts[0])
			parts[0], parts[2] = b64(bytes.Replace(header, []byte(`"RS256"`), []byte(`"none"`), 1)), ""
		}), part: "signature"},
		"no JWS": {between: altering(func(parts []string) { parts[1] = "" }), part: "signature"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			o := v.options(t)
			if tt.change != nil {
				tt.change(t, v, &o)
			}
			h := v.handler(t)
			if tt.between != nil {
				h = tt.between(t, v, h)
			}
			released, err := mustClient(t, serve(t, h)).Get(t.Context(), "payroll", o)
			if e, ok := errors.AsType[*keyrelease.ResponseError](err); !ok || e.Part != tt.part || released != nil {
				t.Errorf("got %v, %v, want a response refused for its %s", released, err, tt.part)
			}
		})
	}
}

// replaying answers with a response to an earlier request of the same enclave.
func replaying(t *testing.T, v *vault, h http.Handler) http.Handler {
	t.Helper()
	body, err := (&keyrelease.Request{Target: v.token(t), Nonce: "of yesterday", Algorithm: keyrelease.RSAAESKeyWrap256}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/keys/payroll/release?api-version=7.4", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return answering(http.StatusOK, bodyOf(responseOf(t, h, r)))
}

// rewriting asks the vault something else than the client does.
func rewriting(t *testing.T, h http.Handler, change func(*http.Request)) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(r)
		h.ServeHTTP(w, r)
	})
}

// altering changes the parts of the JWS on its way.
func altering(change func(parts []string)) func(*testing.T, *vault, http.Handler) http.Handler {
	return func(t *testing.T, _ *vault, h http.Handler) http.Handler {
		t.Helper()
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			parts := strings.Split(responseOf(t, h, r), ".")
			change(parts)
			answering(http.StatusOK, bodyOf(strings.Join(parts, ".")))(w, r)
		})
	}
}

// A vault that wraps to another key than this release's gives nothing.
func TestGetRefusesAKeyForAnother(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []keyrelease.WrapAlgorithm{keyrelease.RSAAESKeyWrap256, keyrelease.JWERSAOAEP256} {
		v := newVault(t)
		o := v.options(t)
		o.Algorithm = algorithm
		o.Attest = func(_ context.Context, r keyrelease.AttestRequest) (string, error) {
			return v.token(t, set{"nonce": r.Nonce}), nil
		}
		_, err := mustClient(t, serve(t, v.handler(t))).Get(t.Context(), "payroll", o)
		if _, ok := errors.AsType[*keyrelease.WrapError](err); !ok {
			t.Errorf("%s: got %v", algorithm, err)
		}
	}
}

func TestGetRefusesOptions(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	client := mustClient(t, patient(transport(func(*http.Request) (*http.Response, error) { return nil, errors.New("asked") })))
	for argument, change := range map[string]func(*keyrelease.GetOptions) string{
		"Attest":    func(o *keyrelease.GetOptions) string { o.Attest = nil; return "payroll" },
		"Policies":  func(o *keyrelease.GetOptions) string { o.Policies = nil; return "payroll" },
		"Algorithm": func(o *keyrelease.GetOptions) string { o.Algorithm = "RSA1_5"; return "payroll" },
		"RSABits":   func(o *keyrelease.GetOptions) string { o.RSABits = 1024; return "payroll" },
		"version":   func(o *keyrelease.GetOptions) string { o.Version = "../x"; return "payroll" },
		"name":      func(*keyrelease.GetOptions) string { return "../secrets/payroll" },
	} {
		o := v.options(t)
		name := change(&o)
		_, err := client.Get(t.Context(), name, o)
		if e, ok := errors.AsType[*keyrelease.ArgumentError](err); !ok || e.Argument != argument {
			t.Errorf("%s: got %v", argument, err)
		}
	}
	o := v.options(t)
	for _, want := range []error{errors.New("no evidence"), nil} {
		o.Attest = func(context.Context, keyrelease.AttestRequest) (string, error) { return "", want }
		if _, err := client.Get(t.Context(), "payroll", o); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
