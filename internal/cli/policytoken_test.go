package cli

import (
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// A token that was changed on its way is not sent, nor are its hashes shown.
func TestPolicyTokensMustHold(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	signer, other := newPolicySigner(t, "signer"), newPolicySigner(t, "other")
	i.certificates = append(i.certificates, signer.certificate)
	signed := func(by *policySigner, policy string) string {
		got := runAt(t, testTime, policy, append([]string{"policy", "token-hash", "-", "--out", "-"}, by.flags()...)...)
		return strings.TrimSpace(got.stdout)
	}
	good, another, others := strings.Split(signed(signer, somePolicy), "."), strings.Split(signed(signer, somePolicy+" "), "."), strings.Split(signed(other, somePolicy), ".")
	header, err := base64.RawURLEncoding.DecodeString(good[0])
	if err != nil {
		t.Fatal(err)
	}
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(header), "ES256", "none", 1)))
	nobodys := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256"}`))
	for name, test := range map[string]struct {
		token []string
		want  string
	}{
		"another policy":                {[]string{good[0], another[1], good[2]}, "signature"},
		"another signer":                {[]string{others[0], good[1], good[2]}, "signature"},
		"unsigned, with a certificate":  {[]string{unsigned, good[1], ""}, "algorithm"},
		"signed, without a certificate": {[]string{nobodys, good[1], good[2]}, "signing key"},
	} {
		file := inFile(t, "policy.jwt", strings.Join(test.token, ".")+"\n")
		for _, args := range [][]string{
			{"policy", "token-hash", "--policy-token", file},
			{"policy", "set", "SgxEnclave", "--policy-token", file, "--endpoint", i.URL(), "--ca-file", i.caFile, "--no-credential"},
			{"policy", "reset", "SgxEnclave", "--policy-token", file, "--endpoint", i.URL(), "--ca-file", i.caFile, "--no-credential"},
		} {
			t.Log(name, args[1])
			wantFault(t, runAt(t, testTime, "", args...), exitRefused, "policy token "+file+": token does not hold: "+test.want, "hint: ")
		}
		if f := wantFailure(t, runAt(t, testTime, "", "policy", "token-hash", "--policy-token", file, "--json"), exitRefused); f.Check != test.want {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if i.policies["SgxEnclave"] != nil {
		t.Error("a policy was set")
	}
	file := inFile(t, "policy.jwt", strings.Join(good, "."))
	if got := wantDone[hashedPolicy](t, runAt(t, testTime, "", "policy", "token-hash", "--policy-token", file, "--json")); !got.Signed {
		t.Errorf("%+v", got)
	}
}

// A reset is signed where the key is, and sent from elsewhere.
func TestResetSignedElsewhere(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	signer := newPolicySigner(t, "signer")
	i.certificates = append(i.certificates, signer.certificate)
	wantDone[changedPolicy](t, i.run(t, somePolicy, append([]string{"policy", "set", "Tpm", "-", "--json"}, signer.flags()...)...))

	jwt := filepath.Join(t.TempDir(), "reset.jwt")
	made := wantDone[hashedPolicy](t, runAt(t, testTime, "", append([]string{"policy", "token-hash", "--reset", "--out", jwt, "--json"}, signer.flags()...)...))
	if !made.Signed || made.Signer.Thumbprint != azattestation.Thumbprint(signer.certificate) || made.PolicyHash != "" || made.Out != jwt {
		t.Errorf("%+v", made)
	}
	seen := wantDone[hashedPolicy](t, runAt(t, testTime, "", "policy", "token-hash", "--policy-token", jwt, "--json"))
	if seen.PolicyTokenHash != made.PolicyTokenHash || seen.PolicyHash != "" {
		t.Errorf("%+v, want %+v", seen, made)
	}
	sent := wantDone[changedPolicy](t, i.run(t, "", "policy", "reset", "Tpm", "--policy-token", jwt, "--json"))
	if sent.Result != azattestation.PolicyModificationRemoved || sent.PolicyTokenHash != made.PolicyTokenHash || i.policies["Tpm"] != nil {
		t.Errorf("%+v", sent)
	}
	// Without a key it is the one that Azure's own clients send.
	unsigned := wantDone[hashedPolicy](t, runAt(t, testTime, "", "policy", "token-hash", "--reset", "--json"))
	if unsigned.PolicyToken != "eyJhbGciOiJub25lIn0.." || unsigned.Signed {
		t.Errorf("%+v", unsigned)
	}
	for _, args := range [][]string{{"--reset", "policy.txt"}, {"--reset", "--policy-token", jwt}, {}} {
		wantFault(t, runAt(t, testTime, "", append([]string{"policy", "token-hash"}, args...)...), exitUsage, "give either FILE, --policy-token or --reset")
	}
}

// Nobody could read such a policy again.
func TestPoliciesThatAreNoTextAreNotSent(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	for name, test := range map[string]struct{ text, want string }{
		"UTF-16 of Windows":    {"\xff\xfev\x00e\x00", "this is UTF-16"},
		"UTF-16 of others":     {"\xfe\xff\x00v\x00e", "this is UTF-16"},
		"UTF-16 without a BOM": {"v\x00e\x00", "byte 1 is zero"},
		"a zero":               {somePolicy + "\x00", "is zero"},
		"Latin-1":              {"// \ufffd b\xe4h", "byte 8 (0xe4) is no text"},
	} {
		file := inFile(t, "policy.txt", test.text)
		for _, args := range [][]string{{"policy", "set", "Tpm", file}, {"policy", "token-hash", file}, {"attest", "sgx", inFile(t, "quote.bin", "\x03"), "--draft-policy", file}} {
			t.Log(name, args)
			var got outcome
			if args[1] == "token-hash" {
				got = runAt(t, testTime, "", args...)
			} else {
				got = i.run(t, "", args...)
			}
			wantFault(t, got, exitRefused, "policy "+file+": ", test.want, "want UTF-8", "hint: save it as UTF-8")
		}
	}
	// A byte order mark, and what is not ASCII, are text.
	for _, policy := range []string{"\ufeff" + somePolicy, "// 日本 \ufffd\r\n" + somePolicy} {
		wantDone[changedPolicy](t, i.run(t, policy, "policy", "set", "Tpm", "-", "--json"))
		if got := i.run(t, "", "policy", "get", "Tpm", "--out", "-"); got.code != exitDone || got.stdout != policy {
			t.Errorf("%+v, want %q", got, policy)
		}
	}
	wantFault(t, i.run(t, "", "policy", "get", "Tpm", "--out", "-", "--json"), exitUsage, "both want standard output")
}

// A carriage return within a line lets what follows overwrite it.
func TestPolicyThatHidesALine(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	wantDone[changedPolicy](t, i.run(t, "=> permit(); // \r=> deny();   \n"+somePolicy, "policy", "set", "Tpm", "-", "--json"))
	wantFault(t, i.run(t, "", "policy", "get", "Tpm"), exitFailed, "no text", "--out")
}
