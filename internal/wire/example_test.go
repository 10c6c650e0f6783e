package wire_test

import (
	"fmt"

	"github.com/azattest/azattest/internal/wire"
)

func ExampleParseAttestRequest() {
	r, err := wire.ParseAttestRequest(wire.QuoteMember, []byte(`{
		"Quote": "cXVvdGU=",
		"runtimeData": {"data": "e30", "dataType": "JSON"},
		"nonce": 18446744073709551615
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s, runtime data %s, nonce %s\n", r.Evidence, r.RuntimeData.Bytes, *r.Nonce)

	_, err = wire.ParseAttestRequest(wire.QuoteMember, []byte(`{"quote":"cXVvdGU","runtimeData":{"data":"not base64"}}`))
	fmt.Println(err)
	// Output:
	// quote, runtime data {}, nonce 18446744073709551615
	// runtimeData.data: want base64url: illegal base64 data at input byte 3
}

func ExampleError_JSON() {
	e := wire.Error{Code: wire.CodeInvalidQuote, Message: wire.InvalidQuote, Reason: "expired"}
	fmt.Printf("%s\n", e.JSON(wire.V20220801))
	fmt.Printf("%s\n", e.JSON(wire.V20250601))
	// Output:
	// {"error":{"code":"InvalidQuote","message":"The specified quote was invalid","innererror":{"code":"InvalidQuote","message":"The specified quote was invalid"}}}
	// {"error":{"code":"InvalidQuote","message":"The specified quote was invalid","innererror":{"code":"expired"}}}
}
