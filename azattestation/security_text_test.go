package azattestation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/azattestation"
)

// TestSecurityAmbiguousJSON: what two readers could read differently is refused,
// even with a good signature.
func TestSecurityAmbiguousJSON(t *testing.T) {
	t.Parallel()
	const header = `{"alg":"RS256","kid":"k"}`
	valid := claimsOf(nil)
	for name, c := range map[string][2]string{
		"alg twice":              {`{"alg":"RS256","kid":"k","alg":"RS256"}`, valid},
		"kid twice":              {`{"alg":"RS256","kid":"k","kid":"other"}`, valid},
		"kid in an escape":       {`{"alg":"RS256","kid":"k","\u006bid":"other"}`, valid},
		"crit":                   {`{"alg":"RS256","kid":"k","crit":["exp"],"exp":1}`, valid},
		"crit, empty":            {`{"alg":"RS256","kid":"k","crit":[]}`, valid},
		"b64":                    {`{"alg":"RS256","kid":"k","b64":false,"crit":["b64"]}`, valid},
		"iss twice":              {header, strings.Replace(valid, `{`, `{"iss":"https://other.example",`, 1)},
		"iss in an escape":       {header, strings.Replace(valid, `{`, `{"\u0069ss":"https://other.example",`, 1)},
		"exp twice, the same":    {header, strings.Replace(valid, `{`, `{"exp":9999999999,`, 1)},
		"lone surrogates":        {header, strings.Replace(valid, `{`, `{"\ud800":1,"\udfff":2,`, 1)},
		"not UTF-8":              {header, strings.Replace(valid, `{`, "{\"\xff\":1,\"\xfe\":2,", 1)},
		"among many":             {header, strings.Replace(valid, `{`, `{`+manyMembers(100)+`"m7":1,`, 1)},
		"two objects":            {header, valid + valid},
		"a comment":              {header, valid + " // more"},
		"a comma too many":       {header, strings.Replace(valid, `}`, `,}`, 1)},
		"single quotes":          {header, `{'iss':1}`},
		"byte order mark":        {header, "\ufeff" + valid},
		"header of a byte order": {"\ufeff" + header, valid},
		"header twice":           {header + header, valid},
	} {
		_, err := azattestation.ParseToken(compact(c[0], c[1], rs256(rsaKey())))
		checkToken(t, err, azattestation.TokenCheckFormat)
		if err == nil {
			t.Errorf("%s: a token", name)
		}
	}
	_, err := azattestation.NewKeySource(tokenIssuer, []byte(`{"keys":[{"kid":"k","kid":"l"}]}`))
	checkError[*azattestation.ArgumentError](t, err)
}

// manyMembers are m0 to as many as there shall be, with a comma each.
func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":%d,`, i, i)
	}
	return b.String()
}

// TestSecurityCaseVariants: a policy may issue ISS and EXP; they are other claims.
func TestSecurityCaseVariants(t *testing.T) {
	t.Parallel()
	variants := object{"ISS": "https://attacker.example", "Iss": 1, "EXP": 1, "Nbf": 9999999999, "NONCE": "other", "X-MS-SGX-IS-DEBUGGABLE": false, "ſub": 1}
	token := parse(t, signed("k", variants))
	if err := token.Validate(t.Context(), source(t), nil); err != nil || token.Issuer() != tokenIssuer {
		t.Errorf("issuer %s, %v", token.Issuer(), err)
	}
	var r azattestation.AttestationResult
	if err := token.Claims(&r); err != nil || *r.Issuer != tokenIssuer || r.IsDebuggable != nil || r.Nonce != nil || len(r.AdditionalClaims) != len(variants) {
		t.Errorf("result %s (%v)", jsonOf(r), err)
	}
	// They do not stand for the claims either.
	variants["iss"], variants["exp"] = nil, nil
	checkToken(t, parse(t, signed("k", variants)).Validate(t.Context(), source(t), nil), azattestation.TokenCheckExpiration)
	variants["exp"] = 9999999999
	checkToken(t, parse(t, signed("k", variants)).Validate(t.Context(), source(t), nil), azattestation.TokenCheckIssuer)
	variants["iss"] = tokenIssuer
	_, tr := answering(t, signed("k", variants))
	_, err := clientOf(t, tokenIssuer, optionsFor(tr)).AttestSGXEnclave(t.Context(), evidence, &azattestation.ClientAttestSGXEnclaveOptions{Nonce: new("other")})
	checkToken(t, err, azattestation.TokenCheckNonce)
}

// TestSecurityBase64: a token has one text. Others that decode alike are refused.
func TestSecurityBase64(t *testing.T) {
	t.Parallel()
	// With 1 byte left over, 4 bits of the last digit are of no account.
	token := compact(`{"alg":"RS256","kid":"k"}  `, claimsOf(object{"pad": "?>?>"})+" ", rs256(rsaKey()))
	if err := parse(t, token).Validate(t.Context(), source(t), nil); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	for at := range parts {
		for name, change := range map[string]func(string) string{
			"padding":        func(s string) string { return s + "==" },
			"one =":          func(s string) string { return s + "=" },
			"line break":     func(s string) string { return s[:4] + "\n" + s[4:] },
			"CRLF":           func(s string) string { return s + "\r\n" },
			"space":          func(s string) string { return " " + s },
			"trailing bits":  trailingBits,
			"plus and slash": func(s string) string { return strings.NewReplacer("-", "+", "_", "/").Replace(s) + "+" },
			"percent":        func(s string) string { return s + "%3D" },
			"NUL":            func(s string) string { return s + "\x00" },
			"wide digit":     func(s string) string { return s + "Ａ" },
		} {
			changed := append([]string(nil), parts...)
			if changed[at] = change(parts[at]); changed[at] == parts[at] {
				continue
			}
			_, err := azattestation.ParseToken(strings.Join(changed, "."))
			checkToken(t, err, azattestation.TokenCheckFormat)
			if err == nil {
				t.Errorf("part %d, %s: a token", at, name)
			}
		}
	}
}

// trailingBits sets a bit of the last digit that no byte holds, if there is one.
func trailingBits(s string) string {
	if len(s)%4 == 0 {
		return s
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	i := strings.IndexByte(digits, s[len(s)-1])
	return s[:len(s)-1] + digits[i^1:i^1+1]
}

// TestSecurityEveryByteIsSigned changes each digit of a token in turn.
func TestSecurityEveryByteIsSigned(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alg  string
		key  object
		sign signer
	}{
		"RSA": {"RS256", jwk("k", certificateOf(rsaKey(), "x")), rs256(rsaKey())},
		"EC":  {"ES256", jwk("k", certificateOf(ecKey(), "x")), es256(ecKey())},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keys, token := source(t, c.key), compact(jsonOf(object{"alg": c.alg, "kid": "k"}), claimsOf(nil), c.sign)
			for i := range len(token) {
				changed := []byte(token)
				if changed[i]++; changed[i] == '.' || token[i] == '.' {
					continue
				}
				parsed, err := azattestation.ParseToken(string(changed))
				if err == nil {
					err = parsed.Validate(t.Context(), keys, nil)
				}
				if errorOf[*azattestation.TokenValidationError](t, err) == nil {
					t.Fatalf("digit %d of %s is not signed", i, token)
				}
			}
		})
	}
}

// TestSecuritySlackBoundary: at the slack is within it, a nanosecond later is not.
func TestSecuritySlackBoundary(t *testing.T) {
	t.Parallel()
	exp := time.Unix(1_900_000_000, 0)
	token := parse(t, signed("k", object{"exp": exp.Unix(), "nbf": exp.Unix()}))
	for _, slack := range []time.Duration{-1, time.Nanosecond, time.Second, time.Minute, 59*time.Second + 999*time.Millisecond, time.Hour, 0} {
		tolerated := slack
		if slack < 0 {
			tolerated = 0
		} else if slack == 0 {
			tolerated = azattestation.DefaultTimeSlack
		}
		for at, fails := range map[time.Time]azattestation.TokenCheck{
			exp: "", exp.Add(tolerated): "", exp.Add(-tolerated): "",
			exp.Add(tolerated + 1): azattestation.TokenCheckExpiration, exp.Add(-tolerated - 1): azattestation.TokenCheckNotBefore,
		} {
			err := token.Validate(t.Context(), source(t), &azattestation.TokenValidationOptions{At: at, TimeSlack: slack})
			if fails == "" && err != nil {
				t.Errorf("slack %s, %s after exp: %v", slack, at.Sub(exp), err)
			}
			if fails != "" {
				checkToken(t, err, fails)
			}
		}
	}
}
