package wire_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/wire"
)

func TestParseEnrollRequest(t *testing.T) {
	t.Parallel()
	one := &wire.EnrollRequest{EKCertificates: [][]byte{[]byte("ek")}, AIKPublic: []byte("aik")}
	for name, tt := range map[string]struct {
		body string
		want *wire.EnrollRequest
	}{
		"the least":        {`{"ekCertificates":["ZWs"],"aikPublic":"YWlr"}`, one},
		"names and spaces": {` { "EKCERTIFICATES" : [ "ZWs=" ] , "AikPublic" : "YWlr" } `, one},
		"null":             {`{"ekCertificates":["ZWs"],"aikPublic":"YWlr","ekPublic":null}`, one},
		"unknown members":  {`{"ekCertificates":["ZWs"],"aikPublic":"YWlr","x":[[{}]]}`, one},
		"escapes":          {`{"ekCertificates":["ZW\u0073"],"aikPublic":"YWlr"}`, one},
		"all": {
			`{"ekCertificates":["-_-_AAE","+/+/AAE="],"aikPublic":"YWlr","ekPublic":"cHVi"}`,
			&wire.EnrollRequest{EKCertificates: [][]byte{allBytes, allBytes}, AIKPublic: []byte("aik"), EKPublic: []byte("pub")},
		},
		"nine certificates": {
			`{"ekCertificates":["ZWs"` + strings.Repeat(`,"ZWs"`, 8) + `],"aikPublic":"YWlr"}`,
			&wire.EnrollRequest{EKCertificates: [][]byte{
				[]byte("ek"), []byte("ek"), []byte("ek"), []byte("ek"), []byte("ek"), []byte("ek"), []byte("ek"), []byte("ek"), []byte("ek"),
			}, AIKPublic: []byte("aik")},
		},
	} {
		got, err := wire.ParseEnrollRequest([]byte(tt.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestParseEnrollRequestRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ body, member, want string }{
		"nothing":               {``, "body", "empty"},
		"an array":              {`[]`, "body", "want a JSON object"},
		"more after it":         {`{"ekCertificates":["ZWs"],"aikPublic":"YWlr"}{}`, "body", "found more"},
		"no certificates":       {`{"aikPublic":"YWlr"}`, "ekCertificates", "missing"},
		"null certificates":     {`{"ekCertificates":null,"aikPublic":"YWlr"}`, "ekCertificates", "missing"},
		"one, not in an array":  {`{"ekCertificates":"ZWs","aikPublic":"YWlr"}`, "ekCertificates", "want an array of strings, found a string"},
		"an empty array":        {`{"ekCertificates":[],"aikPublic":"YWlr"}`, "ekCertificates", "empty"},
		"ten certificates":      {`{"ekCertificates":["ZWs"` + strings.Repeat(`,"ZWs"`, 9) + `],"aikPublic":"YWlr"}`, "ekCertificates", "more than 9"},
		"a number in it":        {`{"ekCertificates":["ZWs",7],"aikPublic":"YWlr"}`, "ekCertificates[1]", "want a string, found a number"},
		"null in it":            {`{"ekCertificates":[null],"aikPublic":"YWlr"}`, "ekCertificates[0]", "missing"},
		"an empty one":          {`{"ekCertificates":[""],"aikPublic":"YWlr"}`, "ekCertificates[0]", "empty"},
		"no base64":             {`{"ekCertificates":["Z!s"],"aikPublic":"YWlr"}`, "ekCertificates[0]", "want base64url"},
		"PEM":                   {`{"ekCertificates":["-----BEGIN"],"aikPublic":"YWlr"}`, "ekCertificates[0]", "want base64url"},
		"twice":                 {`{"ekCertificates":["ZWs"],"EkCertificates":["ZWs"],"aikPublic":"YWlr"}`, "EkCertificates", "stands twice"},
		"no AIK":                {`{"ekCertificates":["ZWs"]}`, "aikPublic", "missing"},
		"an empty AIK":          {`{"ekCertificates":["ZWs"],"aikPublic":""}`, "aikPublic", "empty"},
		"stray bits":            {`{"ekCertificates":["ZWs"],"aikPublic":"YWl"}`, "aikPublic", "want base64url"},
		"an empty public area":  {`{"ekCertificates":["ZWs"],"aikPublic":"YWlr","ekPublic":""}`, "ekPublic", "empty"},
		"a public area's array": {`{"ekCertificates":["ZWs"],"aikPublic":"YWlr","ekPublic":[]}`, "ekPublic", "found an array"},
		"too deep":              {`{"ekCertificates":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `,"aikPublic":"YWlr"}`, "body", "nested deeper"},
	} {
		got, err := wire.ParseEnrollRequest([]byte(tt.body))
		if e, ok := errors.AsType[*wire.RequestError](err); !ok || got != nil || e.Member != tt.member || !strings.Contains(e.Problem, tt.want) {
			t.Errorf("%s: got %v, want %s: %s", name, err, tt.member, tt.want)
		}
	}
}

func TestParseActivateRequest(t *testing.T) {
	t.Parallel()
	got, err := wire.ParseActivateRequest([]byte(`{"context":"Y3R4","SECRET":"-_-_AAE","aikPublic":"YWlr"}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&wire.ActivateRequest{Context: []byte("ctx"), Secret: allBytes, AIKPublic: []byte("aik")}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for body, member := range map[string]string{
		``: "body", `{`: "body", `{}`: "context", `{"context":"Y3R4"}`: "secret", `{"context":"Y3R4","secret":"c2VjcmV0"}`: "aikPublic",
		`{"context":"","secret":"c2VjcmV0","aikPublic":"YWlr"}`:       "context",
		`{"context":"Y3R4","secret":"","aikPublic":"YWlr"}`:           "secret",
		`{"context":"Y3R4","secret":["c2VjcmV0"],"aikPublic":"YWlr"}`: "secret",
		`{"context":{},"secret":"c2VjcmV0","aikPublic":"YWlr"}`:       "context",
		`{"context":"Y3R4","secret":"hunter2!","aikPublic":"YWlr"}`:   "secret",
	} {
		got, err := wire.ParseActivateRequest([]byte(body))
		e, ok := errors.AsType[*wire.RequestError](err)
		if !ok || got != nil || e.Member != member {
			t.Errorf("%s: got %v, want %s", body, err, member)
		}
		if ok && strings.Contains(e.Error(), "hunter2") {
			t.Errorf("the secret is in the error: %v", e)
		}
	}
}

func TestEnrollmentAnswers(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]any{
		`{"idObject":"-_-_AAE","encryptedSecret":"YQ","context":"e30"}`: wire.NewEnrollChallenge(allBytes, []byte("a"), []byte("{}")),
		`{"certificates":["-_-_AAE","YQ"]}`:                             wire.NewCertificates([][]byte{allBytes, []byte("a")}),
		`{"certificates":[]}`:                                           wire.NewCertificates(nil),
	} {
		text, err := json.Marshal(answer)
		if err != nil || string(text) != want {
			t.Errorf("got %s, %v, want %s", text, err, want)
		}
	}
}

// FuzzParseEnrollRequest checks that a body is refused with a short error that names
// a member, or read as something that reads the same when it is written plainly.
func FuzzParseEnrollRequest(f *testing.F) {
	for _, seed := range []string{
		`{"ekCertificates":["ZWs"],"aikPublic":"YWlr"}`, `{"ekCertificates":["-_-_AAE","+/+/AAE="],"aikPublic":"YWlr","ekPublic":"cHVi"}`,
		`{"ekCertificates":[],"aikPublic":""}`, `{"ekCertificates":[null,7,"\ud83d"],"aikPublic":"YWlr"}`, `{"ekCertificates":["ZWs"`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := wire.ParseEnrollRequest(body)
		if err != nil {
			wantShort(t, r == nil, err)
			return
		}
		if len(r.EKCertificates) == 0 || len(r.EKCertificates) > 9 || len(r.AIKPublic) == 0 {
			t.Fatalf("%d certificates, an AIK of %d bytes", len(r.EKCertificates), len(r.AIKPublic))
		}
		plain := map[string]any{"ekCertificates": wire.NewCertificates(r.EKCertificates).Certificates, "aikPublic": base64URL(r.AIKPublic)}
		if r.EKPublic != nil {
			plain["ekPublic"] = base64URL(r.EKPublic)
		}
		again, err := wire.ParseEnrollRequest(written(t, plain))
		if diff := cmp.Diff(r, again); err != nil || diff != "" {
			t.Fatalf("%v (-read +read again):\n%s", err, diff)
		}
	})
}

// FuzzParseActivateRequest is the same of the second message.
func FuzzParseActivateRequest(f *testing.F) {
	for _, seed := range []string{
		`{"context":"Y3R4","secret":"c2VjcmV0","aikPublic":"YWlr"}`, `{"context":"Y3R4","Secret":"+/+/AAE=","aikPublic":"YW\u006cr"}`,
		`{"context":"","secret":null}`, `{"context":"Y3R4","CONTEXT":"Y3R4"}`, `[`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := wire.ParseActivateRequest(body)
		if err != nil {
			wantShort(t, r == nil, err)
			return
		}
		if len(r.Context) == 0 || len(r.Secret) == 0 || len(r.AIKPublic) == 0 {
			t.Fatal("accepted without a part")
		}
		again, err := wire.ParseActivateRequest(written(t, map[string]any{
			"context": base64URL(r.Context), "secret": base64URL(r.Secret), "aikPublic": base64URL(r.AIKPublic),
		}))
		if diff := cmp.Diff(r, again); err != nil || diff != "" {
			t.Fatalf("%v (-read +read again):\n%s", err, diff)
		}
	})
}

func wantShort(t *testing.T, isNothing bool, err error) {
	t.Helper()
	if _, ok := errors.AsType[*wire.RequestError](err); !ok || !isNothing || len(err.Error()) > 1000 {
		t.Fatalf("error of %d bytes: %v", len(err.Error()), err)
	}
}

func base64URL(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func written(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
