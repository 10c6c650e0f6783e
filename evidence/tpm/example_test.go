package tpm_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
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

// exampleRequest is of version 2, signed by its AIK: a quote of PCR 7, no log, and a
// claim of the machine's own.
const exampleRequest = "" +
	"eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0dFJlcVYyIn0.eyJhdHRfZGF0YSI6eyJjaGFsbGVuZ2UiOiJZU0JtY21WemFDQmphR0ZzYkdWdVoyVS" +
	"IsImN1c3RvbV9jbGFpbXMiOlt7Im5hbWUiOiJzaXRlIiwidmFsdWUiOiJCZXJsaW4iLCJ2YWx1ZV90eXBlIjoiU3RyaW5nIn1dLCJycF9kYXRh" +
	"IjoiTkRjeE1RIiwic2VydmljZV9jb250ZXh0IjoiWVhNZ2FYUWdkMkZ6SUdkcGRtVnVJRzkxZEEiLCJ0cG1fYXR0X2RhdGEiOnsiY3VycmVudF" +
	"9hdHRlc3RhdGlvbiI6eyJhaWtfcHViIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiQXJyMWJhZ3dLejdkeUEtNDVBMzRtSjQ3VFc0" +
	"bzAzNW9ELXlEMjNNUVVNRSIsInkiOiJLOThsa0xwSEtleGFlZDJxcW9RcDNfc2pEWDRqekRsZ1RFNjVLLW9fZ0pzIn0sInBjcnMiOlt7ImFsZ2" +
	"9yaXRobSI6MTEsInZhbHVlcyI6W3siZGlnZXN0IjoiQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQSIsImluZGV4" +
	"Ijo3fV19XSwicXVvdGUiOiJfMVJEUjRBWUFDSUFDd0FBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFCRmhJR1p5Wl" +
	"hOb0lHTm9ZV3hzWlc1blpRQUFBQUFBQUFQb0FBQUFBZ0FBQUFNQkFBSUJrUUl3QVdNQUFBQUJBQXNEZ0FBQUFDQm1hSHF0LUdLOWQyeVB3WXVP" +
	"bjQ0Z0NKY1VoVzdpTTdPUUtsa2REVjhwSlEiLCJzaWduYXR1cmUiOiJBQmdBQ3dBZ2U2V1dCbVcwZDZSSE9nS0FXbFpiOVFnZjdEMzdYR3JILU" +
	"ZFamR3eUU2bjRBSVB2Y2hxekRraC03UFY2Wm1yQmpDbW1OZ2RxTzdHblljRjVVcXF6aDhyOEYifX19LCJhdHRfdHlwZSI6ImJhc2ljIn0.MCng" +
	"vU3H-bEfRLjr1F8dPQKXLJ1P5OOM9y0Zx2EjFT7k0KMZ-TjuB5OGR7YX2kibq0bYv9CyZUmeSC0SW6Sn_w"

// A whole request is read, its challenge is looked up, and what it proves becomes
// claims. Whose certificates count for AIKs, if anybody's, is for the configuration
// to say.
func ExampleVerifier() {
	verifier := tpm.NewVerifier(tpm.VerifierConfig{AIKs: nil})
	request, err := verifier.Parse([]byte(exampleRequest))
	if err != nil {
		fmt.Println(err)
		return
	}
	// Whether this is a challenge that was given out, and not long ago, the verifier
	// cannot know.
	challenge, givenOut := request.(*tpm.Request).Challenge()
	fmt.Printf("answers %q, %s\n", challenge, givenOut)

	result, err := verifier.Verify(context.Background(), request, evidence.Requirements{PCRs: 1 << 7})
	if err != nil {
		fmt.Println(err)
		return
	}
	show := func(from *claims.Set, name string) {
		for _, value := range from.Values(name) {
			fmt.Println(name, value)
		}
	}
	show(result.PolicyOnly, "aikValidated")
	show(result.PolicyOnly, "pcrs")
	show(result.PolicyOnly, "secureBootEnabled")
	show(result.Custom, "site")
	show(result.TokenOnly, "rp_data")

	_, err = verifier.Verify(context.Background(), request, evidence.Requirements{PCRs: 1 << 7, ValidAIK: true})
	if e, ok := errors.AsType[*evidence.Error](err); ok {
		fmt.Printf("%s, %s: %s\n", e.Stage, e.Code, e.Hint)
	}
	// Output:
	// answers "a fresh challenge", as it was given out
	// aikValidated false
	// pcrs {"PCRs":[{"Index":7,"Digests":{"SHA256":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}}]}
	// secureBootEnabled false
	// site Berlin
	// rp_data NDcxMQ
	// chain, missing: enroll the AIK (azattest tpm enroll), or set require_valid_aik_cert to false in the policy
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
