package conformance_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/internal/corpus"
)

// Microsoft's policy for Windows' health attestation, over the boot of a real
// machine, gives the token that Microsoft publishes of it: the same claims, of the
// same JSON types. The values are the machine's own.
//
// Two claims of the published token this machine cannot have. Its log has no
// EVENT_SI_POLICY in PCR 13, for it had no code integrity policy of its own, so
// codeIntegrityPolicy has nothing to list; and each EVENT_BITLOCKER_UNLOCK of its
// log says 0 (no BitLocker), so bitlockerEnabledValue, the first that is not, is
// not issued, and bitlockerEnabled is false.
func TestHealthAttestationGivesTheTokenThatIsPublished(t *testing.T) {
	t.Parallel()
	absent := []string{"codeIntegrityPolicy", "bitlockerEnabledValue"}
	text := string(corpus.Read(t, "policies", "real", "healthattestation-csp-tpm-v1.2.txt"))
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMachine(t, &deployment{clock: func() time.Time { return now }})
	m.setPolicy(t, text)
	header, claims := m.report(t, m.challenged(t).V1(t))
	published := publishedToken(t, "tpm-healthattestation-2021.json")

	if diff := cmp.Diff(typesOf(published.Header), typesOf(header)); diff != "" {
		t.Errorf("header (-published +ours):\n%s", diff)
	}
	if diff := cmp.Diff(typesOf(without(published.Payload, absent...)), typesOf(claims)); diff != "" {
		t.Errorf("claims (-published +ours):\n%s", diff)
	}
	// What this machine's log says, read by hand.
	want := map[string]any{
		"secureBootEnabled": true, "codeIntegrityEnabled": true, "bitlockerEnabled": false, "WindowsDefenderElamDriverLoaded": true,
		"bootDebuggingDisabled": true, "osKernelDebuggingDisabled": true, "depPolicy": 1.0, "testSigningDisabled": true, "flightSigningNotEnabled": true,
		"vbsEnabled": false, "hvciEnabled": false, "iommuEnabled": false, "bootMgrSvn": 1.0, "bootAppSvn": 1.0, "notSafeMode": true, "notWinPE": true,
		"bootRevListInfo": "gKGarXBz0wEgAAAACwB23qHlStoMLnZb2zAJmlc5Zazllb2a8N2CQpw-83gM8w",
	}
	for name, value := range want {
		if claims[name] != value {
			t.Errorf("%s = %v, want %v", name, claims[name], value)
		}
	}
	checkReport(t, m, header, claims, now)
	hash := azattestation.PolicyHash(text)
	if claims["x-ms-policy-hash"] != b64(hash[:]) {
		t.Errorf("policy hash %v", claims["x-ms-policy-hash"])
	}
}

// The other token that Microsoft publishes is of a request of version 2, which has
// the request key with how it is bound.
func TestTheSecondVersionGivesTheTokenThatIsPublished(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMachine(t, &deployment{clock: func() time.Time { return now }})
	m.setPolicy(t, permitAll)
	header, claims := m.report(t, m.challenged(t).V2(t))
	published := publishedToken(t, "tpm-docs-2022-10.json")
	if diff := cmp.Diff(typesOf(published.Payload), typesOf(claims)); diff != "" {
		t.Errorf("claims (-published +ours):\n%s", diff)
	}
	checkReport(t, m, header, claims, now)
	confirmed, _ := claims["cnf"].(map[string]any)["jwk"]
	bound, _ := claims["x-ms-tpm-request-key"].(map[string]any)["jwk"]
	if diff := cmp.Diff(confirmed, bound); diff != "" || confirmed == nil {
		t.Errorf("cnf and request key (-cnf +request key):\n%s", diff)
	}
}

var (
	reportID      = regexp.MustCompile(`^[0-9a-f]{40}$`)
	reportKeyForm = regexp.MustCompile(`^[A-Za-z0-9_-]{27}$`)
)

// checkReport checks what all reports have in common.
func checkReport(t *testing.T, m *machine, header, claims map[string]any, now time.Time) {
	t.Helper()
	iat := float64(now.Unix())
	for name, want := range map[string]any{
		"iss": m.settings.URL, "iat": iat, "nbf": iat - 300, "exp": iat + 1440*60, "ver": "1.0", "x-ms-ver": "1.0", "rp_data": "AQIDBA", "nonce": "AQIDBA",
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %v", name, claims[name], want)
		}
	}
	if jti, _ := claims["jti"].(string); !reportID.MatchString(jti) {
		t.Errorf("jti %q, want 40 hexadecimal digits", jti)
	}
	jwk := map[string]any{"kty": "RSA", "e": "AQAB", "n": b64(requestKey().N.Bytes())}
	if diff := cmp.Diff(map[string]any{"jwk": jwk}, claims["cnf"]); diff != "" {
		t.Errorf("cnf (-want +got):\n%s", diff)
	}
	if kid, _ := header["kid"].(string); header["alg"] != "RS256" || header["typ"] != "JWT" || !reportKeyForm.MatchString(kid) {
		t.Errorf("header %v", header)
	}
}

// published is a token as Microsoft's documents show it.
type published struct{ Header, Payload map[string]any }

func publishedToken(t *testing.T, name string) published {
	t.Helper()
	var p published
	if err := json.Unmarshal(corpus.Read(t, "maa", "tokens", name), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// typesOf says of each member which JSON type it has, objects included.
func typesOf(members map[string]any) map[string]any {
	types := map[string]any{}
	for name, value := range members {
		if object, ok := value.(map[string]any); ok {
			types[name] = typesOf(object)
			continue
		}
		types[name] = fmt.Sprintf("%T", value)
	}
	return types
}
