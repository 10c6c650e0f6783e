package policytoken_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/policytoken"
)

func TestParseReturnsTheTokenExactlyAsSent(t *testing.T) {
	t.Parallel()
	signer := selfSigned(t, newEC(t, elliptic.P256()), "signer", nil)
	for name, text := range map[string]string{
		"unsigned":                unsigned(`{"alg":"none"}`, policyPayload(minimalPolicy)),
		"unsigned, with spaces":   unsigned(` { "alg" : "none" } `, ` {"AttestationPolicy": "YQ"} `),
		"signed":                  signed(t, signer, policyPayload(minimalPolicy)),
		"reset":                   "eyJhbGciOiJub25lIn0..",
		"signed reset":            signed(t, signer, ""),
		"members that are unread": unsigned(`{"alg":"none","typ":"JWT","kid":"k","jku":"https://evil.example/certs","x5u":"https://evil.example/x","b64":true}`, ""),
	} {
		for _, sent := range []string{text, `"` + text + `"`, " \r\n\t" + text + "\n", "\n\"" + text + "\" "} {
			token, err := policytoken.Parse([]byte(sent))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if token.String() != text {
				t.Errorf("%s: %q, want %q", name, token, text)
			}
			if isSigned := strings.Contains(name, "signed") && !strings.Contains(name, "unsigned"); token.IsSigned() != isSigned || (len(token.Chain()) > 0) != isSigned {
				t.Errorf("%s: signed %v with %d certificates", name, token.IsSigned(), len(token.Chain()))
			}
		}
	}
}

func TestTheChainIsTheCallers(t *testing.T) {
	t.Parallel()
	token := parse(t, signed(t, selfSigned(t, newEC(t, elliptic.P256()), "signer", nil), ""))
	token.Chain()[0] = nil
	if token.Chain()[0] == nil {
		t.Error("what a caller does to the chain changes the token")
	}
}

func TestParseRefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	const none, payload = "eyJhbGciOiJub25lIn0", "eyJBdHRlc3RhdGlvblBvbGljeSI6IllRIn0"
	cert := x5c(selfSigned(t, newEC(t, elliptic.P256()), "signer", nil).cert)[0]
	header := func(text string) string { return encode([]byte(text)) + "." + payload + "." }
	tests := map[string]struct {
		text   string
		reason policytoken.Reason
	}{
		"nothing":                       {"", policytoken.ReasonNoFirstPeriod},
		"quotes around nothing":         {`""`, policytoken.ReasonNoFirstPeriod},
		"one quote":                     {`"`, policytoken.ReasonNoFirstPeriod},
		"a policy without numbers":      {"=> permit();", policytoken.ReasonNoFirstPeriod},
		"two parts":                     {none + "." + payload, policytoken.ReasonNoSecondPeriod},
		"a policy":                      {minimalPolicy, policytoken.ReasonNoSecondPeriod},
		"four parts":                    {none + "." + payload + "..", policytoken.ReasonSignature},
		"four parts, signed":            {signedHeader(cert) + "." + payload + ".YQ.YQ", policytoken.ReasonEncoding},
		"periods only":                  {"..", policytoken.ReasonHeader},
		"a quote in front":              {`"` + none + "..", policytoken.ReasonEncoding},
		"a quote behind":                {none + `.."`, policytoken.ReasonSignature},
		"white space within":            {none + ". .", policytoken.ReasonEncoding},
		"an escape in a JSON string":    {`"\u0065yJhbGciOiJub25lIn0.."`, policytoken.ReasonEncoding},
		"a byte order mark":             {"\ufeff" + none + "..", policytoken.ReasonEncoding},
		"padding":                       {none + "=." + payload + ".", policytoken.ReasonEncoding},
		"standard base64":               {none + ".+/+/.", policytoken.ReasonEncoding},
		"a line end within":             {none + ".\n.", policytoken.ReasonEncoding},
		"bits that mean nothing":        {none + ".YR.", policytoken.ReasonEncoding},
		"a header cut off":              {none[:len(none)-1] + "..", policytoken.ReasonEncoding},
		"a header of five characters":   {none[:5] + "..", policytoken.ReasonEncoding},
		"header is no JSON":             {header("alg=none"), policytoken.ReasonHeader},
		"header is an array":            {header(`["alg","none"]`), policytoken.ReasonHeader},
		"header is null":                {header(`null`), policytoken.ReasonHeader},
		"more after the header":         {header(`{"alg":"none"}{}`), policytoken.ReasonHeader},
		"header is no UTF-8":            {header("{\"alg\":\"none\",\"x\":\"\xff\"}"), policytoken.ReasonHeader},
		"deep header":                   {header(`{"alg":"none","x":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`), policytoken.ReasonHeader},
		"deep and never closed":         {header(`{"alg":"none","x":` + strings.Repeat("[", 20000)), policytoken.ReasonHeader},
		"a wide header":                 {header(`{"alg":"none"` + wide(100) + `}`), policytoken.ReasonHeader},
		"a huge header":                 {header(`{"alg":"none","x":"` + strings.Repeat("x", 100000) + `"}`), policytoken.ReasonTooLarge},
		"a huge token":                  {none + "." + strings.Repeat("A", 512<<10) + ".", policytoken.ReasonTooLarge},
		"a huge white space":            {strings.Repeat(" ", 512<<10) + none + "..", policytoken.ReasonTooLarge},
		"alg twice":                     {header(`{"alg":"none","alg":"none"}`), policytoken.ReasonHeader},
		"alg in two spellings":          {header(`{"alg":"none","Alg":"RS256"}`), policytoken.ReasonHeader},
		"no alg":                        {header(`{}`), policytoken.ReasonAlgorithm},
		"alg is null":                   {header(`{"alg":null}`), policytoken.ReasonAlgorithm},
		"alg is a number":               {header(`{"alg":256}`), policytoken.ReasonHeader},
		"alg None":                      {header(`{"alg":"None"}`), policytoken.ReasonAlgorithm},
		"alg NONE":                      {header(`{"alg":"NONE"}`), policytoken.ReasonAlgorithm},
		"alg empty":                     {header(`{"alg":""}`), policytoken.ReasonAlgorithm},
		"alg HS256":                     {header(`{"alg":"HS256"}`), policytoken.ReasonAlgorithm},
		"alg RS512":                     {header(`{"alg":"RS512"}`), policytoken.ReasonAlgorithm},
		"alg PS256":                     {header(`{"alg":"PS256"}`), policytoken.ReasonAlgorithm},
		"alg EdDSA":                     {header(`{"alg":"EdDSA"}`), policytoken.ReasonAlgorithm},
		"alg in another member's case":  {header(`{"ALG":"none"}`), policytoken.ReasonAlgorithm},
		"a long alg":                    {header(`{"alg":"` + strings.Repeat("n", 40000) + `"}`), policytoken.ReasonAlgorithm},
		"crit":                          {header(`{"alg":"none","crit":["exp"]}`), policytoken.ReasonHeader},
		"crit is null":                  {header(`{"alg":"none","crit":null}`), policytoken.ReasonHeader},
		"b64 false":                     {header(`{"alg":"none","b64":false}`), policytoken.ReasonHeader},
		"b64 null":                      {header(`{"alg":"none","b64":null}`), policytoken.ReasonHeader},
		"certificate without signature": {header(`{"alg":"none","x5c":["` + cert + `"]}`), policytoken.ReasonHeader},
		"none with a signature":         {none + "." + payload + ".YQ", policytoken.ReasonSignature},
		"signature with none of it":     {signedHeader(cert) + "." + payload + ".", policytoken.ReasonSignature},
		"signed without certificate":    {header(`{"alg":"RS256"}`) + "YQ", policytoken.ReasonNoCertificate},
		"signed, x5c is null":           {header(`{"alg":"RS256","x5c":null}`) + "YQ", policytoken.ReasonNoCertificate},
		"signed, a bare key in jwk":     {header(`{"alg":"RS256","jwk":{"kty":"RSA","n":"AQAB","e":"AQAB"}}`) + "YQ", policytoken.ReasonNoCertificate},
		"signed, key to be fetched":     {header(`{"alg":"RS256","jku":"https://evil.example/","x5u":"https://evil.example/","kid":"k"}`) + "YQ", policytoken.ReasonNoCertificate},
		"jwk is no object":              {header(`{"alg":"RS256","jwk":"x"}`) + "YQ", policytoken.ReasonHeader},
		"x5c in two places":             {header(`{"alg":"RS256","x5c":["`+cert+`"],"jwk":{"x5c":["`+cert+`"]}}`) + "YQ", policytoken.ReasonHeader},
		"x5c twice":                     {header(`{"alg":"RS256","x5c":["`+cert+`"],"x5c":["`+cert+`"]}`) + "YQ", policytoken.ReasonHeader},
		"x5c twice in jwk":              {header(`{"alg":"RS256","jwk":{"x5c":["`+cert+`"],"x5c":["`+cert+`"]}}`) + "YQ", policytoken.ReasonHeader},
		"x5c is a string":               {header(`{"alg":"RS256","x5c":"`+cert+`"}`) + "YQ", policytoken.ReasonCertificate},
		"x5c is empty":                  {header(`{"alg":"RS256","x5c":[]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c of numbers":                {header(`{"alg":"RS256","x5c":[1]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c of null":                   {header(`{"alg":"RS256","x5c":[null]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c of nine":                   {header(`{"alg":"RS256","x5c":["`+strings.Repeat(`YQ==","`, 8)+`YQ=="]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c of 10,000":                 {header(`{"alg":"RS256","x5c":["`+strings.Repeat(`","`, 9999)+`"]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c with a certificate twice":  {header(`{"alg":"ES256","x5c":["`+cert+`","`+cert+`"]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c in base64url":              {header(`{"alg":"ES256","x5c":["`+strings.TrimRight(cert, "=")+`_"]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c in lines":                  {header(`{"alg":"ES256","x5c":["`+cert[:64]+`\n`+cert[64:]+`"]}`) + "YQ", policytoken.ReasonCertificate},
		"x5c of no certificate":         {header(`{"alg":"ES256","x5c":["YWJj"]}`) + "YQ", policytoken.ReasonCertificate},
		"bytes behind the certificate":  {header(`{"alg":"ES256","x5c":["`+x5cWithTail(t, cert)+`"]}`) + "YQ", policytoken.ReasonCertificate},
		"payload is no JSON":            {unsigned(`{"alg":"none"}`, minimalPolicy), policytoken.ReasonPayload},
		"payload is a string":           {unsigned(`{"alg":"none"}`, `"AttestationPolicy"`), policytoken.ReasonPayload},
		"payload is null":               {unsigned(`{"alg":"none"}`, `null`), policytoken.ReasonPayload},
		"payload is white space":        {unsigned(`{"alg":"none"}`, ` `), policytoken.ReasonPayload},
		"payload is cut off":            {unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"YQ"`), policytoken.ReasonPayload},
		"more after the payload":        {unsigned(`{"alg":"none"}`, `{} {}`), policytoken.ReasonPayload},
		"two policies":                  {unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"YQ","AttestationPolicy":"Yg"}`), policytoken.ReasonPayload},
		"two policies in two spellings": {unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"YQ","attestationPolicy":"Yg"}`), policytoken.ReasonPayload},
		"two policies, one escaped":     {unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"YQ","\u0041ttestationPolicy":"Yg"}`), policytoken.ReasonPayload},
		"a policy and a certificate":    {unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"YQ","policyCertificate":{}}`), policytoken.ReasonPayload},
		"a policy and an old claim":     {unsigned(`{"alg":"none"}`, `{"AttestationPolicy":"YQ","aas-policyCertificate":{}}`), policytoken.ReasonPayload},
		"a deep payload":                {unsigned(`{"alg":"none"}`, `{"x":`+strings.Repeat(`{"x":`, 9)+"1"+strings.Repeat("}", 10)), policytoken.ReasonPayload},
		"a payload of invalid UTF-8":    {unsigned(`{"alg":"none"}`, "{\"x\":\"\xc3\"}"), policytoken.ReasonPayload},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := policytoken.Parse([]byte(test.text))
			if token != nil {
				t.Errorf("accepted: %s", token)
			}
			wantReason(t, err, test.reason)
		})
	}
}

// The real service says "Unknown base64 character: 41 (')')".
func TestParseNamesTheCharacterThatIsNotBase64(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]policytoken.Error{
		"version=1.0; permit(); ..": {Part: "header", Offset: 7, Character: '='},
		"permit)..":                 {Part: "header", Offset: 6, Character: ')'},
		"eyJhbGciOiJub25lIn0.Y(.":   {Part: "payload", Offset: 1, Character: '('},
		"eyJhbGciOiJub25lIn0.\xff.": {Part: "payload", Offset: 0, Character: 0xff},
	} {
		_, err := policytoken.Parse([]byte(text))
		e := refusal(t, err, policytoken.ReasonEncoding)
		if e.Part != want.Part || e.Offset != want.Offset || e.Character != want.Character {
			t.Errorf("%q: %+v, want %+v", text, e, want)
		}
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	t.Parallel()
	_, err := policytoken.Parse([]byte("A..")) // no base64 has one character
	if _, ok := errors.AsType[base64.CorruptInputError](err); !ok {
		t.Errorf("%v, want a cause", err)
	}
}

func signedHeader(cert string) string {
	return encode([]byte(`{"alg":"ES256","x5c":["` + cert + `"]}`))
}

func x5cWithTail(tb testing.TB, cert string) string {
	tb.Helper()
	return base64.StdEncoding.EncodeToString(append(must[[]byte](tb)(base64.StdEncoding.DecodeString(cert)), 0))
}

func wide(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"` + strings.Repeat("x", i+1) + `":0`)
	}
	return b.String()
}
