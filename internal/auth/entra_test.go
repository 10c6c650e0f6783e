package auth

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	tenant   = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	userID   = "5b1f4a2e-0c7d-4a39-9b52-6f0e8d7c1a23"
	appID    = "04b07795-8ddb-461a-bbee-02f9e1bf7b46" // the Azure CLI, a public client
	daemonID = "9d3cfb5e-7a11-4f0b-8a36-2c5d4e6f7081"
	ownAPI   = "e2c5d6f7-1a2b-4c3d-8e9f-0a1b2c3d4e5f"
)

// microsoft plays login.microsoftonline.com in memory, with the documents' shapes
// of the real one.
type microsoft struct{}

func (microsoft) RoundTrip(r *http.Request) (*http.Response, error) {
	documents := map[string]map[string]any{
		"https://login.microsoftonline.com/" + tenant + "/.well-known/openid-configuration": {
			"issuer": "https://sts.windows.net/" + tenant + "/", "jwks_uri": "https://login.microsoftonline.com/common/discovery/keys",
		},
		"https://login.microsoftonline.com/" + tenant + "/v2.0/.well-known/openid-configuration": {
			"issuer": "https://login.microsoftonline.com/" + tenant + "/v2.0", "jwks_uri": "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys",
		},
		"https://login.microsoftonline.com/common/discovery/keys": {"keys": []any{
			changed(jwkOf("v1-key", rsaKey().Public()), map[string]any{"x5t": "v1-key", "x5c": []string{"MIIC"}}),
		}},
		"https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys": {"keys": []any{
			changed(jwkOf("v2-key", rsaKey().Public()), map[string]any{"x5t": "v2-key", "x5c": []string{"MIIC"}, "issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}),
			changed(jwkOf("msa-key", otherRSAKey().Public()), map[string]any{"issuer": "https://login.microsoftonline.com/" + personalTenant + "/v2.0"}),
		}},
	}
	document, ok := documents[r.URL.String()]
	if !ok {
		return nil, errors.New("no such document: " + r.URL.String())
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(encodeJSON(document))),
	}, nil
}

// userV1 has the shape of what az account get-access-token --resource
// https://attest.azure.net prints for a person.
func userV1(changes map[string]any) map[string]any {
	return changed(map[string]any{
		"aud": Audience, "iss": "https://sts.windows.net/" + tenant + "/",
		"iat": day.Unix(), "nbf": day.Unix(), "exp": day.Add(80 * time.Minute).Unix(),
		"acr": "1", "aio": "AVQAq/8T", "amr": []string{"pwd", "mfa"}, "appid": appID, "appidacr": "0",
		"family_name": "Doe", "given_name": "Jane", "groups": []string{"0b9b2b5a-3f4c-4d7e-8f90-112233445566"},
		"idtyp": "user", "ipaddr": "203.0.113.7", "name": "Jane Doe", "oid": userID, "puid": "10032000", "rh": "0.ARoA",
		"scp": "user_impersonation", "sub": "RcOrkjZ6IVMcKoK9", "tid": tenant, "unique_name": "jane@contoso.com",
		"upn": "jane@contoso.com", "uti": "x1", "ver": "1.0", "wids": []string{"62e90394-69f5-4237-9190-012177145e10"},
		"xms_tcdt": 1289241547,
	}, changes)
}

// identityV1 has the shape of a managed identity's token.
func identityV1(changes map[string]any) map[string]any {
	return changed(map[string]any{
		"aud": Audience, "iss": "https://sts.windows.net/" + tenant + "/",
		"iat": day.Unix(), "nbf": day.Unix(), "exp": day.Add(24 * time.Hour).Unix(),
		"aio": "k2RgYL", "appid": daemonID, "appidacr": "2", "idp": "https://sts.windows.net/" + tenant + "/", "idtyp": "app",
		"oid": userID, "rh": "0.ARoA", "sub": userID, "tid": tenant, "uti": "x2", "ver": "1.0",
		"xms_mirid": "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/vm",
	}, changes)
}

// daemonV2 has the shape of a service's token for an app registration of one's
// own.
func daemonV2(changes map[string]any) map[string]any {
	return changed(map[string]any{
		"aud": ownAPI, "iss": "https://login.microsoftonline.com/" + tenant + "/v2.0",
		"iat": day.Unix(), "nbf": day.Unix(), "exp": day.Add(time.Hour).Unix(),
		"aio": "E2Zg", "azp": daemonID, "azpacr": "1", "oid": userID, "rh": "0.ARoA",
		"roles": []string{"Attestation Reader"}, "sub": userID, "tid": tenant, "uti": "x3", "ver": "2.0",
	}, changes)
}

func entraConfig(t *testing.T) Config {
	t.Helper()
	issuers, err := Entra(strings.ToUpper(tenant), CloudPublic, Audience, ownAPI)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Issuers: issuers, Clock: newClock().Now, HTTPClient: &http.Client{Transport: microsoft{}},
		Bindings: []Binding{
			{Issuer: "entra", Claim: ClaimObjectID, Value: userID, Role: Contributor, Instances: []string{"contoso", "fabrikam"}},
			{Claim: ClaimRoles, Value: "Attestation Reader", Role: Reader},
			{Claim: ClaimAppID, Value: daemonID, Role: Reader, Instances: []string{"daemons"}},
			{Claim: ClaimAppID, Value: appID, Role: Reader, Instances: []string{"cli"}},
		},
	}
}

func entraToken(claims map[string]any) string {
	id := "v1-key"
	if claims["ver"] == "2.0" {
		id = "v2-key"
	}
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": id, "x5t": id}
	return signed(header, encodeJSON(claims), rsaKey())
}

func TestTokensOfEntraID(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t, entraConfig(t))
	for name, test := range map[string]struct {
		claims map[string]any
		may    string // actions and instances that are allowed, of those tried
		app    string
		upn    string
	}{
		"user, v1":                   {userV1(nil), "write@contoso", appID, "jane@contoso.com"},
		"identity, v1":               {identityV1(nil), "write@contoso read@daemons", daemonID, ""},
		"service, v2":                {daemonV2(nil), "read@anywhere write@contoso read@daemons read@cli", daemonID, ""},
		"user, v2":                   {daemonV2(map[string]any{"scp": "x", "preferred_username": "jane", "roles": nil}), "write@contoso", daemonID, "jane"},
		"user of the bound app":      {userV1(map[string]any{"appid": daemonID, "appidacr": "1"}), "write@contoso", daemonID, "jane@contoso.com"},
		"app without a secret":       {identityV1(map[string]any{"appid": daemonID, "appidacr": "0"}), "write@contoso", daemonID, ""},
		"app by another kind":        {identityV1(map[string]any{"idtyp": "user"}), "write@contoso", daemonID, ""},
		"app of the other version":   {identityV1(map[string]any{"appid": nil, "azp": daemonID, "azpacr": "1"}), "write@contoso", daemonID, ""},
		"user's oid in another form": {userV1(map[string]any{"oid": strings.ToUpper(userID)}), "", appID, "jane@contoso.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := wantCaller(t, a, withBearer(entraToken(test.claims)))
			var may []string
			for _, try := range []struct {
				name     string
				action   Action
				instance string
			}{
				{"read@anywhere", Read, "anywhere"},
				{"write@anywhere", Write, "anywhere"},
				{"write@contoso", Write, "contoso"},
				{"read@daemons", Read, "daemons"},
				{"write@daemons", Write, "daemons"},
				{"read@cli", Read, "cli"},
			} {
				if c.May(try.action, try.instance) {
					may = append(may, try.name)
				}
			}
			if got := strings.Join(may, " "); got != test.may {
				t.Errorf("may %q, want %q", got, test.may)
			}
			if c.AppID != test.app || c.UPN != test.upn || c.TenantID != tenant || c.Issuer != "entra" {
				t.Errorf("%+v, want application %s and user %q", c, test.app, test.upn)
			}
			oid, _ := test.claims["oid"].(string)
			if want := "oid:" + oid + " (tid " + tenant + ")"; c.Name() != want {
				t.Errorf("%s, want %s", c, want)
			}
		})
	}
}

func TestHostileTokensOfEntraID(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t, entraConfig(t))
	payload := encodeJSON(daemonV2(nil))
	header := func(id string) map[string]any { return map[string]any{"alg": "RS256", "kid": id} }
	otherTenant := strings.Replace(tenant, "7", "8", 1)
	for name, test := range map[string]hostile{
		"another tenant's issuer":  {entraToken(userV1(map[string]any{"iss": "https://sts.windows.net/" + otherTenant + "/", "tid": otherTenant})), ReasonIssuer},
		"another tenant":           {entraToken(userV1(map[string]any{"tid": otherTenant})), ReasonTenant},
		"no tenant":                {entraToken(userV1(map[string]any{"tid": nil})), ReasonTenant},
		"tenants":                  {entraToken(userV1(map[string]any{"tid": []string{tenant}})), ReasonTenant},
		"placeholder":              {entraToken(daemonV2(map[string]any{"iss": "https://login.microsoftonline.com/{tenantid}/v2.0"})), ReasonIssuer},
		"common":                   {entraToken(daemonV2(map[string]any{"iss": "https://login.microsoftonline.com/common/v2.0"})), ReasonIssuer},
		"v1 issuer, v2 token":      {signed(header("v1-key"), encodeJSON(userV1(map[string]any{"ver": "2.0"})), rsaKey()), ReasonType},
		"no version":               {entraToken(userV1(map[string]any{"ver": nil})), ReasonType},
		"key of personal accounts": {signed(header("msa-key"), payload, otherRSAKey()), ReasonKey},
		"key of v1 for v2":         {signed(header("v1-key"), payload, rsaKey()), ReasonKey},
		"PS256":                    {signed(map[string]any{"alg": "PS256", "kid": "v2-key"}, payload, rsaKey()), ReasonAlgorithm},
		"for the vault":            {entraToken(userV1(map[string]any{"aud": "https://vault.azure.net"})), ReasonAudience},
		"ID token of the CLI":      {entraToken(daemonV2(map[string]any{"aud": appID})), ReasonAudience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := a.Caller(t.Context(), withBearer(test.token))
			wantReason(t, err, test.want, test.token)
		})
	}
}

func TestEntraOfClouds(t *testing.T) {
	t.Parallel()
	for cloud, want := range map[Cloud][]string{
		"":                {"https://sts.windows.net/", "https://login.microsoftonline.com/", "https://attest.azure.net", "https://vault.azure.net"},
		CloudUSGovernment: {"https://sts.windows.net/", "https://login.microsoftonline.us/", "https://attest.azure.us", "https://vault.usgovcloudapi.net"},
		CloudChina:        {"https://sts.chinacloudapi.cn/", "https://login.partner.microsoftonline.cn/", "https://attest.azure.cn", "https://vault.azure.cn"},
	} {
		got, err := Entra(tenant, cloud)
		if err != nil || len(got) != 2 {
			t.Fatal(got, err)
		}
		v1, v2 := got[0], got[1]
		if v1.URL != want[0]+tenant+"/" || v1.MetadataURL != want[1]+tenant+metadataPath || v1.TokenVersion != "1.0" ||
			v2.URL != want[1]+tenant+"/v2.0" || v2.MetadataURL != want[1]+tenant+"/v2.0"+metadataPath || v2.TokenVersion != "2.0" ||
			v1.Audiences[0] != want[2] || v2.Audiences[0] != want[2] {
			t.Errorf("%s: %+v", cloud, got)
		}
		vault, err := EntraVault(tenant, cloud)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i].Audiences = []string{want[3]}
		}
		if diff := cmp.Diff(got, vault, cmp.AllowUnexported(Issuer{})); diff != "" {
			t.Errorf("%s: a vault's issuers differ in more than the audience (-want +got):\n%s", cloud, diff)
		}
		if own, err := EntraVault(tenant, cloud, "mine"); err != nil || own[0].Audiences[0] != "mine" {
			t.Errorf("%s: %+v, %v, want the audience that is given", cloud, own, err)
		}
	}
}

func TestEntraWantsOneTenant(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "common", "organizations", "consumers", "contoso.onmicrosoft.com", "{tenantid}", tenant + "/", personalTenant} {
		if _, err := Entra(id, CloudPublic); err == nil {
			t.Errorf("%q is accepted", id)
		}
	}
	if _, err := Entra(tenant, "germany"); err == nil {
		t.Error("a cloud that is no more is accepted")
	}
	if _, err := Entra(tenant, CloudPublic, ""); err == nil {
		t.Error("an empty audience is accepted")
	}
}
