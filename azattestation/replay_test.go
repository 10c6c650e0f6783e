package azattestation_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azfake "github.com/Azure/azure-sdk-for-go/sdk/azcore/fake"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/azattestation/internal/replay"
)

// TestRecordedExchangesReplay sends what each recorded client sent and reads what
// the real service answered.
func TestRecordedExchangesReplay(t *testing.T) {
	t.Parallel()
	all := replay.Load(t, "*")
	if len(all) != 55 {
		t.Errorf("%d exchanges, want 55: has the corpus changed?", len(all))
	}
	for _, e := range all {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			p := newPlayer(t, e, all)
			err := p.play()
			p.transport.Check(t)
			p.checkOutcome(err)
		})
	}
}

// player sends one exchange through the clients.
type player struct {
	*testing.T
	exchange  *replay.Exchange
	transport *replay.Transport
	client    *azattestation.Client
	admin     *azattestation.AdministrationClient
	token     *azattestation.Token // that the service answered with
}

func newPlayer(t *testing.T, e *replay.Exchange, all []*replay.Exchange) *player {
	t.Helper()
	p := &player{T: t, exchange: e, transport: replay.NewTransport(e, all)}
	options := &azattestation.ClientOptions{
		ClientOptions:   azcore.ClientOptions{Transport: p.transport, APIVersion: azattestation.APIVersion20201001},
		TokenValidation: &azattestation.TokenValidationOptions{At: e.Date(t)},
	}
	options.Retry.MaxRetries = -1
	endpoint := replay.Endpoint(t, e, all)
	var err error
	if p.client, err = azattestation.NewClient(endpoint, &azfake.TokenCredential{}, options); err != nil {
		t.Fatal(err)
	}
	if p.admin, err = azattestation.NewAdministrationClient(endpoint, &azfake.TokenCredential{}, options); err != nil {
		t.Fatal(err)
	}
	return p
}

// play calls the method that the recorded client called.
func (p *player) play() error {
	path := p.exchange.Request.Path
	kind := azattestation.AttestationType(strings.TrimSuffix(strings.TrimPrefix(path, "/policies/"), ":reset"))
	switch method := p.exchange.Request.Method + " " + path; {
	case strings.HasPrefix(method, "POST /attest/"):
		return p.attest()
	case path == "/.well-known/openid-configuration":
		return p.metadata()
	case method == "GET /certificates":
		return p.certificates()
	case strings.HasPrefix(method, "POST /certificates:"):
		return p.changeCertificates()
	case strings.HasPrefix(method, "GET /policies/"):
		return p.policy(kind)
	case strings.HasPrefix(method, "PUT /policies/"), strings.HasSuffix(method, ":reset"):
		return p.changePolicy(kind)
	}
	p.Fatalf("no method for %s %s", p.exchange.Request.Method, path)
	return nil
}

type recordedData struct {
	Data     string
	DataType azattestation.DataType
}

func (d *recordedData) data(t *testing.T) *azattestation.AttestationData {
	t.Helper()
	if d == nil {
		return nil
	}
	return &azattestation.AttestationData{Data: replay.Decode(t, d.Data), DataType: d.DataType}
}

func (p *player) attest() error {
	var body struct {
		Quote, Report, Data       string
		RuntimeData, InitTimeData *recordedData
		DraftPolicyForAttestation *string
	}
	if err := json.Unmarshal(p.exchange.Request.Body, &body); err != nil {
		p.Fatal(err)
	}
	ctx := p.Context()
	switch p.exchange.Request.Path {
	case "/attest/SgxEnclave":
		r, err := p.client.AttestSGXEnclave(ctx, replay.Decode(p.T, body.Quote), &azattestation.ClientAttestSGXEnclaveOptions{
			RuntimeData: body.RuntimeData.data(p.T), InitTimeData: body.InitTimeData.data(p.T), DraftPolicy: body.DraftPolicyForAttestation,
		})
		p.checkResult(&r.AttestationResult, err)
		return err
	case "/attest/OpenEnclave":
		r, err := p.client.AttestOpenEnclave(ctx, replay.Decode(p.T, body.Report), &azattestation.ClientAttestOpenEnclaveOptions{
			RuntimeData: body.RuntimeData.data(p.T), InitTimeData: body.InitTimeData.data(p.T), DraftPolicy: body.DraftPolicyForAttestation,
		})
		p.checkResult(&r.AttestationResult, err)
		return err
	}
	r, err := p.client.AttestTPM(ctx, replay.Decode(p.T, body.Data), nil)
	if err != nil {
		return err
	}
	var challenge struct {
		Payload struct {
			Challenge      string
			ServiceContext string `json:"service_context"`
		}
	}
	if err := json.Unmarshal(r.Data, &challenge); err != nil || len(replay.Decode(p.T, challenge.Payload.Challenge)) != 16 || challenge.Payload.ServiceContext == "" {
		p.Errorf("answer %q (%v), want a challenge of 16 bytes with its context", r.Data, err)
	}
	return nil
}

// checkResult compares every claim of the result with the recorded one: written as
// JSON again, it must be the token's claims.
func (p *player) checkResult(r *azattestation.AttestationResult, err error) {
	if err != nil {
		return
	}
	p.token = r.Token
	raw, err := json.Marshal(r)
	if err != nil {
		p.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		p.Fatal(err)
	}
	if want := p.exchange.Response.DecodedToken.Claims; !reflect.DeepEqual(got, want) {
		p.Errorf("claims of the result:\n got %v\nwant %v", got, want)
	}
	if r.MREnclave == nil || r.AttestationType == nil || *r.AttestationType != "sgx" || r.PolicyHash == nil || r.SGXCollateral.QuoteHash == nil {
		p.Errorf("result lacks a claim of every SGX token: %s", raw)
	}
}

func (p *player) metadata() error {
	r, err := p.client.GetOpenIDMetadata(p.Context(), nil)
	if err != nil {
		return err
	}
	if r.Issuer == nil || *r.JWKSURI != *r.Issuer+"/certs" || len(r.ClaimsSupported) != 18 ||
		!reflect.DeepEqual(r.IDTokenSigningAlgValuesSupported, []string{"RS256"}) || len(r.AdditionalProperties) != 0 {
		p.Errorf("metadata %+v", r)
	}
	return nil
}

func (p *player) certificates() error {
	r, err := p.admin.GetPolicyCertificates(p.Context(), nil)
	if err != nil {
		return err
	}
	p.token = r.Token
	var want struct {
		Keys []struct{ X5C []string }
	}
	p.claim("x-ms-policy-certificates", &want)
	if len(r.Certificates) != len(want.Keys) {
		p.Fatalf("%d certificates, want %d", len(r.Certificates), len(want.Keys))
	}
	for i, k := range r.Certificates {
		if got := base64.StdEncoding.EncodeToString(k.Certificates[0].Raw); got != want.Keys[i].X5C[0] {
			p.Errorf("certificate %d: %s, want %s", i, got, want.Keys[i].X5C[0])
		}
	}
	return nil
}

func (p *player) changeCertificates() error {
	var payload struct {
		PolicyCertificate struct{ X5C []string }
	}
	if err := json.Unmarshal(p.exchange.Request.DecodedJWS.Claims, &payload); err != nil {
		p.Fatal(err)
	}
	certificate, key := parseCertificate(p.T, payload.PolicyCertificate.X5C[0]), p.recordedKey()
	if p.exchange.Request.Path == "/certificates:add" {
		r, err := p.admin.AddPolicyCertificate(p.Context(), certificate, key, nil)
		if err == nil && *r.Resolution != azattestation.CertificateModificationIsPresent {
			p.Errorf("resolution %s", *r.Resolution)
		}
		p.token = r.Token
		return err
	}
	r, err := p.admin.RemovePolicyCertificate(p.Context(), certificate, key, nil)
	if err == nil && *r.Resolution != azattestation.CertificateModificationIsAbsent {
		p.Errorf("resolution %s", *r.Resolution)
	}
	p.token = r.Token
	return err
}

func (p *player) policy(kind azattestation.AttestationType) error {
	r, err := p.admin.GetPolicy(p.Context(), kind, nil)
	if err != nil {
		return err
	}
	p.token = r.Token
	var want string
	p.claim("x-ms-policy", &want)
	if r.PolicyToken.String() != want {
		p.Errorf("policy token %s, want %s", r.PolicyToken, want)
	}
	if isEmpty := want == "eyJhbGciOiJub25lIn0.."; isEmpty != (r.Policy == "") {
		p.Errorf("policy %q of %s", r.Policy, want)
	}
	return nil
}

func (p *player) changePolicy(kind azattestation.AttestationType) error {
	sent, err := azattestation.ParsePolicyToken(string(p.body()))
	if err != nil {
		p.Fatal(err)
	}
	key := p.recordedKey()
	if p.exchange.Request.Method == http.MethodPut {
		r, err := p.admin.SetPolicy(p.Context(), kind, sent.Policy(), &azattestation.AdministrationClientSetPolicyOptions{SigningKey: key})
		if err == nil && (*r.Resolution != azattestation.PolicyModificationUpdated || (r.PolicySigner != nil) != (key != nil)) {
			p.Errorf("result %+v", r)
		}
		p.token = r.Token
		return err
	}
	r, err := p.admin.ResetPolicy(p.Context(), kind, &azattestation.AdministrationClientResetPolicyOptions{SigningKey: key})
	if err == nil && *r.Resolution != azattestation.PolicyModificationRemoved {
		p.Errorf("result %+v", r)
	}
	p.token = r.Token
	return err
}

// checkOutcome compares status, code and token with the recorded ones. The
// token's signature was verified on the way, by the recorded certificate.
func (p *player) checkOutcome(err error) {
	want := p.exchange.Response
	if want.Status != http.StatusOK {
		var body struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(want.Body, &body); err != nil {
			p.Fatal(err)
		}
		refused, ok := errors.AsType[*azcore.ResponseError](err)
		if !ok || refused.StatusCode != want.Status || refused.ErrorCode != body.Error.Code {
			p.Errorf("error %v, want status %d with code %s", err, want.Status, body.Error.Code)
		}
		return
	}
	if err != nil {
		p.Fatal(err)
	}
	if want.DecodedToken == nil {
		return
	}
	if p.token == nil {
		p.Fatal("no token")
	}
	if got := p.token.KeyID(); got != want.DecodedToken.Header["kid"] {
		p.Errorf("kid %s, want %s", got, want.DecodedToken.Header["kid"])
	}
	var claims map[string]any
	if err := json.Unmarshal(p.token.Payload(), &claims); err != nil || !reflect.DeepEqual(claims, want.DecodedToken.Claims) {
		p.Errorf("claims %v (%v), want %v", claims, err, want.DecodedToken.Claims)
	}
}

func (p *player) claim(name string, into any) {
	raw, err := json.Marshal(p.exchange.Response.DecodedToken.Claims[name])
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		p.Fatal(err)
	}
}

// body is the token that was sent, without the quotes of a JSON string.
func (p *player) body() []byte {
	var text string
	if err := json.Unmarshal(p.exchange.Request.Body, &text); err != nil {
		p.Fatal(err)
	}
	return []byte(strings.Trim(text, `"`))
}

// recordedKey is the key that signed the recorded request, as an HSM would hold
// it: its private half is not at hand, and it knows one signature.
func (p *player) recordedKey() *azattestation.SigningKey {
	sent, err := azattestation.ParseToken(string(p.body()))
	if err != nil {
		p.Fatal(err)
	}
	if sent.Algorithm() == "none" {
		return nil
	}
	var header struct{ X5C []string }
	if err := json.Unmarshal(sent.Header(), &header); err != nil {
		p.Fatal(err)
	}
	certificate := parseCertificate(p.T, header.X5C[0])
	key, err := azattestation.NewSigningKey(recordedSigner{certificate.PublicKey.(*rsa.PublicKey), sent.Signature()}, certificate)
	if err != nil {
		p.Fatal(err)
	}
	return key
}

// recordedSigner returns a recorded signature for the text that it is of.
type recordedSigner struct {
	public    *rsa.PublicKey
	signature []byte
}

func (s recordedSigner) Public() crypto.PublicKey { return s.public }

func (s recordedSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := rsa.VerifyPKCS1v15(s.public, opts.HashFunc(), digest, s.signature); err != nil {
		return nil, errors.New("the request differs from the recorded one")
	}
	return s.signature, nil
}

func parseCertificate(t testing.TB, x5c string) *x509.Certificate {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(x5c)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
