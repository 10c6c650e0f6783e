package wire_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/wire"
)

// enveloped is a message as clients send it.
func enveloped(message string) []byte {
	return []byte(`{"data":"` + base64.RawURLEncoding.EncodeToString([]byte(message)) + `"}`)
}

func TestParseTPMMessage(t *testing.T) {
	t.Parallel()
	for message, request := range map[string]string{
		`{"payload":{"type":"aikcert"}}`: "",
		`{"payload":{"type":"aikcert"},"metadata":{"os_ver":"10.0.19041.541.amd64fre.vb_release.191206-1406"}}`: "",
		`{"Payload":{"Type":"aikcert","request":null}}`:                                                         "",
		`{"payload":{"request":"a.b.c"}}`:                                                                       "a.b.c",
	} {
		got, err := wire.ParseTPMMessage(enveloped(message))
		if err != nil || string(got.Request) != request {
			t.Errorf("%s: %+v, %v", message, got, err)
		}
	}
	padded := `{"data":"` + base64.StdEncoding.EncodeToString([]byte(`{"payload":{"type":"aikcert"}}`)) + `"}`
	if _, err := wire.ParseTPMMessage([]byte(padded)); err != nil {
		t.Error(err)
	}
}

func TestParseTPMMessageRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   []byte
		member string
	}{
		"nothing":            {nil, "body"},
		"no data":            {[]byte(`{}`), "data"},
		"data that is none":  {[]byte(`{"data":"a b"}`), "data"},
		"data twice":         {[]byte(`{"data":"e30","Data":"e30"}`), "Data"},
		"no JSON":            {enveloped(`payload`), "data"},
		"no payload":         {enveloped(`{}`), "data.payload"},
		"an empty payload":   {enveloped(`{"payload":{}}`), "data.payload.type"},
		"another type":       {enveloped(`{"payload":{"type":"ekcert"}}`), "data.payload.type"},
		"type and request":   {enveloped(`{"payload":{"type":"aikcert","request":"a.b.c"}}`), "data.payload"},
		"an empty request":   {enveloped(`{"payload":{"request":""}}`), "data.payload.request"},
		"request, an object": {enveloped(`{"payload":{"request":{}}}`), "data.payload.request"},
		"a long type":        {enveloped(`{"payload":{"type":"` + longText + `"}}`), "data.payload.type"},
		"deep nesting":       {enveloped(`{"payload":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`), "data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.ParseTPMMessage(test.body)
			e, ok := errors.AsType[*wire.RequestError](err)
			if !ok || got != nil || e.Member != test.member || len(e.Error()) > 1000 {
				t.Errorf("got %+v, %v; want an error about %s", got, err, test.member)
			}
		})
	}
}

// Our challenge has the members of the real service's, and lengths to match.
func TestNewTPMChallenge(t *testing.T) {
	t.Parallel()
	var recorded []struct {
		Body    struct{ Data string }
		Decoded json.RawMessage
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "tpm", "challenges.json"), &recorded); err != nil || len(recorded) == 0 {
		t.Fatalf("%d recorded, %v", len(recorded), err)
	}
	for _, r := range recorded {
		var theirs struct {
			Payload struct {
				Challenge      string `json:"challenge"`
				ServiceContext string `json:"service_context"`
			} `json:"payload"`
		}
		if err := json.Unmarshal(r.Decoded, &theirs); err != nil {
			t.Fatal(err)
		}
		decode := func(text string) []byte {
			b, err := base64.RawURLEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		answer, err := wire.NewTPMChallenge(decode(theirs.Payload.Challenge), decode(theirs.Payload.ServiceContext))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(r.Body.Data, answer.Data); diff != "" {
			t.Errorf("the same challenge looks otherwise (-theirs +ours):\n%s", diff)
		}
	}
}

// FuzzParseTPMMessage checks that a body is refused with a short error, or is one
// of the two messages.
func FuzzParseTPMMessage(f *testing.F) {
	for _, seed := range []string{`{"payload":{"type":"aikcert"}}`, `{"payload":{"request":"a.b.c"},"metadata":{"os_ver":"10"}}`, `{"payload":{}}`, `[`, ``} {
		f.Add(enveloped(seed))
	}
	f.Add([]byte(`{"data":"e30="}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := wire.ParseTPMMessage(body)
		if err == nil {
			return
		}
		if _, ok := errors.AsType[*wire.RequestError](err); !ok || m != nil || len(err.Error()) > 1000 {
			t.Errorf("%q: %+v, %v", body, m, err)
		}
	})
}
