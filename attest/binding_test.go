package attest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/policy"
)

// bothFields are the two places where data is bound; all rules hold for both.
var bothFields = map[string]struct {
	claim string
	put   func(*attest.Request, *attest.Data)
	bind  func(*evidence.Result, []byte)
}{
	"runtime data": {
		"x-ms-runtime",
		func(r *attest.Request, d *attest.Data) { r.RuntimeData = d },
		func(r *evidence.Result, field []byte) { r.RuntimeBinding = field },
	},
	"init-time data": {
		"x-ms-inittime",
		func(r *attest.Request, d *attest.Data) { r.InitTimeData = d },
		func(r *evidence.Result, field []byte) { r.InitTimeBinding = field },
	},
}

func TestDataMustBeBound(t *testing.T) {
	t.Parallel()
	const data = `{"a":1}`
	sum := sha256.Sum256([]byte(data))
	flip := func(at int) []byte {
		field := binding(data)
		field[at] ^= 1
		return field
	}
	tests := map[string]struct {
		field []byte
		data  string
		ok    bool
	}{
		"the data":              {binding(data), data, true},
		"32 bytes of field":     {sum[:], data, true},
		"rest zero":             {append(sum[:], make([]byte, 32)...), data, true},
		"rest of any kind":      {flip(32), data, true},
		"first bit wrong":       {flip(0), data, false},
		"last bit wrong":        {flip(31), data, false},
		"digest in second half": {append(make([]byte, 32), sum[:]...), data, false},
		"all zero":              {make([]byte, 64), data, false},
		"one byte more":         {binding(data), data + "\n", false},
		"empty data":            {binding(data), "", false},
		"empty data, bound":     {binding(""), "", true},
		"the digest itself":     {binding(data), string(sum[:]), false},
	}
	for which, field := range bothFields {
		for name, tt := range tests {
			t.Run(which+"/"+name, func(t *testing.T) {
				t.Parallel()
				s, v := serviceWith(t, policy.DefaultSGX)
				field.bind(v.result, tt.field)
				r := request()
				field.put(r, &attest.Data{Bytes: []byte(tt.data)})
				if tt.ok {
					mustAttest(t, s, r)
					return
				}
				err := refusal[*attest.BindingError](t, s, r, which)
				if want := sha256.Sum256([]byte(tt.data)); err.Data != which || err.Digest != want {
					t.Errorf("error speaks of %s with SHA-256 %x, want %s with %x", err.Data, err.Digest, which, want)
				}
				for _, digest := range [][]byte{err.Digest[:], tt.field[:32]} {
					if !strings.Contains(err.Error(), hex.EncodeToString(digest)) {
						t.Errorf("error %q does not show %x", err, digest)
					}
				}
			})
		}
	}
}

func TestNoInitTimeFieldNoInitTimeData(t *testing.T) {
	t.Parallel()
	s, v := serviceWith(t, policy.DefaultSGX)
	v.result.InitTimeBinding = nil
	mustAttest(t, s, request())
	r := request()
	r.InitTimeData = &attest.Data{Bytes: []byte(initTime)}
	if err := refusal[*attest.BindingError](t, s, r, "this platform binds none"); err.Bound != nil {
		t.Errorf("bound %x, want nothing", err.Bound)
	}
}

// JSON is shown as it was said: sorted and compact, with numbers untouched.
func TestJSONData(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, want string }{
		"object":         {`{"b": [1, 2.50, 1e3], "a": {"y": null, "x": "é<"}}`, `{"a":{"x":"é<","y":null},"b":[1,2.50,1e3]}`},
		"empty object":   {`{}`, `{}`},
		"white space":    {"\n\t { }\r\n ", `{}`},
		"NUL at the end": {"{\"a\":1}\n  \x00", `{"a":1}`},
		"large integers": {`{"n":18446744073709551616}`, `{"n":18446744073709551616}`},
		"NUL in a text":  {`{"a":"\u0000"}`, `{"a":"\u0000"}`},
	}
	for which, field := range bothFields {
		for name, tt := range tests {
			t.Run(which+"/"+name, func(t *testing.T) {
				t.Parallel()
				s, v := serviceWith(t, policy.DefaultSGX)
				field.bind(v.result, binding(tt.data))
				r := request()
				field.put(r, &attest.Data{Bytes: []byte(tt.data), JSON: true})
				answer := mustAttest(t, s, r)
				got, _ := answer.Claims.First(field.claim)
				if text, _ := got.RawJSON(); text != tt.want {
					t.Errorf("%s = %s, want %s", field.claim, got, tt.want)
				}
				if answer.Claims.Has("x-ms-sgx-ehd") {
					t.Error("JSON data is shown as binary data, too")
				}
			})
		}
	}
}

// Bound or not, what cannot be a claim of JSON objects is refused.
func TestJSONDataRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ data, want string }{
		"empty":             {``, "none"},
		"NUL alone":         {"\x00", "none"},
		"two NULs":          {"{}\x00\x00", "none"},
		"NUL before":        {"\x00{}", "none"},
		"text":              {"hello", "none"},
		"array":             {`[{"kty":"RSA"}]`, "no object"},
		"string":            {`"x"`, "no object"},
		"number":            {`1`, "no object"},
		"boolean":           {`true`, "no object"},
		"null":              {`null`, "no object"},
		"cut off":           {`{"a":1`, "none"},
		"two objects":       {`{}{}`, "none"},
		"text after":        {`{} x`, "none"},
		"a key twice":       {`{"a":1,"a":2}`, "stands twice"},
		"deeper than deep":  {strings.Repeat(`{"a":`, 80) + "1" + strings.Repeat("}", 80), "nested deeper"},
		"not UTF-8":         {"{\"a\":\"\xff\"}", "UTF-8"},
		"comment":           {"{} // x", "none"},
		"single quotes":     {"{'a':1}", "none"},
		"with a BOM before": {"\ufeff{}", "none"},
	}
	for which, field := range bothFields {
		for name, tt := range tests {
			t.Run(which+"/"+name, func(t *testing.T) {
				t.Parallel()
				s, v := serviceWith(t, policy.DefaultSGX)
				field.bind(v.result, binding(tt.data))
				r := request()
				field.put(r, &attest.Data{Bytes: []byte(tt.data), JSON: true})
				err := refusal[*attest.RequestError](t, s, r, tt.want)
				if _, ok := errors.AsType[*claims.JSONError](err); !ok && tt.want != "no object" {
					t.Errorf("error %v does not hold the reader's, which knows the place", err)
				}
				if err.Part != which {
					t.Errorf("error speaks of %s, want %s", err.Part, which)
				}
				// The same bytes pass as binary data.
				field.put(r, &attest.Data{Bytes: []byte(tt.data)})
				if _, err := s.Attest(t.Context(), r); err != nil {
					t.Errorf("as binary data: %v", err)
				}
			})
		}
	}
}

// Whether data is bound comes first: nobody learns from an error what becomes of
// data that is not the enclave's.
func TestUnboundDataIsNotRead(t *testing.T) {
	t.Parallel()
	s, _ := serviceWith(t, policy.DefaultSGX)
	r := request()
	r.RuntimeData = &attest.Data{Bytes: []byte("not JSON"), JSON: true}
	wantRefusal[*attest.BindingError](t, s, r, "runtime data")
}

func TestNonceIsRepeatedVerbatim(t *testing.T) {
	t.Parallel()
	s, _ := serviceWith(t, policy.DefaultSGX)
	for _, nonce := range []string{"", "42", "é\u2028\x00\"<", strings.Repeat("n", 4<<10)} {
		r := request()
		r.Nonce = &nonce
		if got, _ := mustAttest(t, s, r).Claims.First("nonce"); got != claims.String(nonce) {
			t.Errorf("nonce = %s, want %q", got, nonce)
		}
	}
	if mustAttest(t, s, request()).Claims.Has("nonce") {
		t.Error("a nonce that nobody sent")
	}
}

func FuzzRuntimeData(f *testing.F) {
	f.Add([]byte(runtime), true)
	f.Add([]byte("{\"jwk\" : {\"kty\":\"EC\"}}\n\x00"), true)
	f.Add([]byte(`{"a":[1,{"b":null}],"c":1e400}`), true)
	f.Add([]byte{0}, false)
	for _, data := range recordedRuntimeData() {
		f.Add(data, true)
	}
	s, v := serviceWith(f, policy.DefaultSGX)
	f.Fuzz(func(t *testing.T, data []byte, isJSON bool) {
		v.result.RuntimeBinding = binding(string(data))
		r := request()
		r.RuntimeData = &attest.Data{Bytes: data, JSON: isJSON}
		r.DraftPolicy = new(policy.DefaultSGX) // spares the signature
		answer, err := s.Attest(t.Context(), r)
		if err != nil {
			if !isJSON && len(data) <= 256<<10 {
				t.Fatalf("binary data refused: %v", err)
			}
			return
		}
		body := answer.Claims.AppendJSON(nil)
		var back claims.Set
		if err := back.UnmarshalJSON(body); err != nil {
			t.Fatalf("the token's body is no JSON: %v", err)
		}
		if again := back.AppendJSON(nil); !bytes.Equal(again, body) {
			t.Fatalf("token body\n%s\nread back as\n%s", body, again)
		}
	})
}
