package collateral

import (
	"bytes"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/dcap"
	"github.com/azattest/azattest/internal/corpus"
)

// plusChain is a chain whose base64 has the sign '+' in each certificate; it
// is what makes the decoding hard.
func plusChain() []byte {
	for {
		root := certify("Intel SGX Root CA", authority{}, true)
		chain := [][]byte{chainPEM(certify("Intel SGX TCB Signing", root, false)), chainPEM(root)}
		if bytes.Contains(chain[0], []byte("+")) && bytes.Contains(chain[1], []byte("+")) {
			return bytes.Join(chain, nil)
		}
	}
}

func TestDecodeChainReadsEveryEncoding(t *testing.T) {
	t.Parallel()
	chain := string(plusChain())
	percent := strings.ReplaceAll(url.QueryEscape(chain), "+", "%20")
	for name, value := range map[string]string{
		"everything percent-encoded":     percent,
		"lower-case digits":              strings.NewReplacer("%2B", "%2b", "%0A", "%0a", "%2F", "%2f").Replace(percent),
		"space as plus, as forms do":     url.QueryEscape(chain),
		"plus left alone":                strings.ReplaceAll(percent, "%2B", "+"),
		"plus folded to a space":         strings.ReplaceAll(percent, "%2B", " "),
		"only line ends encoded":         strings.ReplaceAll(chain, "\n", "%0A"),
		"line ends of Windows":           strings.ReplaceAll(percent, "%0A", "%0D%0A"),
		"no line end between the blocks": strings.ReplaceAll(percent, "-----%0A-----BEGIN", "----------BEGIN"),
		"ending in a NUL":                percent + "%00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeChain(value)
			if err != nil {
				t.Fatal(err)
			}
			assertSameChain(t, got, []byte(chain))
		})
	}
}

func assertSameChain(t *testing.T, got, want []byte) {
	t.Helper()
	gotCerts, err := dcap.ParseCertificates(got)
	if err != nil {
		t.Fatal(err)
	}
	wantCerts, err := dcap.ParseCertificates(want)
	if err != nil {
		t.Fatal(err)
	}
	if len(gotCerts) != len(wantCerts) {
		t.Fatalf("%d certificates, want %d", len(gotCerts), len(wantCerts))
	}
	for i := range wantCerts {
		if !gotCerts[i].Equal(wantCerts[i]) {
			t.Errorf("certificate %d is another", i)
		}
	}
}

func TestDecodeChainRefuses(t *testing.T) {
	t.Parallel()
	chain := url.PathEscape(string(plusChain()))
	for name, value := range map[string]string{
		"empty":                ".",
		"no PEM":               "hello",
		"broken percent":       "%zz",
		"percent at the end":   chain + "%",
		"cut off":              chain[:len(chain)/2],
		"text around":          "chain: " + chain,
		"too long":             strings.Repeat("a", 3*maxChain+1),
		"too many":             strings.Repeat(chain, 20),
		"private key instead":  url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))),
		"encoded twice":        url.PathEscape(chain),
		"base64 that is wrong": strings.Replace(chain, "MI", "!!", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, err := decodeChain(value); err == nil {
				t.Errorf("accepted as %q", got)
			}
		})
	}
}

func TestIssuerChainFindsItsHeader(t *testing.T) {
	t.Parallel()
	chain := plusChain()
	value := url.PathEscape(string(chain))
	for name, test := range map[string]struct {
		header http.Header
		want   string
	}{
		"new name":       {http.Header{"Tcb-Info-Issuer-Chain": {value}}, ""},
		"old name":       {http.Header{"Sgx-Tcb-Info-Issuer-Chain": {value}}, ""},
		"none":           {http.Header{"Content-Type": {"application/json"}}, "no issuer chain: no header TCB-Info-Issuer-Chain or SGX-TCB-Info-Issuer-Chain"},
		"empty":          {http.Header{"Tcb-Info-Issuer-Chain": {""}}, "no issuer chain"},
		"of another":     {http.Header{"Sgx-Pck-Crl-Issuer-Chain": {value}}, "no issuer chain"},
		"broken":         {http.Header{"Tcb-Info-Issuer-Chain": {"%"}}, "header TCB-Info-Issuer-Chain: percent encoding"},
		"both, new wins": {http.Header{"Tcb-Info-Issuer-Chain": {value}, "Sgx-Tcb-Info-Issuer-Chain": {"%"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := issuerChain(test.header, tcbInfoChainHeaders)
			switch {
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error %v, want %q", err, test.want)
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "":
				assertSameChain(t, got, chain)
			}
		})
	}
}

// What is accepted is a chain, and decoding it once more gives the same.
func FuzzDecodeChain(f *testing.F) {
	chain := string(plusChain())
	for _, seed := range []string{
		url.PathEscape(chain), url.QueryEscape(chain), chain, strings.ReplaceAll(chain, "+", " "), "%", "+", "-----BEGIN+CERTIFICATE-----",
	} {
		f.Add(seed)
	}
	if dir, ok := corpus.Find(); ok {
		for _, set := range corpusSets(f, dir) {
			f.Add(url.QueryEscape(string(set.parts.TCBInfoIssuerChain)))
			f.Add(url.PathEscape(string(set.parts.PCKCRLIssuerChain)))
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := decodeChain(value)
		if err != nil {
			return
		}
		if len(got) > len(value) {
			t.Errorf("%d bytes out of %d", len(got), len(value))
		}
		if _, err := dcap.ParseCertificates(got); err != nil {
			t.Errorf("accepted what is no chain: %v", err)
		}
		again, err := decodeChain(strings.ReplaceAll(url.QueryEscape(string(got)), "+", "%20"))
		if err != nil || !bytes.Equal(again, got) {
			t.Errorf("does not decode to itself: %v", err)
		}
	})
}

// What is accepted is DER, the same however it is wrapped.
func FuzzDERCRL(f *testing.F) {
	list := recipe{platform: sgxProcessor, revoked: 2}.parts().PCKCRL
	for _, seed := range [][]byte{
		list, []byte(hex.EncodeToString(list)), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list}),
		list[:len(list)-1], append(bytes.Clone(list), 0), []byte("30"), []byte("-----BEGIN X509 CRL-----"), nil,
	} {
		f.Add(seed)
	}
	if dir, ok := corpus.Find(); ok {
		for _, set := range corpusSets(f, dir) {
			f.Add(set.parts.PCKCRL)
			f.Add([]byte(hex.EncodeToString(set.parts.RootCACRL)))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		der, err := derCRL(raw)
		if err != nil {
			return
		}
		for name, wrapped := range map[string][]byte{
			"DER": der, "hexadecimal": []byte(hex.EncodeToString(der)),
			"PEM": pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}),
		} {
			if again, err := derCRL(wrapped); err != nil || !bytes.Equal(again, der) {
				t.Errorf("as %s: another list, error %v", name, err)
			}
		}
	})
}
