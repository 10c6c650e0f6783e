package testtoken

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"
)

// What is said of the one [Enclave]; PolicyHash is that of Azure's default policy for
// enclaves, "version= 1.0;…".
const (
	MRENCLAVE  = "292a1f4b519e46627eb2478a3d9851405653c5b4b0a6925de843834d9216850e"
	MRSIGNER   = "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c"
	PolicyHash = "ViVGS4BYl70X8eUrgryHg0TtbEk9WtIc6DtTBEFxaWc"
)

// Set are members of JSON: claims, a header, a key; or what a test changes of them.
type Set map[string]any

// With is the set with changes, of which the last counts: nil takes a member away.
func (s Set) With(changes ...Set) Set {
	all := maps.Clone(s)
	for _, c := range changes {
		maps.Copy(all, c)
	}
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// JSON is the set as a payload.
func (s Set) JSON(tb testing.TB) []byte {
	tb.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// Enclave are the claims that the authority of a URL makes of a good enclave: for eight
// hours, as Azure's.
func Enclave(url string, at time.Time) Set {
	return Set{
		"iss": url, "iat": at.Unix(), "nbf": at.Unix(), "exp": at.Add(8 * time.Hour).Unix(), "jti": strings.Repeat("0", 64),
		"x-ms-ver": "1.0", "x-ms-attestation-type": "sgx", "x-ms-policy-hash": PolicyHash,
		"x-ms-sgx-is-debuggable": false, "x-ms-sgx-mrenclave": MRENCLAVE, "x-ms-sgx-mrsigner": MRSIGNER,
		"x-ms-sgx-product-id": 1, "x-ms-sgx-svn": 4,
	}
}
