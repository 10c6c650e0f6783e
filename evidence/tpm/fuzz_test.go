package tpm_test

import (
	"bytes"
	"crypto/elliptic"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testvbs"
)

// seed adds the files of the corpus with an ending, without their length of two
// bytes if they begin with one.
func seed(f *testing.F, skip int, pattern ...string) {
	f.Helper()
	dir, ok := corpus.Find()
	if !ok {
		return
	}
	found, err := filepath.Glob(filepath.Join(append([]string{dir, "evidence"}, pattern...)...))
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range found {
		raw, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw[skip:])
	}
}

// refusal checks that a parser's error is one of stage parse, within the input.
func refusal(t *testing.T, raw []byte, err error) {
	t.Helper()
	e, ok := err.(*evidence.Error) //nolint:errorlint // The refusal itself is promised, not one in a chain.
	if !ok || e.Stage != evidence.StageParse || e.Offset > len(raw) {
		t.Fatalf("refused with %#v", err)
	}
}

func FuzzParseAttest(f *testing.F) {
	s := ecSoft(f)
	f.Add(s.quote(challenge, bankOf(tpm.SHA256, 0, 7), bankOf(tpm.SHA1, 0)))
	f.Add(s.certify(challenge, s.public))
	seed(f, 0, "tpm", "swtpm-a", "*.attest")
	seed(f, 0, "azure-cvm", "*", "tpm_quote.msg")
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := tpm.ParseAttest(raw)
		if err != nil {
			refusal(t, raw, err)
			return
		}
		// Whatever we take, go-tpm takes, and reads in the same way.
		compareAttest(t, raw)
		theirs, err := tpm2.Unmarshal[tpm2.TPMSAttest](raw)
		if err != nil || !bytes.Equal(tpm2.Marshal(theirs), raw) {
			t.Errorf("go-tpm writes %x, %v for %+v", tpm2.Marshal(theirs), err, a)
		}
	})
}

func FuzzParsePublic(f *testing.F) {
	f.Add(ecSoft(f).public.Bytes())
	f.Add(newSoft(f, newECKey(f, elliptic.P384()), tpm.ECDSA, tpm.SHA384).public.Bytes())
	f.Add(newSoft(f, rsaKey(), tpm.RSAPSS, tpm.SHA256).public.Bytes())
	seed(f, 2, "tpm", "swtpm-a", "*.tpm2b")
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := tpm.ParsePublic(raw)
		if err != nil {
			refusal(t, raw, err)
			return
		}
		comparePublic(t, raw)
		if again, err := tpm.ParsePublic2B(put2B(nil, raw)); err != nil || !bytes.Equal(again.Name(), p.Name()) {
			t.Errorf("with its length: %v", err)
		}
		text, err := json.Marshal(p.JWK())
		if err != nil {
			t.Fatal(err)
		}
		if key, err := tpm.ParseJWK(text); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if jwk, err := tpm.NewJWK(key); err != nil || jwk != p.JWK() {
			t.Errorf("%s became %+v, %v", text, jwk, err)
		}
	})
}

func FuzzParseSignature(f *testing.F) {
	f.Add(ecSoft(f).sign(f, nil))
	f.Add(newSoft(f, rsaKey(), tpm.RSASSA, tpm.SHA256).sign(f, nil))
	seed(f, 0, "tpm", "swtpm-a", "*.sig")
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := tpm.ParseSignature(raw); err != nil {
			refusal(t, raw, err)
			return
		}
		if theirs, err := tpm2.Unmarshal[tpm2.TPMTSignature](raw); err != nil || !bytes.Equal(tpm2.Marshal(theirs), raw) {
			t.Errorf("go-tpm: %v", err)
		}
	})
}

func FuzzParseJWK(f *testing.F) {
	f.Add([]byte(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`))
	f.Add([]byte(`{"kty":"EC","crv":"P-256","x":"","y":"","use":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		key, err := tpm.ParseJWK(raw)
		if err != nil {
			refusal(t, raw, err)
			return
		}
		jwk, err := tpm.NewJWK(key)
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]any
		if err := json.Unmarshal(raw, &members); err != nil || members["kty"] != jwk.Kty {
			t.Errorf("encoding/json reads %v, %v", members, err)
		}
	})
}

func FuzzParseEnclaveReport(f *testing.F) {
	report := testvbs.NewReport(reportSigned)
	report.AddModule(tpm.EnclaveModule{Name: "enclave.dll", SVN: 1})
	f.Add(testvbs.New(f, 2048).Sign(f, report))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := tpm.ParseEnclaveReport(raw)
		if err != nil {
			refusal(t, raw, err)
			return
		}
		if _, err := e.Modules(); err != nil {
			refusal(t, raw, err)
		}
	})
}

func FuzzParsePlatformClaim(f *testing.F) {
	good := softClaim(f)
	f.Add(good.statement())
	f.Add(good.blob(true))
	good.bank, good.pcrs = tpm.SHA1, digestsOf(bankOf(tpm.SHA1, allPCRs()...))
	good.quote = newSoft(f, rsaKey(), tpm.RSASSA, tpm.SHA1).quote(challenge, bankOf(tpm.SHA1, 0, 7))
	f.Add(good.blob(false))
	if dir, ok := corpus.Find(); ok {
		for _, name := range []string{"quote-ecdsa-p256", "quote-rsassa-sha256-pcr0-7"} {
			good := claimOf{bank: tpm.SHA256, pcrs: make([]byte, 24*32), log: []byte("a log")}
			for ending, part := range map[string]*[]byte{".attest": &good.quote, ".sig": &good.signature} {
				raw, err := os.ReadFile(filepath.Join(dir, "evidence", "tpm", "swtpm-a", name+ending))
				if err != nil {
					f.Fatal(err)
				}
				*part = raw
			}
			f.Add(good.statement())
			f.Add(good.blob(true))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := tpm.ParsePlatformClaim(raw)
		if err != nil {
			refusal(t, raw, err)
			return
		}
		a, err := tpm.ParseAttest(c.Quote)
		if err != nil || a.Quote == nil || len(c.Banks) != 1 || len(a.Quote.Selection) != 1 {
			t.Fatalf("no quote of a bank: %v", err)
		}
		if s := a.Quote.Selection[0]; c.Banks[0].Mask() != s.Mask || c.Banks[0].Algorithm != s.Bank {
			t.Fatalf("PCRs %x of %s, quoted are %x of %s", c.Banks[0].Mask(), c.Banks[0].Algorithm, s.Mask, s.Bank)
		}
		if c.Signature == nil || len(c.Log) > len(raw) {
			t.Fatalf("%+v", c)
		}
	})
}

func FuzzIDKS(f *testing.F) {
	f.Add(testvbs.New(f, 2048).Info())
	f.Add(testvbs.New(f, 3072).Info())
	f.Fuzz(func(t *testing.T, info []byte) {
		if len(info) > 64<<10 {
			return // more than an event of a log may have is the log's to refuse
		}
		events := []testvbs.Event{testvbs.Boundary(12, testvbs.Tag(eventlog.TagVSMIDKSInfo, info))}
		keys, err := tpm.IDKS(provenBoot(t, events))
		if err != nil {
			if _, ok := err.(*evidence.Error); !ok { //nolint:errorlint // See refusal.
				t.Fatalf("refused with %#v", err)
			}
			return
		}
		if len(keys) != 1 || tpm.CheckKey(keys[0]) != nil {
			t.Fatalf("%d keys, %v", len(keys), tpm.CheckKey(keys[0]))
		}
	})
}
