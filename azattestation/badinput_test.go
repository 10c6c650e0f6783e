package azattestation_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"https://sharedeus.eus.attest.azure.net":   "https://sharedeus.eus.attest.azure.net",
		"https://sharedeus.eus.attest.azure.net/":  "https://sharedeus.eus.attest.azure.net",
		"https://SharedEUS.eus.attest.azure.net//": "https://sharedeus.eus.attest.azure.net",
		"HTTPS://instance.example:443/":            "https://instance.example",
		"https://instance.example:8443":            "https://instance.example:8443",
		"https://instance.example:":                "https://instance.example",
		"https://instance.example/tenant/":         "https://instance.example/tenant",
		"http://localhost:8080":                    "http://localhost:8080",
		"http://127.0.0.1:80/":                     "http://127.0.0.1",
		"http://[::1]:8080":                        "http://[::1]:8080",
		"https://[2001:db8::443]":                  "https://[2001:db8::443]",

		"":                                    "",
		"instance.example":                    "",
		"instance.example:443":                "",
		"//instance.example":                  "",
		"https:":                              "",
		"https://":                            "",
		"https://:443":                        "",
		"https:instance.example":              "",
		"https:///path":                       "",
		"ftp://instance.example":              "",
		"file:///etc/passwd":                  "",
		"http://instance.example":             "",
		"http://localhost.instance.example":   "",
		"http://127.0.0.1.nip.example":        "",
		"http://0.0.0.0":                      "",
		"http://10.0.0.1":                     "",
		"https://user@instance.example":       "",
		"https://u:secret@instance.example":   "",
		"http://localhost@instance.example":   "",
		"https://instance.example?a=b":        "",
		"https://instance.example?":           "",
		"https://instance.example#part":       "",
		"https://instance.example:port":       "",
		"https://instance.example:0443":       "",
		"https://instance.example/a%2Fb":      "",
		"https://bücher.example":              "",
		"https://instance.example?sig=secret": "",
		"https://instance.example#secret":     "",
		"https://inst ance.example":           "",
		"https://instance.example/%zz":        "",
		"https://instance\n.example":          "",
		"https://instance.example/\x1b[2J":    "",
	} {
		c, err := azattestation.NewClientWithNoCredential(endpoint, nil)
		if want != "" {
			if err != nil || c.Endpoint() != want || c.KeySource().Issuer() != want {
				t.Errorf("endpoint %q: %v, want %s", endpoint, err, want)
			}
			continue
		}
		if e := errorOf[*azattestation.ArgumentError](t, err); e == nil || e.Argument != "endpoint" {
			t.Errorf("endpoint %q: %v", endpoint, err)
			continue
		}
		checkNoSecret(t, err, "secret")
		checkTame(t, err)
	}
}

// TestArgumentsAreChecked before anything is sent.
func TestArgumentsAreChecked(t *testing.T) {
	t.Parallel()
	const endpoint = "https://instance.example"
	options := optionsFor(unreachable(t))
	client, admin := clientOf(t, endpoint, options), adminOf(t, endpoint, options)
	old := optionsFor(unreachable(t))
	old.APIVersion = azattestation.APIVersion20201001
	oldClient := clientOf(t, endpoint, old)
	preview := optionsFor(unreachable(t))
	preview.APIVersion = "2022-08-01-preview"
	previewClient := clientOf(t, endpoint, preview)
	skipFormat := &azattestation.TokenValidationOptions{Skip: []azattestation.TokenCheck{azattestation.TokenCheckFormat}}
	wrongVersion := optionsFor(nil)
	wrongVersion.APIVersion = "latest&x=y"
	wrongSkip := optionsFor(nil)
	wrongSkip.TokenValidation = skipFormat
	unknownCloud := optionsFor(nil)
	unknownCloud.Cloud = cloud.Configuration{ActiveDirectoryAuthorityHost: "https://login.example"}
	other := must(azattestation.NewPolicyToken("another policy", nil))
	cert, key := certificateOf(rsaKey(), "x"), signingKeyOf(rsaKey(), "x")
	for name, call := range map[string]func(context.Context) error{
		"no credential": func(context.Context) error { _, err := azattestation.NewClient(endpoint, nil, nil); return err },
		"no admin credential": func(context.Context) error {
			_, err := azattestation.NewAdministrationClient(endpoint, nil, nil)
			return err
		},
		"credential over http": func(context.Context) error {
			_, err := azattestation.NewClient("http://localhost", &azfake.TokenCredential{}, nil)
			return err
		},
		"credential of an unknown cloud": func(context.Context) error {
			_, err := azattestation.NewClient(endpoint, &azfake.TokenCredential{}, unknownCloud)
			return err
		},
		"API version": func(context.Context) error {
			_, err := azattestation.NewClientWithNoCredential(endpoint, wrongVersion)
			return err
		},
		"skip of no check": func(context.Context) error {
			_, err := azattestation.NewClientWithNoCredential(endpoint, wrongSkip)
			return err
		},
		"no quote":          func(ctx context.Context) error { _, err := client.AttestSGXEnclave(ctx, nil, nil); return err },
		"no report":         func(ctx context.Context) error { _, err := client.AttestOpenEnclave(ctx, []byte{}, nil); return err },
		"no SNP report":     func(ctx context.Context) error { _, err := client.AttestSEVSNPVM(ctx, nil, nil); return err },
		"no TDX quote":      func(ctx context.Context) error { _, err := client.AttestTDXVM(ctx, nil, nil); return err },
		"no TPM message":    func(ctx context.Context) error { _, err := client.AttestTPM(ctx, nil, nil); return err },
		"no guest evidence": func(ctx context.Context) error { _, err := client.AttestAzureGuest(ctx, nil, nil); return err },
		"SNP too early":     func(ctx context.Context) error { _, err := oldClient.AttestSEVSNPVM(ctx, evidence, nil); return err },
		"TDX too early":     func(ctx context.Context) error { _, err := oldClient.AttestTDXVM(ctx, evidence, nil); return err },
		"guest too early":   func(ctx context.Context) error { _, err := oldClient.AttestAzureGuest(ctx, evidence, nil); return err },
		"nonce too early": func(ctx context.Context) error {
			_, err := oldClient.AttestSGXEnclave(ctx, evidence, &azattestation.ClientAttestSGXEnclaveOptions{Nonce: new("n")})
			return err
		},
		"nonce of a preview": func(ctx context.Context) error {
			_, err := previewClient.AttestSGXEnclave(ctx, evidence, &azattestation.ClientAttestSGXEnclaveOptions{Nonce: new("n")})
			return err
		},
		"skip of no check, per call": func(ctx context.Context) error {
			_, err := admin.SetPolicy(ctx, kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{TokenValidation: skipFormat})
			return err
		},
		"no type":      func(ctx context.Context) error { _, err := admin.GetPolicy(ctx, "", nil); return err },
		"no type, set": func(ctx context.Context) error { _, err := admin.SetPolicy(ctx, "", "policy", nil); return err },
		"no cert, add": func(ctx context.Context) error { _, err := admin.AddPolicyCertificate(ctx, nil, key, nil); return err },
		"no key, add":  func(ctx context.Context) error { _, err := admin.AddPolicyCertificate(ctx, cert, nil, nil); return err },
		"no cert, drop": func(ctx context.Context) error {
			_, err := admin.RemovePolicyCertificate(ctx, nil, key, nil)
			return err
		},
		"no key, drop": func(ctx context.Context) error {
			_, err := admin.RemovePolicyCertificate(ctx, cert, nil, nil)
			return err
		},
		"token of another policy": func(ctx context.Context) error {
			_, err := admin.SetPolicy(ctx, kinds[0], "policy", &azattestation.AdministrationClientSetPolicyOptions{PolicyToken: other})
			return err
		},
		"token and key": func(ctx context.Context) error {
			_, err := admin.SetPolicy(ctx, kinds[0], "another policy", &azattestation.AdministrationClientSetPolicyOptions{PolicyToken: other, SigningKey: key})
			return err
		},
		"reset by a token with a policy": func(ctx context.Context) error {
			_, err := admin.ResetPolicy(ctx, kinds[0], &azattestation.AdministrationClientResetPolicyOptions{PolicyToken: other})
			return err
		},
		"source without issuer": func(context.Context) error { _, err := azattestation.NewKeySource("", jwks()); return err },
		"source without keys":   func(context.Context) error { _, err := azattestation.NewKeySource(endpoint, []byte("{}")); return err },
		"PEM without certificate": func(context.Context) error {
			_, err := azattestation.ParseCertificates([]byte("-----BEGIN RSA PUBLIC KEY-----\n-----END RSA PUBLIC KEY-----"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkError[*azattestation.ArgumentError](t, call(t.Context()))
		})
	}
}

// TestScopes: a credential is asked for the audience of its cloud.
func TestScopes(t *testing.T) {
	t.Parallel()
	own := cloud.AzurePublic
	own.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{azattestation.ServiceName: {Audience: "https://attest.example/"}}
	for _, c := range []struct {
		cloud cloud.Configuration
		want  string
	}{
		{cloud.Configuration{}, "https://attest.azure.net/.default"},
		{cloud.AzurePublic, "https://attest.azure.net/.default"},
		{cloud.AzureGovernment, "https://attest.azure.us/.default"},
		{cloud.AzureChina, "https://attest.azure.cn/.default"},
		{own, "https://attest.example/.default"},
	} {
		i := newInstance(t, modeAAD)
		options := optionsFor(i)
		options.Cloud = c.cloud
		credential := &credential{token: "token"}
		client, err := azattestation.NewClient(i.issuer.URL(), credential, options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.AttestSGXEnclave(t.Context(), evidence, nil); err != nil {
			t.Fatal(err)
		}
		if got := credential.scopes(); got != c.want {
			t.Errorf("scope %s, want %s", got, c.want)
		}
	}
}

// TestMalformedTokens have a part too few, too many, or one that is none.
func TestMalformedTokens(t *testing.T) {
	t.Parallel()
	head, claims := b64([]byte(`{"alg":"RS256"}`)), b64([]byte(`{"a":1}`))
	for _, text := range []string{
		"", ".", "..", "...", "a", head, head + ".", head + "." + claims, head + "." + claims + ".a.b", "." + claims + ".",
		" " + head + "." + claims + ".", head + "." + claims + ". ", "Bearer " + head + "." + claims + ".",
		b64([]byte("{}")) + "." + claims + ".", b64([]byte(`{"alg":1}`)) + "." + claims + ".", b64([]byte(`{"alg":""}`)) + "." + claims + ".",
		b64([]byte(`{"alg":"RS256","kid":1}`)) + "." + claims + ".", b64([]byte(`["alg"]`)) + "." + claims + ".", b64([]byte("null")) + "." + claims + ".",
		head + "." + b64([]byte("[]")) + ".", head + "." + b64([]byte("null")) + ".", head + "." + b64([]byte(`"text"`)) + ".",
		head + "." + b64([]byte(`{"a":1}{}`)) + ".", head + "." + b64([]byte(`{"a":}`)) + ".", head + "." + b64([]byte("\xef\xbb\xbf{}")) + ".",
		head + "." + b64([]byte("{\"a\":\"\xff\"}")) + ".", head + "." + b64([]byte("{\"\xff\":1}")) + ".",
		head + "." + b64([]byte(strings.Repeat(`{"a":`, 20000))) + ".",
		strings.Repeat("a", 4<<20+1), head + "." + b64([]byte(`{"a":"`+strings.Repeat("x", 3<<20)+`"}`)) + ".",
	} {
		_, err := azattestation.ParseToken(text)
		checkToken(t, err, azattestation.TokenCheckFormat)
		if err == nil {
			t.Errorf("%.80q is a token", text)
		} else if len(err.Error()) > 1000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		_, err = azattestation.ParsePolicyToken(text)
		checkToken(t, err, azattestation.TokenCheckFormat)
	}
}

// TestLargeToken is one of which nothing but its size is unusual.
func TestLargeToken(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 2<<20)
	token := parse(t, signed("k", object{"large": large}))
	var claims struct{ Large string }
	if err := token.Claims(&claims); err != nil || claims.Large != large {
		t.Errorf("%d bytes (%v)", len(claims.Large), err)
	}
	if err := token.Validate(t.Context(), source(t), nil); err != nil {
		t.Error(err)
	}
}

// TestMalformedPolicyTokens are tokens, but of no policy.
func TestMalformedPolicyTokens(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{`{"alg":"none"}`, `{}`},
		{`{"alg":"none"}`, `{"attestationpolicy":"YQ"}`},
		{`{"alg":"none"}`, `{"AttestationPolicy":1}`},
		{`{"alg":"none"}`, `{"AttestationPolicy":"=*"}`},
		{`{"alg":"none"}`, `{"AttestationPolicy":"YQ","AttestationPolicy":"Yg"}`},
		{`{"alg":"RS256","x5c":"x"}`, ``},
		{`{"alg":"RS256","x5c":[]}`, ``},
		{`{"alg":"RS256","x5c":["AAAA"]}`, ``},
		{`{"alg":"RS256","jwk":"x"}`, ``},
		{`{"alg":"RS256","jwk":{"x5c":["*"]}}`, ``},
	} {
		_, err := azattestation.ParsePolicyToken(compact(c[0], c[1], noSignature))
		checkToken(t, err, azattestation.TokenCheckFormat)
	}
}

// TestMalformedJWKS are refused as a whole, or hold a key that cannot be used.
func TestMalformedJWKS(t *testing.T) {
	t.Parallel()
	many := make([]object, 257)
	for i := range many {
		many[i] = object{"kid": "k"}
	}
	for _, text := range []string{
		"", "null", "[]", "{}", `{"keys":null}`, `{"keys":{}}`, `{"keys":"x"}`, `{"keys":[null]}`, `{"keys":[[]]}`, `{"keys":["x"]}`,
		`{"keys":[{"kid":1}]}`, `{"keys":[{"kid":"a","kid":"b"}]}`, `{"keys":[],"keys":[]}`, `{"Keys":[]}`, "<html></html>", string(jwks(many...)), string(jwks(jwk("", issuerCertificate()))),
	} {
		_, err := azattestation.NewKeySource("https://issuer.example", []byte(text))
		checkError[*azattestation.ArgumentError](t, err)
	}
	good := jwk("k", certificateOf(rsaKey(), "signer"))
	chain := make([]string, 17)
	for i := range chain {
		chain[i] = good["x5c"].([]string)[0]
	}
	for name, change := range map[string]object{
		"no x5c": {"x5c": nil}, "empty x5c": {"x5c": []string{}}, "x5c of text": {"x5c": "AA"}, "no base64": {"x5c": []string{"*"}}, "no certificate": {"x5c": []string{"AAAA"}},
		"long chain": {"x5c": chain}, "no kty": {"kty": nil}, "other kty": {"kty": "EC"}, "symmetric": {"kty": "oct"}, "kty of case": {"kty": "rsa"}, "encryption": {"use": "enc"}, "alg of number": {"alg": 1},
	} {
		entry := object{"kid": "k"}
		for _, from := range []object{good, change} {
			for member, value := range from {
				if entry[member] = value; value == nil {
					delete(entry, member)
				}
			}
		}
		source, err := azattestation.NewKeySource(tokenIssuer, jwks(entry, jwk("other", certificateOf(otherRSAKey(), "other"))))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		err = parse(t, signed("k", nil)).Validate(t.Context(), source, nil)
		checkToken(t, err, azattestation.TokenCheckSigningKey)
		// It does not spoil the other key.
		if err := parse(t, compact(jsonOf(object{"alg": "RS256", "kid": "other"}), claimsOf(nil), rs256(otherRSAKey()))).Validate(t.Context(), source, nil); err != nil {
			t.Errorf("%s: the other key: %v", name, err)
		}
	}
}

func TestErrorsUnwrap(t *testing.T) {
	t.Parallel()
	cause := errors.New("cause")
	for _, err := range []error{
		&azattestation.ArgumentError{Argument: "a", Err: cause}, &azattestation.AnswerError{Part: "p", Err: cause},
		&azattestation.TokenValidationError{Check: azattestation.TokenCheckCallback, Err: cause},
	} {
		if !errors.Is(err, cause) || !strings.HasPrefix(err.Error(), "azattestation: ") || !strings.HasSuffix(err.Error(), ": cause") {
			t.Errorf("error %v", err)
		}
	}
	if text := (&azattestation.AnswerError{Operation: "Client.X", Part: "body", Expected: "JSON", Found: "none"}).Error(); text != "azattestation: Client.X: answer: body: none, want JSON" {
		t.Error(text)
	}
}
