package tpm

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// somePublic is the public area of an AIK that no TPM has, and a certificate for it.
func somePublic(tb testing.TB) (*tpm.Public, []byte) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	template := aikTemplate(ECC)
	template.Unique = tpm2.NewTPMUPublicID(tpm2.TPMAlgECC, &tpm2.TPMSECCPoint{
		X: tpm2.TPM2BECCParameter{Buffer: point[1:33]}, Y: tpm2.TPM2BECCParameter{Buffer: point[33:]},
	})
	public, err := tpm.ParsePublic(tpm2.Marshal(template))
	if err != nil {
		tb.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "AIK"}, NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return public, der
}

// What is read of a key's file is what is written of it again.
func FuzzKeyFile(f *testing.F) {
	public, der := somePublic(f)
	chain, err := chainFor(public.Key, [][]byte{der})
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range []keyFile{
		{kind: kindAIK, public: public, private: []byte("wrapped")},
		{kind: kindAIK, public: public, private: []byte("wrapped"), chain: chain},
		{kind: kindKey, public: public, handle: 0x81010010},
	} {
		f.Add(file.text())
	}
	f.Add([]byte(`{"version":1,"kind":"aik"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseKeyFile(text)
		if err != nil {
			return
		}
		again, err := parseKeyFile(file.text())
		if err != nil {
			t.Fatalf("%v in %s", err, file.text())
		}
		if !bytes.Equal(again.text(), file.text()) || (file.handle == 0) == (len(file.private) == 0) || file.handle != 0 && !isPersistent(uint32(file.handle)) {
			t.Errorf("%s\nthen %s", file.text(), again.text())
		}
	})
}

// An object has the members that encoding/json finds, if each stands there once.
func FuzzObject(f *testing.F) {
	for _, text := range []string{`{}`, `{"a":1,"b":{"c":"ZA"}}`, `{"a":1,"a":2}`, `{"a":["ZA","ZQ"]} `, `{"a":1}x`, `[]`, `{"a":"ZA\n"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		o, err := parseObject(text)
		if err != nil {
			return
		}
		var reference map[string]json.RawMessage
		if err := json.Unmarshal(text, &reference); err != nil || len(reference) != len(o) {
			t.Fatalf("%d members of %q, encoding/json has %d: %v", len(o), text, len(reference), err)
		}
		for name := range o {
			if !bytes.Equal(o[name], reference[name]) {
				t.Errorf("member %q: %s, want %s", name, o[name], reference[name])
			}
			if raw, err := o.bytes(name, 100); err == nil && (len(raw) > 100 || `"`+encode(raw)+`"` != string(o[name]) && !bytes.ContainsRune(o[name], '\\')) {
				t.Errorf("member %q: %x of %s", name, raw, o[name])
			}
			if list, err := o.list(name, 4, 100); err == nil && len(list) > 4 {
				t.Errorf("member %q has %d entries", name, len(list))
			}
		}
	})
}

// Answers of the service keep to their bounds.
func FuzzAnswers(f *testing.F) {
	public, der := somePublic(f)
	aik := &AIK{key: &Key{public: public}}
	for _, text := range []string{
		`{"payload":{"challenge":"tI6UQEvOc34NDCIYIEx7XA","service_context":"e30"}}`,
		`{"payload":{"report":"e30.e30."}}`,
		`{"idObject":"AAAA","encryptedSecret":"AAAA","context":"e30"}`,
		`{"certificates":["` + encode(der) + `"]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := parseChallenge(text); err == nil && (len(c.challenge) == 0 || len(c.challenge) > maxChallenge || c.context == "" || len(c.context) > maxContext) {
			t.Errorf("challenge %x, context of %d bytes", c.challenge, len(c.context))
		}
		if report, err := parseReport(text); err == nil && report == "" {
			t.Error("an empty report")
		}
		if o, err := parseOffer(text); err == nil && (len(o.idObject) > maxCredential || len(o.encryptedSecret) > maxCredential || o.context == "") {
			t.Errorf("offer %+v", o)
		}
		if chain, err := parseIssued(text, aik); err == nil && (len(chain) == 0 || len(chain) > maxChain || !equal(chain[0].PublicKey, public.Key)) {
			t.Errorf("chain %v", chain)
		}
	})
}

// Values that are split off a stream are what the stream begins with.
func FuzzSplitDER(f *testing.F) {
	_, der := somePublic(f)
	f.Add(der)
	f.Add(append(append(bytes.Clone(der), der...), 0, 0, 0xff))
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		values := splitDER(stream, maxChain)
		if len(values) > maxChain || !bytes.HasPrefix(stream, bytes.Join(values, nil)) {
			t.Errorf("%d values %x", len(values), values)
		}
	})
}

// A signature of fixed width has the numbers of that in ASN.1.
func FuzzFixedWidth(f *testing.F) {
	f.Add([]byte{0x30, 6, 2, 1, 1, 2, 1, 2}, true)
	f.Add([]byte{0x30, 6, 2, 1, 0, 2, 1, 2}, false)
	f.Fuzz(func(t *testing.T, signature []byte, isLong bool) {
		half := 32
		if isLong {
			half = 48
		}
		if raw, err := fixedWidth(signature, half); err == nil && len(raw) != 2*half {
			t.Errorf("%d bytes", len(raw))
		}
	})
}
