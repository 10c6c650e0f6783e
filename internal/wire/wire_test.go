package wire_test

import (
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/wire"
)

func TestParseAPIVersion(t *testing.T) {
	t.Parallel()
	for _, v := range wire.APIVersions() {
		for _, query := range []string{
			"api-version=" + string(v),
			"API-Version=" + string(v),
			"x=1&api-version=" + string(v) + "&y=2",
			"api%2Dversion=" + string(v),
		} {
			got, problem := wire.ParseAPIVersion(query, wire.APIVersions())
			if problem != nil || got != v {
				t.Errorf("%s: %q, %v, want %q", query, got, problem, v)
			}
		}
	}
	tests := map[string]string{
		"":                               wire.CodeAPIVersionUnspecified,
		"version=2020-10-01":             wire.CodeAPIVersionUnspecified,
		"api-version":                    wire.CodeAPIVersionUnspecified,
		"api-version=":                   wire.CodeAPIVersionUnspecified,
		"api-version=2018-09-01-preview": wire.CodeUnsupportedAPIVersion,
		"api-version=2020-10-01%20":      wire.CodeUnsupportedAPIVersion,
		"api-version=2099-01-01":         wire.CodeUnsupportedAPIVersion,
		"api-version=" + longText:        wire.CodeUnsupportedAPIVersion,
		"api-version=2020-10-01&API-VERSION=2022-08-01": wire.CodeAmbiguousAPIVersion,
		"api-version=2020-10-01&api-version=2020-10-01": wire.CodeAmbiguousAPIVersion,
		"api-version=2020-10-01&api-version=":           wire.CodeAmbiguousAPIVersion,
		"api-version=2020-10-01&x=%zz":                  wire.CodeInvalidParameter,
		"api-version=2020-10-01;x=1":                    wire.CodeInvalidParameter,
	}
	for query, code := range tests {
		v, problem := wire.ParseAPIVersion(query, wire.APIVersions())
		switch {
		case problem == nil:
			t.Errorf("%s: accepted as %q", query, v)
		case v != "" || problem.Code != code || problem.Target != "api-version":
			t.Errorf("%s: %q, %+v, want %s", query, v, problem, code)
		case len(problem.Message) > 300:
			t.Errorf("%s: message of %d bytes", query, len(problem.Message))
		}
	}
}

var longText = strings.Repeat("long", 5000)

func TestIsJSON(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]bool{
		"":                                  true,
		"application/json":                  true,
		"Application/JSON; charset=UTF-8":   true,
		`application/json; charset="utf-8"`: true,
		"text/json":                         true,
		"application/merge-patch+json":      true,
		"application/json; charset=utf-16":  false,
		"application/json; charset=":        false,
		"application/jsonx":                 false,
		"text/plain":                        false,
		"application/x-www-form-urlencoded": false,
		"multipart/form-data; boundary=x":   false,
		"image/svg+json":                    false,
		"json":                              false,
		";":                                 false,
	} {
		if got := wire.IsJSON(contentType); got != want {
			t.Errorf("%q: %t, want %t", contentType, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/Attest/SgxEnclave": "/attest/sgxenclave",
		"AZ@[az`{":           "az@[az`{",
		"\u212A\u0130Ä":      "\u212A\u0130Ä",
	} {
		if got := wire.Fold(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                             "",
		"short":                        "short",
		"\xff":                         "\ufffd",
		strings.Repeat("x", 96):        strings.Repeat("x", 96),
		strings.Repeat("x", 97):        strings.Repeat("x", 96) + "…",
		strings.Repeat("x", 95) + "ää": strings.Repeat("x", 95) + "…",
	} {
		if got := wire.Clip(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
