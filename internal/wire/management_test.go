package wire_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/wire"
)

const someToken = "eyJhbGciOiJub25lIn0.."

func TestParsePolicyBodyReturnsTheBody(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		someToken:                       someToken,
		" \r\n\t" + someToken + "\n":    someToken,
		`"` + someToken + `"`:           `"` + someToken + `"`,
		"version=1.0; no token at all;": "version=1.0; no token at all;", // for who parses tokens
		"{":                             "{",
	} {
		if got, err := wire.ParsePolicyBody([]byte(body)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", body, got, err, want)
		}
	}
	for _, body := range []string{"", " ", "\r\n"} {
		_, err := wire.ParsePolicyBody([]byte(body))
		wantMember(t, body, err, "body")
	}
}

func TestParseCertificateBodyReturnsTheToken(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		someToken:             someToken,
		`"` + someToken + `"`: `"` + someToken + `"`,
		`{"policyCertificateToAdd":"` + someToken + `"}`:                                  someToken,
		` {"POLICYCERTIFICATETOADD" : "` + someToken + `", "x":[{}]} `:                    someToken,
		`{"policyCertificateToAdd":"\u0065yJhbGciOiJub25lIn0.."}`:                         someToken,
		`{"policyCertificateToAdd":"` + someToken + `","policyCertificateToRemove":null}`: someToken,
	} {
		if got, err := wire.ParseCertificateBody(wire.AddMember, []byte(body)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v, want %q", body, got, err, want)
		}
	}
	got, err := wire.ParseCertificateBody(wire.RemoveMember, []byte(`{"policyCertificateToRemove":"x"}`))
	if err != nil || string(got) != "x" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseCertificateBodyRefuses(t *testing.T) {
	t.Parallel()
	for body, member := range map[string]string{
		"":                                  "body",
		"  ":                                "body",
		"{":                                 "body",
		"{}":                                wire.AddMember,
		`{"policyCertificate":"x"}`:         wire.AddMember,
		`{"policyCertificateToAdd":null}`:   wire.AddMember,
		`{"policyCertificateToAdd":""}`:     wire.AddMember,
		`{"policyCertificateToAdd":["x"]}`:  wire.AddMember,
		`{"policyCertificateToAdd":{}}`:     wire.AddMember,
		`{"policyCertificateToAdd":"\ud8"}`: wire.AddMember,
		`{"policyCertificateToAdd":"x"} {}`: "body",
		`{"policyCertificateToAdd":"x","policyCertificateToadd":"y"}`:                                  "policyCertificateToadd",
		`{"policyCertificateToRemove":"x"}`:                                                            wire.RemoveMember,
		`{"policyCertificateToAdd":"x","policyCertificateTOREMOVE":"y"}`:                               wire.RemoveMember,
		`{"policyCertificateToAdd":"x","y":` + strings.Repeat("[", 50) + strings.Repeat("]", 50) + `}`: "body",
		"{\"policyCertificateToAdd\":\"\xff\"}":                                                        "body",
	} {
		_, err := wire.ParseCertificateBody(wire.AddMember, []byte(body))
		wantMember(t, body, err, member)
	}
}

func wantMember(t *testing.T, body string, err error, member string) {
	t.Helper()
	if e, ok := errors.AsType[*wire.RequestError](err); !ok || e.Member != member {
		t.Errorf("%q: %v, want a *RequestError of %s", body, err, member)
	}
}

func TestRecordedCertificateBodiesAreTokens(t *testing.T) {
	t.Parallel()
	for name, e := range exchanges(t, "*/*_POST_certificates-*.json") {
		var sent string
		if err := json.Unmarshal(e.Request.Body, &sent); err != nil {
			t.Fatal(err)
		}
		got, err := wire.ParseCertificateBody(wire.AddMember, []byte(sent))
		if err != nil || string(got) != sent {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The example of the service's OpenAPI definition, in its order.
func TestTCBBaselinesHaveTheNamesOfTheDefinition(t *testing.T) {
	t.Parallel()
	want := `{"tcbBaselines":[{"tcbIdentifier":"11","tcbEvaluationDataNumber":11,"tcbReleaseDate":"2021-06-09T00:00:00Z",` +
		`"minimumPswLinuxVersion":"2.13.3","minimumPswWindowsVersion":"2.13.100.2","isSelectedTcb":false}]}`
	got, err := json.Marshal(wire.TCBBaselines{Baselines: []wire.TCBBaseline{{
		Identifier: "11", EvaluationDataNumber: 11, ReleaseDate: time.Date(2021, time.June, 9, 0, 0, 0, 0, time.UTC),
		MinimumPSWLinux: "2.13.3", MinimumPSWWindows: "2.13.100.2",
	}}})
	if err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if got, err := json.Marshal(wire.PreviewPolicy{Policy: someToken}); err != nil || string(got) != `{"policy":"`+someToken+`"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func ExampleParseCertificateBody() {
	for _, body := range []string{
		`"eyJhbGciOiJub25lIn0.."`,
		`{"policyCertificateToAdd":"eyJhbGciOiJub25lIn0.."}`,
		`{"policyCertificateToRemove":"eyJhbGciOiJub25lIn0.."}`,
	} {
		token, err := wire.ParseCertificateBody(wire.AddMember, []byte(body))
		fmt.Printf("%s %v\n", token, err)
	}
	// Output:
	// "eyJhbGciOiJub25lIn0.." <nil>
	// eyJhbGciOiJub25lIn0.. <nil>
	//  policyCertificateToRemove: belongs to another route, want policyCertificateToAdd
}

// FuzzParseCertificateBody checks that a body is refused with a short error that
// names a member, or holds a token that is read again when it is sent bare.
func FuzzParseCertificateBody(f *testing.F) {
	for _, seed := range []string{
		someToken, `"` + someToken + `"`, ` {"POLICYCertificateToAdd":"a.b.c"} `, `{"policyCertificateToRemove":"a.b.c"}`,
		`{"policyCertificateToAdd":"\u007b"}`, `{`, ``, `{"policyCertificateToAdd":"x","policycertificateToAdd":"y"}`,
	} {
		f.Add([]byte(seed))
	}
	if dir, ok := corpus.Find(); ok {
		paths, err := filepath.Glob(filepath.Join(dir, "maa", "exchanges", "*", "*_POST_certificates-*.json"))
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			raw, err := os.ReadFile(filepath.Clean(path))
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
			var e exchange
			var body string
			if err := errors.Join(json.Unmarshal(raw, &e), json.Unmarshal(e.Request.Body, &body)); err != nil {
				f.Fatal(err)
			}
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, member := range []string{wire.AddMember, wire.RemoveMember} {
			token, err := wire.ParseCertificateBody(member, body)
			if err != nil {
				if _, ok := errors.AsType[*wire.RequestError](err); !ok || token != nil || len(err.Error()) > 1000 {
					t.Fatalf("%q, error of %d bytes: %v", token, len(err.Error()), err)
				}
				continue
			}
			if len(token) == 0 {
				t.Fatal("accepted without a token")
			}
			text, err := json.Marshal(map[string]string{member: string(token)})
			if err != nil {
				t.Fatal(err)
			}
			if !utf8.Valid(token) {
				continue // JSON cannot carry it
			}
			if again, err := wire.ParseCertificateBody(member, text); err != nil || !bytes.Equal(again, token) {
				t.Fatalf("%q read again as %q, %v", token, again, err)
			}
		}
	})
}
