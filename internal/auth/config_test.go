package auth

import (
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConfigThatMakesNoAuthenticator(t *testing.T) {
	t.Parallel()
	dex := func(change func(*Issuer)) Config {
		i := Issuer{Name: "dex", URL: "https://dex.example.com"}
		change(&i)
		return Config{Issuers: []Issuer{i}}
	}
	bound := func(change func(*Binding)) Config {
		b := Binding{Issuer: "dex", Claim: ClaimSubject, Value: "alice", Role: Reader}
		change(&b)
		return Config{Issuers: []Issuer{{Name: "dex", URL: "https://dex.example.com"}}, Bindings: []Binding{b}}
	}
	entraBound := func(b Binding) Config {
		issuers, err := Entra(tenant, CloudPublic)
		if err != nil {
			t.Fatal(err)
		}
		return Config{Issuers: issuers, Bindings: []Binding{b}}
	}
	two := []Issuer{{Name: "a", URL: "https://a.example"}, {Name: "b", URL: "https://b.example"}}
	certified := func(b CertificateBinding) Config { return Config{Certificates: []CertificateBinding{b}} }
	sum := strings.Repeat("ab", 32)
	for name, test := range map[string]struct {
		config Config
		field  string
	}{
		"negative leeway":    {Config{Leeway: -1}, "Leeway"},
		"large leeway":       {Config{Leeway: 5*time.Minute + 1}, "Leeway"},
		"no name":            {dex(func(i *Issuer) { i.Name = "" }), "Issuers[0].Name"},
		"name in capitals":   {dex(func(i *Issuer) { i.Name = "Dex" }), "Issuers[0].Name"},
		"name with a break":  {dex(func(i *Issuer) { i.Name = "dex\n" }), "Issuers[0].Name"},
		"long name":          {dex(func(i *Issuer) { i.Name = strings.Repeat("x", 64) }), "Issuers[0].Name"},
		"no URL":             {dex(func(i *Issuer) { i.URL = "" }), "Issuers[0].URL"},
		"plain HTTP":         {dex(func(i *Issuer) { i.URL = "http://dex.example.com" }), "Issuers[0].URL"},
		"URL with a query":   {dex(func(i *Issuer) { i.URL += "?x=y" }), "Issuers[0].URL"},
		"metadata elsewhere": {dex(func(i *Issuer) { i.MetadataURL = "http://127.0.0.1/" }), "Issuers[0].MetadataURL"},
		"empty audience":     {dex(func(i *Issuer) { i.Audiences = []string{"x", ""} }), "Issuers[0].Audiences"},
		"HS256":              {dex(func(i *Issuer) { i.Algorithms = []string{"RS256", "HS256"} }), "Issuers[0].Algorithms"},
		"none":               {dex(func(i *Issuer) { i.Algorithms = []string{"none"} }), "Issuers[0].Algorithms"},
		"tenant of nobody":   {dex(func(i *Issuer) { i.TenantID = tenant }), "Issuers[0].TenantID"},
		"no tenant":          {dex(func(i *Issuer) { i.URL = "https://sts.windows.net/" + tenant + "/" }), "Issuers[0].TenantID"},
		"common":             {dex(func(i *Issuer) { i.URL = "https://login.microsoftonline.com/common/v2.0" }), "Issuers[0].TenantID"},
		"organizations": {dex(func(i *Issuer) {
			i.URL, i.TenantID = "https://login.microsoftonline.com/organizations/v2.0", tenant
		}), "Issuers[0].TenantID"},
		"placeholder": {dex(func(i *Issuer) {
			i.URL, i.TenantID = "https://LOGIN.microsoftonline.com./{tenantid}/v2.0", tenant
		}), "Issuers[0].TenantID"},
		"personal accounts": {dex(func(i *Issuer) {
			i.URL, i.TenantID = "https://login.microsoftonline.com/"+personalTenant+"/v2.0", personalTenant
		}), "Issuers[0].TenantID"},
		"issuer twice": {Config{Issuers: []Issuer{two[0], {Name: "c", URL: "https://a.example/"}}}, "Issuers[1].URL"},
		"name twice":   {Config{Issuers: []Issuer{two[0], {Name: "a", URL: "https://b.example"}}}, "Issuers[1].Name"},
		"two sets of roots": {Config{
			Issuers: []Issuer{{Name: "a", URL: "https://a.example", RootCAs: x509.NewCertPool()}}, HTTPClient: new(http.Client),
		}, "Issuers[0].RootCAs"},
		"unknown issuer":       {bound(func(b *Binding) { b.Issuer = "entra" }), "Bindings[0].Issuer"},
		"no issuers":           {Config{Bindings: []Binding{{Claim: ClaimSubject, Value: "x", Role: Reader}}}, "Bindings[0].Issuer"},
		"whose alice":          {Config{Issuers: two, Bindings: []Binding{{Claim: ClaimSubject, Value: "alice", Role: Reader}}}, "Bindings[0].Issuer"},
		"unknown claim":        {bound(func(b *Binding) { b.Claim = "email" }), "Bindings[0].Claim"},
		"no claim":             {bound(func(b *Binding) { b.Claim = "" }), "Bindings[0].Claim"},
		"application of Dex":   {bound(func(b *Binding) { b.Claim = ClaimAppID }), "Bindings[0].Claim"},
		"empty value":          {bound(func(b *Binding) { b.Value = "" }), "Bindings[0].Value"},
		"value with a space":   {bound(func(b *Binding) { b.Value = "alice " }), "Bindings[0].Value"},
		"invisible value":      {bound(func(b *Binding) { b.Value = "al\u200bice" }), "Bindings[0].Value"},
		"replaced value":       {bound(func(b *Binding) { b.Value = "al\ufffdice" }), "Bindings[0].Value"},
		"long value":           {bound(func(b *Binding) { b.Value = strings.Repeat("x", 256) }), "Bindings[0].Value"},
		"no role":              {bound(func(b *Binding) { b.Role = "" }), "Bindings[0].Role"},
		"unknown role":         {bound(func(b *Binding) { b.Role = "Owner" }), "Bindings[0].Role"},
		"star":                 {bound(func(b *Binding) { b.Instances = []string{"*"} }), "Bindings[0].Instances"},
		"empty instance":       {bound(func(b *Binding) { b.Instances = []string{"a", ""} }), "Bindings[0].Instances"},
		"ID in capitals":       {entraBound(Binding{Claim: ClaimObjectID, Value: strings.ToUpper(userID), Role: Reader}), "Bindings[0].Value"},
		"application's name":   {entraBound(Binding{Claim: ClaimAppID, Value: "my-app", Role: Reader}), "Bindings[0].Value"},
		"no certificate":       {certified(CertificateBinding{Role: Reader}), "Certificates[0].SHA256"},
		"two certificates":     {certified(CertificateBinding{SHA256: sum, DNS: "a.example", Role: Reader}), "Certificates[0].SHA256"},
		"short hash":           {certified(CertificateBinding{SHA256: sum[:62], Role: Reader}), "Certificates[0].SHA256"},
		"base64":               {certified(CertificateBinding{SPKI: strings.Repeat("A", 43) + "=", Role: Reader}), "Certificates[0].SPKI"},
		"relative URI":         {certified(CertificateBinding{URI: "ci", Role: Reader}), "Certificates[0].URI"},
		"URI in another form":  {certified(CertificateBinding{URI: "HTTPS://a.example", Role: Reader}), "Certificates[0].URI"},
		"wildcard":             {certified(CertificateBinding{DNS: "*.example", Role: Reader}), "Certificates[0].DNS"},
		"certificate, no role": {certified(CertificateBinding{DNS: "a.example"}), "Certificates[0].Role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, err := New(test.config)
			e, ok := errors.AsType[*ConfigError](err)
			if !ok || e.Field != test.field || e.Problem == "" || a != nil {
				t.Errorf("%v, want a ConfigError about %s", err, test.field)
			}
		})
	}
}

func TestConfigOfNobodyBelievesNobody(t *testing.T) {
	t.Parallel()
	a := newAuthenticator(t, Config{})
	_, err := a.Caller(t.Context(), withBearer(newIDP(t).token(nil)))
	wantReason(t, err, ReasonIssuer, "")
}

// TestConfigIsNotShared: who changes it afterwards changes nothing.
func TestConfigIsNotShared(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	config := p.config(newClock())
	config.Issuers[0].Audiences = []string{Audience}
	config.Bindings[0].Instances = []string{"contoso"}
	config.Certificates = []CertificateBinding{{DNS: "A.example", Role: Reader, Instances: []string{"contoso"}}}
	a := newAuthenticator(t, config)
	config.Issuers[0].Audiences[0] = "x"
	config.Bindings[0].Instances[0] = "fabrikam"
	config.Bindings[0].Role = Reader
	config.Certificates[0].Instances[0] = "fabrikam"
	if c := wantCaller(t, a, withBearer(p.token(nil))); !c.May(Write, "contoso") || c.May(Read, "fabrikam") {
		t.Errorf("%+v, want a contributor of contoso", c)
	}
	if b := a.certificates[0]; b.DNS != "a.example" || b.Instances[0] != "contoso" || config.Certificates[0].DNS != "A.example" {
		t.Errorf("%+v is shared with the configuration", b)
	}
}

func TestDevelopmentIssuerDoesNotMakeBindingsAmbiguous(t *testing.T) {
	t.Parallel()
	d, err := OpenDevelopmentIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := newIDP(t)
	config := p.config(newClock())
	config.Issuers = append(config.Issuers, d.Issuer())
	config.Bindings = []Binding{{Claim: ClaimRoles, Value: string(Contributor), Role: Contributor}}
	a := newAuthenticator(t, config)
	token, err := d.Token(Contributor, time.Hour, day)
	if err != nil {
		t.Fatal(err)
	}
	// Its own bindings were left out.
	if c := wantCaller(t, a, withBearer(token)); c.May(Read, "x") || c.IsAnonymous() {
		t.Errorf("%s may read by the binding of another issuer", c)
	}
	roles := p.token(map[string]any{"roles": []string{string(Contributor)}})
	if c := wantCaller(t, a, withBearer(roles)); !c.May(Write, "x") {
		t.Errorf("%s may not write", c)
	}
}

// TestRoles holds every role against every action: those that are not named here are
// refused, so that no role of one service means anything to the other.
func TestRoles(t *testing.T) {
	t.Parallel()
	roles := map[Role][]Action{
		Reader:                          {Read},
		Contributor:                     {Read, Write, Delete},
		KeyReleaseUser:                  {ReleaseKey},
		KeyReader:                       {ReadKey},
		KeyOfficer:                      {ReadKey, CreateKey, ImportKey, RotateKey, UpdateKey, DeleteKey},
		"":                              nil,
		"Owner":                         nil,
		"key vault reader":              nil,
		"Key Vault Administrator":       nil,
		"Key Vault Crypto Officer ":     nil,
		"Key Vault Crypto Service User": nil,
	}
	actions := []Action{
		Read, Write, Delete, ReleaseKey, ReadKey, CreateKey, ImportKey, RotateKey, UpdateKey, DeleteKey, "",
		"Microsoft.Attestation/attestationProviders/delete", "Microsoft.KeyVault/vaults/keys/*", "Microsoft.KeyVault/vaults/keys/purge/action",
	}
	for role, want := range roles {
		for _, action := range actions {
			if got := role.Allows(action); got != slices.Contains(want, action) {
				t.Errorf("%s, %s: %v", role, action, got)
			}
		}
	}
	if len(allowed) != 5 {
		t.Errorf("%d roles, of which this table has 5", len(allowed))
	}
}

// TestKeysAreInstances: of a vault, a role may be for some keys alone.
func TestKeysAreInstances(t *testing.T) {
	t.Parallel()
	p := newIDP(t)
	config := p.config(newClock())
	long := strings.Repeat("k-", 63) + "k"
	config.Bindings = []Binding{
		{Claim: ClaimSubject, Value: "alice", Role: KeyReleaseUser, Instances: []string{"disk-1", "-", long}},
		{Claim: ClaimSubject, Value: "alice", Role: KeyReader},
	}
	a := newAuthenticator(t, config)
	c := wantCaller(t, a, withBearer(p.token(map[string]any{"sub": "alice"})))
	for key, mayRelease := range map[string]bool{"disk-1": true, "-": true, long: true, "disk-2": false, "disk": false, "DISK-1": false, "": false} {
		if got := c.May(ReleaseKey, key); got != mayRelease || !c.May(ReadKey, key) || c.May(CreateKey, key) || c.May(Read, key) {
			t.Errorf("%q: may release %v, read %v, create %v, read policies %v", key, got, c.May(ReadKey, key), c.May(CreateKey, key), c.May(Read, key))
		}
	}
}
