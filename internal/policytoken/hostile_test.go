package policytoken_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/policytoken"
)

// Whoever holds no listed key gets nothing done, whatever the header says.
func TestForgedSignaturesAreRefused(t *testing.T) {
	t.Parallel()
	signer := selfSigned(t, newRSA(t), "signer", nil)
	ec := selfSigned(t, newEC(t, elliptic.P256()), "EC signer", nil)
	p384 := selfSigned(t, newEC(t, elliptic.P384()), "P-384 signer", nil)
	mallory := identity{key: must[*rsa.PrivateKey](t)(otherRSAKey())}
	mallory = selfSigned(t, mallory.key, "signer", nil)
	payload := policyPayload(minimalPolicy)
	genuine := signed(t, signer, payload)
	parts := strings.Split(genuine, ".")
	ecParts := strings.Split(signed(t, ec, payload), ".")
	header := func(members jose) string { return encode(must[[]byte](t)(json.Marshal(members))) + "." + parts[1] }
	mac := func(key []byte) string {
		input := header(jose{"alg": "RS256", "x5c": x5c(signer.cert)})
		h := hmac.New(sha256.New, key)
		h.Write([]byte(input))
		return input + "." + encode(h.Sum(nil))
	}
	spki := must[[]byte](t)(x509.MarshalPKIXPublicKey(signer.cert.PublicKey))
	for name, test := range map[string]struct {
		text   string
		reason policytoken.Reason
	}{
		"another key's signature":                 {sign(t, mallory.key, jose{"alg": "RS256", "x5c": x5c(signer.cert)}, payload), policytoken.ReasonSignature},
		"another certificate of the same name":    {signed(t, mallory, payload), policytoken.ReasonIssuer},
		"the listed certificate behind another":   {sign(t, mallory.key, jose{"alg": "RS256", "x5c": x5c(mallory.cert, signer.cert)}, payload), policytoken.ReasonCertificate},
		"the listed certificate in jwk, bare key": {sign(t, mallory.key, jose{"alg": "RS256", "jwk": jose{"kty": "RSA", "n": encode(mallory.cert.PublicKey.(*rsa.PublicKey).N.Bytes()), "e": "AQAB", "x5c": x5c(signer.cert)}}, payload), policytoken.ReasonSignature},
		"another payload":                         {parts[0] + "." + encode([]byte(policyPayload("version=1.0;"))) + "." + parts[2], policytoken.ReasonSignature},
		"no payload":                              {parts[0] + ".." + parts[2], policytoken.ReasonSignature},
		"another header":                          {header(jose{"alg": "RS256", "x5c": x5c(signer.cert), "kid": "x"}) + "." + parts[2], policytoken.ReasonSignature},
		"the signature cut":                       {genuine[:len(genuine)-2], policytoken.ReasonSignature},
		"the signature of zeros":                  {parts[0] + "." + parts[1] + "." + encode(make([]byte, 256)), policytoken.ReasonSignature},
		"a signature of one byte":                 {parts[0] + "." + parts[1] + ".AA", policytoken.ReasonSignature},
		"an EC signature of zeros":                {ecParts[0] + "." + ecParts[1] + "." + encode(make([]byte, 64)), policytoken.ReasonSignature},
		"an EC signature of ones":                 {ecParts[0] + "." + ecParts[1] + "." + encode([]byte(strings.Repeat("\xff", 64))), policytoken.ReasonSignature},
		"an EC signature with a tail":             {signed(t, ec, payload) + "AAAA", policytoken.ReasonSignature},
		"DER with a tail":                         {derWithTail(t, ec, payload), policytoken.ReasonSignature},
		"DER of P-384":                            {derOf(t, p384, "ES384", payload), policytoken.ReasonSignature},
		"HMAC by the certificate":                 {mac(signer.cert.Raw), policytoken.ReasonSignature},
		"HMAC by the public key":                  {mac(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})), policytoken.ReasonSignature},
		"ES256 said of RSA":                       {sign(t, signer.key, jose{"alg": "ES256", "x5c": x5c(signer.cert)}, payload), policytoken.ReasonAlgorithm},
		"ECDH256 said of RSA":                     {sign(t, signer.key, jose{"alg": "ECDH256", "x5c": x5c(signer.cert)}, payload), policytoken.ReasonAlgorithm},
		"RSA256 said of P-256":                    {sign(t, ec.key, jose{"alg": "RSA256", "x5c": x5c(ec.cert)}, payload), policytoken.ReasonAlgorithm},
		"ES384 said of P-256":                     {sign(t, ec.key, jose{"alg": "ES384", "x5c": x5c(ec.cert)}, payload), policytoken.ReasonAlgorithm},
		"ES256 said of P-384":                     {sign(t, p384.key, jose{"alg": "ES256", "x5c": x5c(p384.cert)}, payload), policytoken.ReasonAlgorithm},
		"RS256 said of P-384":                     {sign(t, p384.key, jose{"alg": "RS256", "x5c": x5c(p384.cert)}, payload), policytoken.ReasonAlgorithm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trusted := []*x509.Certificate{signer.cert, ec.cert, p384.cert}
			wantReason(t, verdict(test.text, policytoken.Options{At: now, Trusted: trusted}), test.reason)
			// Where any signer will do, a signature still is one, of whom it says.
			if err := verdict(test.text, policytoken.Options{At: now}); (err == nil) != (test.reason == policytoken.ReasonIssuer) {
				t.Errorf("where any signer will do: %v", err)
			}
		})
	}
}

// PSS is nobody's, and an RSA key that is said to be RS256 must sign by PKCS #1.
func TestPSSIsRefused(t *testing.T) {
	t.Parallel()
	signer := selfSigned(t, newRSA(t), "signer", nil)
	input := encode(must[[]byte](t)(json.Marshal(jose{"alg": "RS256", "x5c": x5c(signer.cert)}))) + "."
	digest := sha256.Sum256([]byte(input))
	pss := must[[]byte](t)(signer.key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: 32, Hash: 5}))
	wantReason(t, verdict(input+"."+encode(pss), policytoken.Options{At: now}), policytoken.ReasonSignature)
}

func derOf(tb testing.TB, i identity, algorithm, payload string) string {
	tb.Helper()
	input := encode(must[[]byte](tb)(json.Marshal(jose{"alg": algorithm, "x5c": x5c(i.cert)}))) + "." + encode([]byte(payload))
	return input + "." + encode(signature(tb, i.key, input, true))
}

func derWithTail(tb testing.TB, i identity, payload string) string {
	tb.Helper()
	input := encode(must[[]byte](tb)(json.Marshal(jose{"alg": "ES256", "x5c": x5c(i.cert)}))) + "." + encode([]byte(payload))
	return input + "." + encode(append(signature(tb, i.key, input, true), 0))
}

func TestWeakKeysAreRefused(t *testing.T) {
	t.Parallel()
	root := selfSigned(t, newEC(t, elliptic.P256()), "root", nil)
	modulus := func(bits uint) *big.Int { return new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1) }
	edKey := must[ed25519.PublicKey](t)(func() (ed25519.PublicKey, error) { p, _, err := ed25519.GenerateKey(rand.Reader); return p, err }())
	for name, key := range map[string]any{
		"RSA 1024":         &rsa.PublicKey{N: modulus(1024), E: 65537},
		"RSA 2047":         &rsa.PublicKey{N: modulus(2047), E: 65537},
		"RSA 8193":         &rsa.PublicKey{N: modulus(8193), E: 65537},
		"RSA 65536":        &rsa.PublicKey{N: modulus(65536), E: 65537},
		"exponent 3":       &rsa.PublicKey{N: modulus(2048), E: 3},
		"exponent 65535":   &rsa.PublicKey{N: modulus(2048), E: 65535},
		"an even exponent": &rsa.PublicKey{N: modulus(2048), E: 65538},
		"P-224":            newEC(t, elliptic.P224()).Public(),
		"Ed25519":          edKey,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			weak := issueFor(t, root, key, "weak", nil)
			algorithm := "RS256"
			if _, ok := key.(*ecdsa.PublicKey); ok {
				algorithm = "ES256"
			}
			// The signature is anybody's: the key is refused before it is looked at.
			leaf := sign(t, root.key, jose{"alg": algorithm, "x5c": x5c(weak)}, "")
			wantReason(t, verdict(leaf, policytoken.Options{At: now, Trusted: []*x509.Certificate{weak, root.cert}}), policytoken.ReasonKey)
			// So it is above the signer.
			above := sign(t, root.key, jose{"alg": "ES256", "x5c": x5c(root.cert, weak)}, "")
			wantReason(t, verdict(above, policytoken.Options{At: now, Trusted: []*x509.Certificate{root.cert}}), policytoken.ReasonKey)
			wantReason(t, policytoken.CheckCertificate(weak, now), policytoken.ReasonKey)
		})
	}
}

func TestChainsThatProveNothingAreRefused(t *testing.T) {
	t.Parallel()
	key := newEC(t, elliptic.P256())
	newKey := func() identity { return identity{key: newEC(t, elliptic.P256())} }
	root := selfSigned(t, key, "root", nil)
	intermediate := issue(t, root, newKey().key, "intermediate", nil)
	leaf := issue(t, intermediate, newKey().key, "leaf", endEntity)
	notCA := selfSigned(t, newKey().key, "attestationsigningcert", endEntity)
	noConstraints := selfSigned(t, newKey().key, "no constraints", func(c *x509.Certificate) { c.BasicConstraintsValid, c.IsCA = false, false })
	below := func(issuer identity) identity { return issue(t, issuer, newKey().key, "below", endEntity) }
	unsigning := selfSigned(t, newKey().key, "unsigning", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	forged := issue(t, selfSigned(t, newKey().key, "root", nil), newKey().key, "intermediate", nil) // by another root of that name
	old := selfSigned(t, newKey().key, "old root", expired)
	later := selfSigned(t, newKey().key, "later root", func(c *x509.Certificate) { c.NotBefore = now.Add(1e9) })
	oldBetween := issue(t, root, newKey().key, "old", expired)
	critical := issue(t, root, newKey().key, "critical", unknownCritical)
	names := issue(t, root, newKey().key, "named", func(c *x509.Certificate) {
		c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"example.com"}, true
	})
	named := issue(t, names, newKey().key, "elsewhere", func(c *x509.Certificate) { c.IsCA, c.DNSNames = false, []string{"example.org"} })
	tooLong := pathLength(t, 0, true)
	impostor := issue(t, root, newKey().key, "root", nil)
	short := selfSigned(t, newKey().key, "short", func(c *x509.Certificate) { c.MaxPathLenZero = true })
	below2 := issue(t, short, newKey().key, "between", nil)
	first := versionOne(t, identity{}, newKey().key, "first")
	firstBelow := versionOne(t, root, newKey().key, "first below")
	trusting := func(certificates ...*x509.Certificate) []*x509.Certificate { return certificates }
	for name, test := range map[string]struct {
		text    string
		trusted []*x509.Certificate
		reason  policytoken.Reason
		issuer  string
	}{
		"nobody listed, a root others signed":   {signed(t, impostor, ""), nil, policytoken.ReasonCertificate, ""},
		"nobody listed, too long below a root":  {signed(t, below(below2), "", below2.cert, short.cert), nil, policytoken.ReasonCertificate, ""},
		"under one of version 1":                {signed(t, below(first), ""), trusting(first.cert), policytoken.ReasonIssuer, "CN=first"},
		"listed, of version 1":                  {signed(t, first, ""), trusting(first.cert), policytoken.ReasonIssuer, "CN=first"},
		"under an intermediate of version 1":    {signed(t, below(firstBelow), ""), trusting(firstBelow.cert), policytoken.ReasonIssuer, "CN=root"},
		"listed, but no CA":                     {signed(t, notCA, ""), trusting(notCA.cert), policytoken.ReasonIssuer, "CN=attestationsigningcert"},
		"listed, but without constraints":       {signed(t, noConstraints, ""), trusting(noConstraints.cert), policytoken.ReasonIssuer, "CN=no constraints"},
		"listed, must not issue":                {signed(t, unsigning, ""), trusting(unsigning.cert), policytoken.ReasonIssuer, "CN=unsigning"},
		"under one that is no CA":               {signed(t, below(notCA), ""), trusting(notCA.cert), policytoken.ReasonIssuer, "CN=attestationsigningcert"},
		"under one that must not issue":         {signed(t, below(unsigning), ""), trusting(unsigning.cert), policytoken.ReasonIssuer, "CN=unsigning"},
		"under a signer that is no CA":          {signed(t, below(leaf), "", leaf.cert, intermediate.cert), trusting(root.cert), policytoken.ReasonCertificate, ""},
		"under a listed leaf that is no CA":     {signed(t, below(leaf), ""), trusting(leaf.cert), policytoken.ReasonIssuer, "CN=leaf"},
		"a missing intermediate":                {signed(t, leaf, ""), trusting(root.cert), policytoken.ReasonIssuer, "CN=intermediate"},
		"a forged intermediate":                 {signed(t, issue(t, forged, leaf.key, "leaf", nil), "", forged.cert), trusting(root.cert), policytoken.ReasonIssuer, "CN=root"},
		"a forged intermediate, with the root":  {signed(t, issue(t, forged, leaf.key, "leaf", nil), "", forged.cert, root.cert), trusting(root.cert), policytoken.ReasonCertificate, ""},
		"another root":                          {signed(t, root, ""), trusting(intermediate.cert, old.cert), policytoken.ReasonIssuer, "CN=root"},
		"in the wrong order":                    {sign(t, leaf.key, jose{"alg": "ES256", "x5c": x5c(leaf.cert, root.cert, intermediate.cert)}, ""), trusting(root.cert), policytoken.ReasonCertificate, ""},
		"with a stranger at the end":            {signed(t, leaf, "", intermediate.cert, notCA.cert), trusting(root.cert), policytoken.ReasonCertificate, ""},
		"expired":                               {signed(t, old, ""), nil, policytoken.ReasonValidity, ""},
		"expired, listed":                       {signed(t, old, ""), trusting(old.cert), policytoken.ReasonValidity, ""},
		"not valid yet":                         {signed(t, later, ""), trusting(later.cert), policytoken.ReasonValidity, ""},
		"under an expired one that is listed":   {signed(t, below(old), ""), trusting(old.cert), policytoken.ReasonValidity, ""},
		"through an expired one":                {signed(t, below(oldBetween), "", oldBetween.cert), trusting(root.cert), policytoken.ReasonValidity, ""},
		"longer than the root allows":           {tooLong.text, tooLong.trusted, policytoken.ReasonCertificate, ""},
		"a critical extension nobody knows":     {signed(t, critical, ""), trusting(root.cert), policytoken.ReasonCertificate, ""},
		"outside of the names of its authority": {signed(t, named, "", names.cert), trusting(root.cert), policytoken.ReasonCertificate, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := verdict(test.text, policytoken.Options{At: now, Trusted: test.trusted})
			if e := refusal(t, err, test.reason); e.Issuer != test.issuer {
				t.Errorf("issuer %q, want %q", e.Issuer, test.issuer)
			}
		})
	}
}

func unknownCritical(c *x509.Certificate) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
}

// A listed key that is too weak authorizes nobody, even from before it was.
func TestListedWeakKeysAreNoAnchors(t *testing.T) {
	t.Parallel()
	weak := selfSigned(t, newEC(t, elliptic.P224()), "weak", nil)
	leaf := issue(t, weak, newEC(t, elliptic.P256()), "leaf", endEntity)
	wantReason(t, verdict(signed(t, leaf, ""), policytoken.Options{At: now, Trusted: []*x509.Certificate{weak.cert}}), policytoken.ReasonIssuer)
}

// A name may be anything; an error repeats a line of it.
func TestIssuersNamesAreCutToALine(t *testing.T) {
	t.Parallel()
	stranger := selfSigned(t, newEC(t, elliptic.P256()), "a\r\nb"+strings.Repeat("long", 1000), nil)
	signer := selfSigned(t, newEC(t, elliptic.P256()), "signer", nil)
	e := refusal(t, verdict(signed(t, stranger, ""), policytoken.Options{At: now, Trusted: []*x509.Certificate{signer.cert}}), policytoken.ReasonIssuer)
	if len(e.Issuer) > 200 || strings.ContainsAny(e.Issuer+e.Error(), "\r\n") {
		t.Errorf("issuer %q, error %q", e.Issuer, e.Error())
	}
}
