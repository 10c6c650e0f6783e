package instance_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store/memory"
)

func inForce(tb testing.TB, d *instance.Directory) instance.InForce {
	tb.Helper()
	p, err := d.InForce(tb.Context(), "contoso", attest.SGXEnclave)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestPoliciesAreSetAndReset(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("contoso"))
	text, _ := policy.Default("SgxEnclave")
	if p := inForce(t, d); p.Source != instance.SourceDefault || p.Text != text || hashInForce(t, d, "contoso.example") != policy.Hash(text) {
		t.Errorf("%+v, want the default", p)
	}
	first, second := unsigned(t, numbered("1")), signer(t, "anybody", nil).sign(t, policyPayload(numbered("2")))
	for n, jws := range []*policytoken.Token{first, second} {
		p := set(t, d, "contoso", jws)
		if p.Version != int64(n+1) || p.Action != instance.ActionSet || p.Token != jws.String() || p.TokenHash != jws.Hash() || p.By != "test" || !p.At.Equal(at) {
			t.Errorf("version %+v", p)
		}
		if (len(p.Signer) == 1) != jws.IsSigned() {
			t.Errorf("version %d has %d certificates of its signer", p.Version, len(p.Signer))
		}
		if got, err := d.Policy(t.Context(), "contoso", attest.SGXEnclave); err != nil || got != jws.String() {
			t.Errorf("%s, %v, want the token as it was put", got, err)
		}
		if hashInForce(t, d, "contoso.example") != p.Hash {
			t.Error("who set a policy does not attest by it at once")
		}
		// Once more changes nothing.
		if again := set(t, d, "contoso", jws); again.Version != p.Version || again.ID != p.ID {
			t.Errorf("set twice is version %d, want %d", again.Version, p.Version)
		}
	}
	if p := inForce(t, d); p.Source != instance.SourceSet || p.Version != 2 {
		t.Errorf("%+v, want what was set", p)
	}
	// Going back is an ordinary change.
	if p := set(t, d, "contoso", first); p.Version != 3 {
		t.Errorf("version %d, want 3", p.Version)
	}
	for range 2 {
		p, err := d.ResetPolicy(t.Context(), change("contoso", unsigned(t, "")))
		if err != nil || p.Version != 4 || p.Action != instance.ActionReset || p.Token != "" || p.Text != "" {
			t.Errorf("%+v, %v, want version 4, once", p, err)
		}
	}
	if got, err := d.Policy(t.Context(), "contoso", attest.SGXEnclave); err != nil || got != policytoken.Unsigned(text) {
		t.Errorf("%s, %v, want the default", got, err)
	}
	if hashInForce(t, d, "contoso.example") != policy.Hash(text) {
		t.Error("the default is not in force after a reset")
	}
	wantGapless(t, d, "contoso", 4)
	if versions, err := d.History(t.Context(), "contoso", attest.OpenEnclave); err != nil || len(versions) != 0 {
		t.Errorf("%v, %v: one type's policy is another's", versions, err)
	}
}

func TestResetOfWhatWasNeverSetChangesNothing(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("contoso"))
	before := d.Revision()
	if _, err := d.ResetPolicy(t.Context(), change("contoso", unsigned(t, ""))); err != nil {
		t.Fatal(err)
	}
	if wantGapless(t, d, "contoso", 0); d.Revision() != before {
		t.Error("a revision was made of nothing")
	}
}

func TestTypesWithoutADefaultHaveNoPolicy(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("contoso"))
	if got, err := d.Policy(t.Context(), "contoso", attest.TPM); err != nil || got != "eyJhbGciOiJub25lIn0.." {
		t.Errorf("%s, %v, want an empty token", got, err)
	}
	if p, err := d.InForce(t.Context(), "contoso", attest.TPM); err != nil || p.Source != instance.SourceNone || p.Text != "" {
		t.Errorf("%+v, %v", p, err)
	}
	i, _, _ := d.Lookup("", "/certs")
	if i.HasPolicy(attest.TPM) || i.IsServed(attest.TPM) || !i.IsServed(attest.SGXEnclave) {
		t.Error("the instance says otherwise")
	}
	c := change("contoso", unsigned(t, numbered("1")))
	c.Type = attest.TPM
	if _, err := d.SetPolicy(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if i, _, _ := d.Lookup("", "/certs"); !i.HasPolicy(attest.TPM) || i.IsServed(attest.TPM) {
		t.Error("with a policy it has one, and is still not attested")
	}
}

func TestWhoMaySetAPolicyFollowsFromTheMode(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	owner, stranger := signer(t, "owner", nil), signer(t, "stranger", nil)
	below := signer(t, "below", owner)
	create(t, d, aad("open"))
	create(t, d, isolated("closed"), owner.certificate)
	s := aad("shared")
	s.Mode = instance.Shared
	create(t, d, s)
	const bad policytoken.Reason = "shared"
	for by, test := range map[string]struct {
		token func(payload string) *policytoken.Token
		want  map[string]policytoken.Reason
	}{
		"nobody":   {func(p string) *policytoken.Token { return parse(t, encode(`{"alg":"none"}`)+"."+encode(p)+".") }, map[string]policytoken.Reason{"open": "", "closed": policytoken.ReasonUnsigned, "shared": bad}},
		"owner":    {func(p string) *policytoken.Token { return owner.sign(t, p) }, map[string]policytoken.Reason{"open": "", "closed": "", "shared": bad}},
		"stranger": {func(p string) *policytoken.Token { return stranger.sign(t, p) }, map[string]policytoken.Reason{"open": "", "closed": policytoken.ReasonIssuer, "shared": bad}},
		"below":    {func(p string) *policytoken.Token { return below.sign(t, p) }, map[string]policytoken.Reason{"open": "", "closed": "", "shared": bad}},
		"forger": {func(p string) *policytoken.Token {
			return (&identity{stranger.key, owner.certificate}).sign(t, p)
		}, map[string]policytoken.Reason{"open": policytoken.ReasonSignature, "closed": policytoken.ReasonSignature, "shared": bad}},
		"owner of another instance": {func(p string) *policytoken.Token {
			return owner.sign(t, strings.TrimSuffix(p, "}")+sep(p)+`"aud":"https://elsewhere.example"}`)
		}, map[string]policytoken.Reason{"open": policytoken.ReasonAudience, "closed": policytoken.ReasonAudience, "shared": bad}},
		"owner of last year": {func(p string) *policytoken.Token {
			return owner.sign(t, strings.TrimSuffix(p, "}")+sep(p)+`"exp":1700000000}`)
		}, map[string]policytoken.Reason{"open": policytoken.ReasonTime, "closed": policytoken.ReasonTime, "shared": bad}},
	} {
		for name, want := range test.want {
			_, setErr := d.SetPolicy(t.Context(), change(name, test.token(policyPayload(numbered(by)))))
			_, resetErr := d.ResetPolicy(t.Context(), change(name, test.token("{}")))
			for what, err := range map[string]error{"set": setErr, "reset": resetErr} {
				switch want {
				case "":
					if err != nil {
						t.Errorf("%s by %s on %s: %v", what, by, name, err)
					}
				case bad:
					wantRefused(t, err, instance.ReasonShared)
				default:
					if err == nil {
						t.Errorf("%s by %s on %s succeeded, want it refused for %s", what, by, name, want)
						continue
					}
					wantTokenError(t, err, want)
				}
			}
		}
	}
	// What was refused left no trace.
	wantGapless(t, d, "shared", 0)
	for _, p := range wantGapless(t, d, "closed", 4) {
		if len(p.Signer) != 1 {
			t.Errorf("version %d of an isolated instance has no signer", p.Version)
		}
	}
}

func sep(payload string) string {
	if payload == "{}" {
		return ""
	}
	return ","
}

func TestWhatIsNoPolicyIsRefused(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("contoso"))
	if _, err := d.SetPolicy(t.Context(), change("contoso", unsigned(t, "version=1.0; permit;"))); !isSyntaxError(err) {
		t.Errorf("%v, want a syntax error", err)
	}
	_, err := d.SetPolicy(t.Context(), change("contoso", unsigned(t, "")))
	wantTokenError(t, err, policytoken.ReasonPolicy)
	_, err = d.SetPolicy(t.Context(), change("contoso", parse(t, encode(`{"alg":"none"}`)+"."+encode(certificatePayload(signer(t, "x", nil).certificate))+".")))
	wantTokenError(t, err, policytoken.ReasonPolicy)
	_, err = d.ResetPolicy(t.Context(), change("contoso", unsigned(t, numbered("1"))))
	wantRefused(t, err, instance.ReasonNotEmpty)
	wantGapless(t, d, "contoso", 0)
}

func isSyntaxError(err error) bool {
	_, ok := errors.AsType[*policy.SyntaxError](err)
	return ok
}

func TestThePreviewReadsPoliciesAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("contoso"))
	plain := parse(t, encode(`{"alg":"none"}`)+"."+encode(`{"AttestationPolicy":"version=1.0;authorizationrules{=>permit();};issuancerules{};"}`)+".")
	_, err := d.SetPolicy(t.Context(), change("contoso", plain))
	wantTokenError(t, err, policytoken.ReasonEncoding)
	if err := d.CheckPolicy(plain); err != nil {
		t.Error(err)
	}
	if err := d.CheckPolicy(parse(t, encode(`{"alg":"none"}`)+"."+encode(`{"AttestationPolicy":"permit;"}`)+".")); !isSyntaxError(err) {
		t.Errorf("%v, want a syntax error", err)
	}
	c := change("contoso", plain)
	c.IsPreview = true
	if p, err := d.SetPolicy(t.Context(), c); err != nil || !strings.HasPrefix(p.Text, "version=1.0;") {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestVersionsContinueWhenANameComesBack(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	for n := range 3 {
		create(t, d, aad("contoso"))
		if p := inForce(t, d); p.Source != instance.SourceDefault {
			t.Fatalf("a new instance begins with %+v", p)
		}
		for k := range 2 {
			if p := set(t, d, "contoso", unsigned(t, numbered("1"+strings.Repeat("0", k)))); p.Version != int64(2*n+k+1) {
				t.Errorf("version %d, want %d", p.Version, 2*n+k+1)
			}
		}
		if err := d.Delete(t.Context(), "contoso"); err != nil {
			t.Fatal(err)
		}
		wantGapless(t, d, "contoso", 2*(n+1))
	}
	if versions, err := d.History(t.Context(), "contos", attest.SGXEnclave); err != nil || len(versions) != 0 {
		t.Errorf("%v, %v: a name has the history of a longer one", versions, err)
	}
}

func TestAnInstanceDoesNotSeeTheHistoryOfItsNamesake(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	create(t, d, aad("a"))
	create(t, d, aad("a-b"))
	set(t, d, "a-b", unsigned(t, numbered("1")))
	wantGapless(t, d, "a", 0)
	if p := set(t, d, "a", unsigned(t, numbered("2"))); p.Version != 1 {
		t.Errorf("version %d, want 1", p.Version)
	}
}

func TestReplayedPoliciesAreRefusedIfTheSettingsSaySo(t *testing.T) {
	t.Parallel()
	for _, refuses := range []bool{false, true} {
		d := open(t, config(memory.New()))
		owner := signer(t, "owner", nil)
		s := isolated("contoso")
		s.RefuseReplayedPolicies = refuses
		create(t, d, s, owner.certificate)
		first := owner.sign(t, policyPayload(numbered("1")))
		set(t, d, "contoso", first)
		set(t, d, "contoso", first) // it is in force: nothing is brought back
		set(t, d, "contoso", otherSignature(t, first))
		set(t, d, "contoso", owner.sign(t, policyPayload(numbered("2"))))
		replays := map[string]*policytoken.Token{
			"the token":                    first,
			"the token, otherwise signed":  otherSignature(t, first),
			"the text in another encoding": owner.sign(t, policyPayload(numbered("1"))),
		}
		for name, replay := range replays {
			_, err := d.SetPolicy(t.Context(), change("contoso", replay))
			if !refuses {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				set(t, d, "contoso", owner.sign(t, policyPayload(numbered("2"))))
				continue
			}
			wantRefused(t, err, instance.ReasonReplayed)
		}
		set(t, d, "contoso", owner.sign(t, policyPayload(numbered("1")+"\n// again")))
		if _, err := d.ResetPolicy(t.Context(), change("contoso", owner.sign(t, "{}"))); err != nil {
			t.Errorf("reset: %v", err)
		}
		_, err := d.SetPolicy(t.Context(), change("contoso", first))
		if refuses {
			wantRefused(t, err, instance.ReasonReplayed)
		}
	}
}

func TestSigningWhatWasUnsignedIsNoReplay(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	s := aad("contoso")
	s.RefuseReplayedPolicies = true
	create(t, d, s)
	set(t, d, "contoso", unsigned(t, numbered("1")))
	set(t, d, "contoso", unsigned(t, numbered("2")))
	set(t, d, "contoso", unsigned(t, numbered("1")))
	set(t, d, "contoso", unsigned(t, numbered("2")))
	set(t, d, "contoso", signer(t, "anybody", nil).sign(t, policyPayload(numbered("1"))))
}

func TestFixedPoliciesAreChangedInTheConfigurationAlone(t *testing.T) {
	t.Parallel()
	shared := memory.New()
	c := config(shared)
	d := open(t, c)
	create(t, d, aad("contoso"))
	create(t, d, aad("other"))
	set(t, d, "contoso", unsigned(t, numbered("1")))
	c.Fixed = map[string]map[attest.Type]string{"contoso": {attest.SGXEnclave: numbered("fixed")}}
	d = open(t, c)
	if p := inForce(t, d); p.Source != instance.SourceConfiguration || p.Text != numbered("fixed") {
		t.Errorf("%+v", p)
	}
	if got, err := d.Policy(t.Context(), "contoso", attest.SGXEnclave); err != nil || got != policytoken.Unsigned(numbered("fixed")) {
		t.Errorf("%s, %v", got, err)
	}
	if hashInForce(t, d, "contoso.example") != policy.Hash(numbered("fixed")) {
		t.Error("another policy is in force")
	}
	_, err := d.SetPolicy(t.Context(), change("contoso", unsigned(t, numbered("2"))))
	wantRefused(t, err, instance.ReasonFixed)
	_, err = d.ResetPolicy(t.Context(), change("contoso", unsigned(t, "")))
	wantRefused(t, err, instance.ReasonFixed)
	wantGapless(t, d, "contoso", 1)
	set(t, d, "other", unsigned(t, numbered("2")))
	oe := change("contoso", unsigned(t, numbered("2")))
	oe.Type = attest.OpenEnclave
	if _, err := d.SetPolicy(t.Context(), oe); err != nil {
		t.Error(err)
	}
}

func TestTCBIdentifierIsThatOfThePolicyInForce(t *testing.T) {
	t.Parallel()
	d := open(t, config(memory.New()))
	s := aad("contoso")
	s.AzureDefaultTCB = 12
	create(t, d, s)
	want := func(identifier string) {
		t.Helper()
		i, _, _ := d.Lookup("", "/certs")
		if got, number, err := i.TCBIdentifier(attest.SGXEnclave); err != nil || got != identifier || number != 12 {
			t.Errorf("%s, %d, %v, want %s", got, number, err, identifier)
		}
	}
	want("azuredefault")
	set(t, d, "contoso", unsigned(t, "version=1.1;configurationrules{=>issueproperty(type=\"x-ms-sgx-tcbidentifier\",value=\"11\");};authorizationrules{=>permit();};issuancerules{};"))
	want("11")
	set(t, d, "contoso", unsigned(t, numbered("1")))
	want("azuredefault")
}
