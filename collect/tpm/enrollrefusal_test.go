package tpm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/azattestation"
	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
)

func TestEnrollRefuses(t *testing.T) {
	t.Parallel()
	running, opened := start(t)
	aik := newAIK(t, opened, collect.ECC)
	key := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048))
	encode := base64.RawURLEncoding.EncodeToString
	blob := encode(make([]byte, 50))
	for name, test := range map[string]struct {
		path   string
		answer any
		want   string
	}{
		"no credential":            {"/tpm/enroll", map[string]string{"context": "e30"}, `"idObject" is missing`},
		"no secret":                {"/tpm/enroll", map[string]string{"idObject": blob, "context": "e30"}, `"encryptedSecret" is missing`},
		"long secret":              {"/tpm/enroll", map[string]string{"idObject": blob, "encryptedSecret": encode(make([]byte, 2000)), "context": "e30"}, "2000 bytes, want at most"},
		"no context":               {"/tpm/enroll", map[string]string{"idObject": blob, "encryptedSecret": blob}, `"context" is missing`},
		"padded":                   {"/tpm/enroll", map[string]string{"idObject": "AA==", "encryptedSecret": blob, "context": "e30"}, "illegal base64"},
		"another TPM's":            {"/tpm/enroll", map[string]string{"idObject": blob, "encryptedSecret": encode(make([]byte, 256)), "context": "e30"}, "for another endorsement key or another AIK"},
		"no JSON":                  {"/tpm/enroll", nil, "is the endpoint an azattest service?"},
		"too long":                 {"/tpm/enroll", strings.Repeat("x", 300000), "want at most"},
		"no certificate":           {"/tpm/activate", map[string]any{"certificates": []string{}}, "no certificate"},
		"no list":                  {"/tpm/activate", map[string]any{"certificates": "x"}, "no list"},
		"nine certificates":        {"/tpm/activate", map[string]any{"certificates": make([]string, 9)}, "9 entries"},
		"certificate that is none": {"/tpm/activate", map[string]any{"certificates": []string{"AAAA"}}, "certificate 1"},
		"certificate with a break": {"/tpm/activate", map[string]any{"certificates": []string{"AA\nAA"}}, "line break"},
	} {
		i := startIssuer(t, running)
		i.instead[test.path] = func(w http.ResponseWriter) {
			if test.answer == nil {
				_, _ = w.Write([]byte("<html>"))
				return
			}
			i.answer(w, test.answer)
		}
		_, err := collect.Enroll(t.Context(), i.server.URL, nil, aik, i.options(running, collect.RSA))
		if e, ok := errors.AsType[*collect.Error](err); !ok || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		i.noSecretIn(t, err)
	}
	i := startIssuer(t, running)
	i.instead["/tpm/activate"] = func(w http.ResponseWriter) { i.answer(w, map[string]any{"certificates": i.issue(&key.PublicKey)}) }
	if _, err := collect.Enroll(t.Context(), i.server.URL, nil, aik, i.options(running, collect.RSA)); err == nil || !strings.Contains(err.Error(), "for another key") {
		t.Errorf("%v, want that the certificate is for another key", err)
	}
	// Refusals are the service's.
	i = startIssuer(t, running)
	i.instead["/tpm/activate"] = func(w http.ResponseWriter) { i.refuse(w, errors.New("too late")) }
	for _, o := range []*collect.EnrollOptions{i.options(running, collect.RSA), func() *collect.EnrollOptions {
		o := i.options(running, collect.RSA)
		o.Certificates = nil // so that the chain cannot be verified
		return o
	}()} {
		_, err := collect.Enroll(t.Context(), i.server.URL, nil, aik, o)
		if e, ok := errors.AsType[*azcore.ResponseError](err); !ok || e.ErrorCode != "InvalidParameter" {
			t.Errorf("%v, want a refusal", err)
		}
		i.noSecretIn(t, err)
	}
	for _, endpoint := range []string{"", "attest.example", "http://attest.example"} {
		if _, err := collect.Enroll(t.Context(), endpoint, nil, aik, nil); err == nil {
			t.Errorf("endpoint %q", endpoint)
		} else if _, ok := errors.AsType[*azattestation.ArgumentError](err); !ok {
			t.Errorf("endpoint %q: %v", endpoint, err)
		}
	}
	if _, err := collect.Enroll(t.Context(), i.server.URL, nil, nil, nil); err == nil {
		t.Error("no AIK")
	}
	if _, err := collect.Enroll(t.Context(), i.server.URL, nil, aik, &collect.EnrollOptions{Algorithm: collect.RSAPSS}); err == nil || !strings.Contains(err.Error(), "want rsa or ecc") {
		t.Errorf("%v, want another algorithm", err)
	}
}

// noSecretIn looks for the secret of the credential.
func (i *issuer) noSecretIn(t *testing.T, err error) {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.secret == nil || err == nil {
		return
	}
	if text := err.Error(); strings.Contains(text, base64.RawURLEncoding.EncodeToString(i.secret)) || strings.Contains(text, string(i.secret)) {
		t.Errorf("the secret in %q", text)
	}
}

// Certificates that the TPM does not hold are given, and those that it does are read
// past their padding, with the issuers that are beside them.
func TestEnrollWithCertificatesFromElsewhere(t *testing.T) {
	t.Parallel()
	running, opened := start(t)
	aik := newAIK(t, opened, collect.RSA)
	i := startIssuer(t, running)
	// A vendor's certificate for the P-256 key, of which this TPM has none.
	made, err := tpm2.CreatePrimary{
		PrimaryHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHEndorsement, Auth: tpm2.PasswordAuth(nil)}, InPublic: tpm2.New2B(tpm2.ECCEKTemplate),
	}.Execute(running)
	if err != nil {
		t.Fatal(err)
	}
	public := must[*tpm.Public](t)(tpm.ParsePublic(made.OutPublic.Bytes()))
	if _, err := (tpm2.FlushContext{FlushHandle: made.ObjectHandle}).Execute(running); err != nil {
		t.Fatal(err)
	}
	leaf, issuers := vendor(t, public.Key)
	i.authorities = must[*tpm.Authorities](t)(tpm.NewAuthorities(tpm.Config{Roots: issuers[1:]}))
	o := i.options(running, collect.ECC)
	o.Certificates = []*x509.Certificate{issuers[0], leaf} // in any order
	must[*collect.AIK](t)(collect.Enroll(t.Context(), i.server.URL, nil, aik, o))

	// The same from the TPM.
	write(t, running, 0x01c0000a, append(bytes.Clone(leaf.Raw), make([]byte, 100)...))
	write(t, running, 0x01c00100, issuers[0].Raw[:500])
	write(t, running, 0x01c00101, append(bytes.Clone(issuers[0].Raw[500:]), 0xff, 0xff))
	define(t, running, 0x01c00102, 100) // room that nobody has filled
	o.Certificates = nil
	must[*collect.AIK](t)(collect.Enroll(t.Context(), i.server.URL, nil, aik, o))

	// A certificate for another key than the template gives.
	other, _ := vendor(t, must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public())
	running2, opened2 := start(t)
	write(t, running2, 0x01c0000a, other.Raw)
	_, err = collect.Enroll(t.Context(), i.server.URL, nil, newAIK(t, opened2, collect.ECC), o)
	if err == nil || !strings.Contains(err.Error(), "a template of his own") {
		t.Errorf("%v, want that the certificate is for another key", err)
	}
}

// vendor makes an EK's certificate, with the issuer and its root.
func vendor(t *testing.T, key any) (*x509.Certificate, []*x509.Certificate) {
	t.Helper()
	issue := func(name string, parent *x509.Certificate, public, signer any, usage x509.KeyUsage, purposes ...asn1.ObjectIdentifier) *x509.Certificate {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			BasicConstraintsValid: true, IsCA: usage == x509.KeyUsageCertSign, KeyUsage: usage, UnknownExtKeyUsage: purposes,
		}
		if parent == nil {
			parent = template
		}
		return must[*x509.Certificate](t)(x509.ParseCertificate(must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, parent, public, signer))))
	}
	rootKey := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	issuerKey := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)) // so that it has more than 500 bytes
	root := issue("root", nil, rootKey.Public(), rootKey, x509.KeyUsageCertSign)
	issuer := issue("issuer", root, issuerKey.Public(), rootKey, x509.KeyUsageCertSign)
	leaf := issue("EK", issuer, key, issuerKey, x509.KeyUsageKeyAgreement, asn1.ObjectIdentifier{2, 23, 133, 8, 1})
	return leaf, []*x509.Certificate{issuer, root}
}

// ownerAuth authorizes as the TPM's owner.
var ownerAuth = tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}

// define makes room in the TPM's memory, for everybody to read.
func define(t *testing.T, running interface{ Send([]byte) ([]byte, error) }, index tpm2.TPMHandle, size int) {
	t.Helper()
	public := tpm2.TPMSNVPublic{
		NVIndex: index, NameAlg: tpm2.TPMAlgSHA256, DataSize: uint16(size),
		Attributes: tpm2.TPMANV{OwnerWrite: true, OwnerRead: true, AuthRead: index%2 == 0, NoDA: true, NT: tpm2.TPMNTOrdinary},
	}
	if _, err := (tpm2.NVDefineSpace{AuthHandle: ownerAuth, PublicInfo: tpm2.New2B(public)}).Execute(running); err != nil {
		t.Fatal(err)
	}
}

// write puts bytes there.
func write(t *testing.T, running interface{ Send([]byte) ([]byte, error) }, index tpm2.TPMHandle, data []byte) {
	t.Helper()
	define(t, running, index, len(data))
	read := must[*tpm2.NVReadPublicResponse](t)(tpm2.NVReadPublic{NVIndex: index}.Execute(running))
	for at := 0; at < len(data); at += 400 {
		piece := data[at:min(at+400, len(data))]
		_, err := tpm2.NVWrite{
			AuthHandle: ownerAuth, NVIndex: tpm2.NamedHandle{Handle: index, Name: read.NVName}, Data: tpm2.TPM2BMaxNVBuffer{Buffer: piece}, Offset: uint16(at),
		}.Execute(running)
		if err != nil {
			t.Fatal(err)
		}
		read = must[*tpm2.NVReadPublicResponse](t)(tpm2.NVReadPublic{NVIndex: index}.Execute(running)) // the first write changes the name
	}
}
