package tpm_test

import (
	"encoding/base64"
	"fmt"

	"github.com/azattest/azattest/evidence/tpm"
)

// A quote by a P-256 key, of PCR 0 of the SHA-256 bank.
const (
	exampleJWK       = `{"kty":"EC","crv":"P-256","x":"jUtp0IheOPRDR12qSF6OMLbcDVNc1_zVmPwBAx-sQBI","y":"HY_lhSHxMmwPNkhvXzh9dN7cGZPVsRZTjPMBQtAt4DA"}`
	exampleQuote     = "_1RDR4AYACIAC1J3Ec8fy3j4fEl9m_r2_KuzcnbNnvrObYOj3hIN4sX-ABFhIGZyZXNoIGNoYWxsZW5nZQAAAAAAAAPoAAAAAgAAAAMBIBkQIwAWNjYAAAABAAsDAQAAACBmaHqt-GK9d2yPwYuOn44gCJcUhW7iM7OQKlkdDV8pJQ"
	exampleSignature = "ABgACwAgjI7bTITpeXACSSD3EPQxo514fffUHieAHq1j9UpyK8kAIFxGbQMhjhH3-WiyEGZCwLDNIPIfVYy_-zl4FsrWyawP"
)

func decode(text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// A request carries the AIK as a JWK, the quote, its signature and the PCR values.
func ExampleAIK_VerifyQuote() {
	key, err := tpm.ParseJWK([]byte(exampleJWK))
	if err != nil {
		fmt.Println(err)
		return
	}
	aik, err := tpm.AIKFromKey(key)
	if err != nil {
		fmt.Println(err)
		return
	}
	signature, err := tpm.ParseSignature(decode(exampleSignature))
	if err != nil {
		fmt.Println(err)
		return
	}
	banks := []tpm.Bank{{Algorithm: tpm.SHA256, PCRs: []tpm.PCR{{Index: 0, Digest: make([]byte, 32)}}}}
	quote, err := aik.VerifyQuote(decode(exampleQuote), signature, banks, tpm.Requirements{QualifyingData: []byte("a fresh challenge")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(tpm.PCRDocument(quote.Banks, tpm.Base64URL))
	fmt.Println("validated:", aik.IsValidated())

	_, err = aik.VerifyQuote(decode(exampleQuote), signature, banks, tpm.Requirements{QualifyingData: []byte("another challenge")})
	fmt.Println(err)
	// Output:
	// {"PCRs":[{"Index":0,"Digests":{"SHA256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]}
	// validated: false
	// quote: TPMS_ATTEST: extraData: 61206672657368206368616c6c656e6765, want 616e6f74686572206368616c6c656e6765 (it was made for another challenge or another request key)
}
