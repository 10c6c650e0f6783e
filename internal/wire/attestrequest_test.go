package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/azattest/azattest/internal/wire"
)

// allBytes is evidence whose base64 needs every kind of character.
var allBytes = []byte{0xfb, 0xff, 0xbf, 0x00, 0x01}

func TestParseAttestRequest(t *testing.T) {
	t.Parallel()
	quote := func(r wire.AttestRequest) *wire.AttestRequest {
		r.Evidence = []byte("quote")
		return &r
	}
	tests := map[string]struct {
		body string
		want *wire.AttestRequest
	}{
		"evidence alone":            {`{"quote":"cXVvdGU"}`, quote(wire.AttestRequest{})},
		"white space around":        {" \r\n\t{ \"quote\" : \"cXVvdGU\" } \n", quote(wire.AttestRequest{})},
		"names in any case":         {`{"QUOTE":"cXVvdGU","RuntimeData":{"DATA":"YQ","datatype":"Binary"}}`, quote(wire.AttestRequest{RuntimeData: &wire.Data{Bytes: []byte("a")}})},
		"C++ SDK's inittimeData":    {`{"quote":"cXVvdGU","inittimeData":{"data":"YQ","dataType":"JSON"}}`, quote(wire.AttestRequest{InitTimeData: &wire.Data{Bytes: []byte("a"), JSON: true}})},
		"base64url":                 {`{"quote":"-_-_AAE"}`, &wire.AttestRequest{Evidence: allBytes}},
		"base64url, padded":         {`{"quote":"-_-_AAE="}`, &wire.AttestRequest{Evidence: allBytes}},
		"standard base64":           {`{"quote":"+/+/AAE="}`, &wire.AttestRequest{Evidence: allBytes}},
		"standard base64, unpadded": {`{"quote":"+/+/AAE"}`, &wire.AttestRequest{Evidence: allBytes}},
		"standard base64, escaped":  {`{"quote":"+\/+\/AAE"}`, &wire.AttestRequest{Evidence: allBytes}},
		"padding of one letter":     {`{"quote":"cQ=="}`, &wire.AttestRequest{Evidence: []byte("q")}},
		"data type in any case":     {`{"quote":"cXVvdGU","runtimeData":{"data":"e30","dataType":"json"}}`, quote(wire.AttestRequest{RuntimeData: &wire.Data{Bytes: []byte("{}"), JSON: true}})},
		"empty data type":           {`{"quote":"cXVvdGU","runtimeData":{"data":"e30","dataType":""}}`, quote(wire.AttestRequest{RuntimeData: &wire.Data{Bytes: []byte("{}")}})},
		"no data type":              {`{"quote":"cXVvdGU","runtimeData":{"data":"e30"}}`, quote(wire.AttestRequest{RuntimeData: &wire.Data{Bytes: []byte("{}")}})},
		"data type null":            {`{"quote":"cXVvdGU","runtimeData":{"data":"e30","dataType":null}}`, quote(wire.AttestRequest{RuntimeData: &wire.Data{Bytes: []byte("{}")}})},
		"empty data of empty type":  {`{"quote":"cXVvdGU","initTimeData":{"data":"","dataType":""}}`, quote(wire.AttestRequest{})},
		"data without members":      {`{"quote":"cXVvdGU","initTimeData":{}}`, quote(wire.AttestRequest{})},
		"empty binary data":         {`{"quote":"cXVvdGU","runtimeData":{"data":"","dataType":"Binary"}}`, quote(wire.AttestRequest{RuntimeData: &wire.Data{Bytes: []byte{}}})},
		"null members":              {`{"quote":"cXVvdGU","runtimeData":null,"initTimeData":null,"draftPolicyForAttestation":null,"nonce":null}`, quote(wire.AttestRequest{})},
		"nonce":                     {`{"quote":"cXVvdGU","nonce":"n\u00e4 \ud83d\ude00"}`, quote(wire.AttestRequest{Nonce: new("nä 😀")})},
		"empty nonce":               {`{"quote":"cXVvdGU","nonce":""}`, quote(wire.AttestRequest{Nonce: new("")})},
		"number as nonce":           {`{"quote":"cXVvdGU","nonce":18446744073709551615}`, quote(wire.AttestRequest{Nonce: new("18446744073709551615")})},
		"negative number as nonce":  {`{"quote":"cXVvdGU","nonce":-1}`, quote(wire.AttestRequest{Nonce: new("-1")})},
		"draft policy":              {`{"quote":"cXVvdGU","draftPolicyForAttestation":"version=1.0;\\ufffd\n"}`, quote(wire.AttestRequest{DraftPolicy: new("version=1.0;\\ufffd\n")})},
		"empty draft policy":        {`{"quote":"cXVvdGU","draftPolicyForAttestation":""}`, quote(wire.AttestRequest{DraftPolicy: new("")})},
		"unknown members":           {`{"x":[{"y":[null,true,1e9]}],"quote":"cXVvdGU","report":7}`, quote(wire.AttestRequest{})},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.ParseAttestRequest(wire.QuoteMember, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAttestRequestReadsTheMemberOfItsRoute(t *testing.T) {
	t.Parallel()
	const both = `{"report":"cmVwb3J0","quote":"cXVvdGU"}`
	for member, want := range map[string]string{wire.QuoteMember: "quote", wire.ReportMember: "report"} {
		r, err := wire.ParseAttestRequest(member, []byte(both))
		if err != nil {
			t.Fatal(err)
		}
		if string(r.Evidence) != want {
			t.Errorf("%s: %q, want %q", member, r.Evidence, want)
		}
	}
}

func TestParseAttestRequestRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body   string
		member string
		text   string
	}{
		"nothing":                       {``, "body", "empty"},
		"white space":                   {` `, "body", "want a JSON object: unexpected EOF"},
		"no JSON":                       {`quote=cXVvdGU`, "body", "want a JSON object: invalid character 'q'"},
		"null":                          {`null`, "body", "want a JSON object"},
		"array":                         {`[{"quote":"cXVvdGU"}]`, "body", "want a JSON object"},
		"string":                        {`"cXVvdGU"`, "body", "want a JSON object"},
		"byte order mark":               {"\xef\xbb\xbf{\"quote\":\"cXVvdGU\"}", "body", "want a JSON object"},
		"invalid UTF-8":                 {"{\"quote\":\"cXVvdGU\",\"nonce\":\"\xff\"}", "body", "not valid UTF-8"},
		"truncated":                     {`{"quote":"cXVvdGU"`, "body", "unexpected EOF"},
		"truncated value":               {`{"quote":"cXV`, "quote", "unexpected EOF"},
		"two objects":                   {`{"quote":"cXVvdGU"}{}`, "body", "found more after the object"},
		"garbage behind":                {`{"quote":"cXVvdGU"}x`, "body", "found more after the object"},
		"trailing comma":                {`{"quote":"cXVvdGU",}`, "body", "not valid JSON"},
		"comment":                       {`{"quote":"cXVvdGU"/**/}`, "body", "not valid JSON"},
		"member twice":                  {`{"quote":"cXVvdGU","quote":"cXVvdGU"}`, "quote", "stands twice"},
		"member twice in two cases":     {`{"quote":"cXVvdGU","initTimeData":null,"inittimedata":{}}`, "inittimedata", "stands twice"},
		"member twice by escapes":       {`{"quote":"cXVvdGU","\u0071uote":"cXVvdGU"}`, "quote", "stands twice"},
		"unknown member twice":          {`{"quote":"cXVvdGU","x":1,"X":2}`, "X", "stands twice"},
		"inner member twice":            {`{"quote":"cXVvdGU","runtimeData":{"data":"YQ","Data":"Yg"}}`, "runtimeData.Data", "stands twice"},
		"nested too deep":               {`{"quote":"cXVvdGU","x":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`, "body", "nested deeper than 32"},
		"nested without end":            {strings.Repeat(`{"a":`, 100_000), "body", "nested deeper than 32"},
		"no evidence":                   {`{"nonce":"n"}`, "quote", "missing"},
		"evidence null":                 {`{"quote":null}`, "quote", "missing"},
		"evidence empty":                {`{"quote":""}`, "quote", "missing"},
		"evidence of another route":     {`{"report":"cXVvdGU"}`, "quote", "missing"},
		"evidence a number":             {`{"quote":1}`, "quote", "want a string, found a number"},
		"evidence an object":            {`{"quote":{}}`, "quote", "want a string, found an object"},
		"evidence in hex":               {`{"quote":"03000"}`, "quote", "want base64url: illegal base64 data"},
		"evidence of padding alone":     {`{"quote":"===="}`, "quote", "want base64url"},
		"padding too long":              {`{"quote":"cXVvdGU=="}`, "quote", "want base64url"},
		"padding too short":             {`{"quote":"cQ="}`, "quote", "want base64url"},
		"padding in the middle":         {`{"quote":"cQ==cQ=="}`, "quote", "want base64url"},
		"two alphabets":                 {`{"quote":"-_+/"}`, "quote", "want base64url"},
		"bits that mean nothing":        {`{"quote":"cXVvdGV"}`, "quote", "want base64url"},
		"line breaks":                   {`{"quote":"cXVv\r\ndGU"}`, "quote", "illegal base64 data at input byte 4"},
		"line break at the end":         {`{"quote":"cXVvdGU=\n"}`, "quote", "illegal base64 data at input byte 8"},
		"blank":                         {`{"quote":"cXVv dGU"}`, "quote", "want base64url"},
		"letter beyond ASCII":           {`{"quote":"cXVvdGÜ"}`, "quote", "want base64url"},
		"data a string":                 {`{"quote":"cXVvdGU","runtimeData":"YQ"}`, "runtimeData", "want a JSON object"},
		"data an array":                 {`{"quote":"cXVvdGU","initTimeData":[]}`, "initTimeData", "want a JSON object"},
		"data missing":                  {`{"quote":"cXVvdGU","runtimeData":{"dataType":"JSON"}}`, "runtimeData.data", "missing"},
		"data null":                     {`{"quote":"cXVvdGU","runtimeData":{"data":null,"dataType":"Binary"}}`, "runtimeData.data", "missing"},
		"data a boolean":                {`{"quote":"cXVvdGU","runtimeData":{"data":true}}`, "runtimeData.data", "want a string, found a boolean"},
		"data no base64":                {`{"quote":"cXVvdGU","initTimeData":{"data":"{}"}}`, "initTimeData.data", "want base64url"},
		"data type unknown":             {`{"quote":"cXVvdGU","runtimeData":{"data":"YQ","dataType":"Text"}}`, "runtimeData.dataType", `"Text", want Binary or JSON`},
		"data type a number":            {`{"quote":"cXVvdGU","runtimeData":{"data":"YQ","dataType":0}}`, "runtimeData.dataType", "want a string, found a number"},
		"data type of another alphabet": {`{"quote":"cXVvdGU","runtimeData":{"data":"YQ","dataType":"JſON"}}`, "runtimeData.dataType", "want Binary or JSON"},
		"draft policy an object":        {`{"quote":"cXVvdGU","draftPolicyForAttestation":{}}`, "draftPolicyForAttestation", "want a string, found an object"},
		"nonce a boolean":               {`{"quote":"cXVvdGU","nonce":false}`, "nonce", "want a string or an integer, found a boolean"},
		"nonce an array":                {`{"quote":"cXVvdGU","nonce":["n"]}`, "nonce", "want a string or an integer, found an array"},
		"nonce a fraction":              {`{"quote":"cXVvdGU","nonce":1.0}`, "nonce", "not written as an integer"},
		"nonce an exponent":             {`{"quote":"cXVvdGU","nonce":1e3}`, "nonce", "not written as an integer"},
		"high surrogate alone":          {`{"quote":"cXVvdGU","nonce":"ab\ud83d"}`, "nonce", "half a character at byte 3"},
		"high surrogate and a letter":   {`{"quote":"cXVvdGU","nonce":"\ud83d\u0041"}`, "nonce", "half a character at byte 1"},
		"low surrogate alone":           {`{"quote":"cXVvdGU","nonce":"\\\ude00"}`, "nonce", "half a character at byte 3"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := wire.ParseAttestRequest(wire.QuoteMember, []byte(tt.body))
			if r != nil {
				t.Errorf("got %+v, want nothing", r)
			}
			refusal, ok := errors.AsType[*wire.RequestError](err)
			if !ok {
				t.Fatalf("error %v, want a *wire.RequestError", err)
			}
			if refusal.Member != tt.member || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error %q of member %q, want %q of %q", err, refusal.Member, tt.text, tt.member)
			}
		})
	}
}

func TestParseAttestRequestDoesNotFoldBeyondASCII(t *testing.T) {
	t.Parallel()
	// U+212A is the Kelvin sign, which strings.ToLower makes a k.
	body := "{\"quote\":\"cXVvdGU\",\"\u212A\":1,\"k\":2}"
	if _, err := wire.ParseAttestRequest(wire.QuoteMember, []byte(body)); err != nil {
		t.Errorf("two different names: %v", err)
	}
}

// A refusal may end up in a log, so it names members and never quotes values.
func TestRefusalsDoNotQuoteSecrets(t *testing.T) {
	t.Parallel()
	const secret = "c2VjcmV0IQ"
	for _, body := range []string{
		`{"quote":"` + secret + `!"}`,
		`{"quote":"YQ","runtimeData":{"data":"` + secret + `!"}}`,
		`{"quote":"YQ","nonce":["` + secret + `"]}`,
		`{"quote":"YQ","nonce":"` + secret + `\ud800"}`,
		`{"quote":"YQ","draftPolicyForAttestation":["` + secret + `"]}`,
		`{"quote":"YQ","runtimeData":"` + secret + `"}`,
		`{"quote":"YQ"}"` + secret + `"`,
	} {
		_, err := wire.ParseAttestRequest(wire.QuoteMember, []byte(body))
		if err == nil {
			t.Errorf("%s: accepted", body)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error quotes the value: %v", body, err)
		}
	}
}
