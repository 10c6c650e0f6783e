package azattestation_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The files scenarios_*_test.go hold the test scenarios of Microsoft's clients
// for Python, .NET, Java, JavaScript and C++: scenarios_common_test.go those that
// all of them have, scenarios_token_test.go those of tokens,
// scenarios_wire_test.go and scenarios_claims_test.go those of the wire and of
// claims (.NET), scenarios_languages_test.go what only one of them has.
//
// Where a scenario has no sense in Go, here is why, or what stands for it:
//
//	every client: synchronous and asynchronous variants
//	    a method blocks, and ends with its context: TestSlowAnswerEndsWithTheContext
//	every client: pipeline, retries, telemetry
//	    azcore's own, but for their bounds: TestRefusals counts attempts
//	Python: a key without certificate, a certificate without key
//	    a SigningKey is both: TestScenarioSigningKeyNeedsItsCertificate
//	Python, JavaScript: member x5t#256
//	    it is not read, and "x5t#S256" neither; keys are found by kid
//	Python: dates in local time
//	    dates are UTC: TestScenarioTokenFloatDates
//	.NET: model factory
//	    models are structs of exported fields: TestScenarioDotNetModels
//	.NET: event TokenValidated
//	    TokenValidationOptions.Callback: TestScenarioTokenCallback
//	Java: methods WithResponse
//	    policy.WithCaptureResponse of azcore: TestScenarioJavaRawResponse
//	Java: setWeakKeyAllowed
//	    weak keys are not allowed: TestScenarioTokenWeakKey
//	Java: null arguments
//	    nil is refused where something is needed: TestArgumentsAreChecked
//	JavaScript: in a browser
//	    Go's client has no other form there
//	JavaScript: validation is off if options leave out validateToken
//	    the zero value of the options checks everything: TestScenarioJavaScriptZeroOptionsValidate
//	C++: hexadecimal with an odd or invalid digit
//	    encoding/hex; digests in claims stay the text that they are
//	C++: wrappers of X.509, RSA and elliptic curves
//	    crypto/x509, crypto/rsa, crypto/ecdsa
//	C++: copying a client
//	    a client is a pointer and is shared: TestConcurrentCalls
//	C++: Create fetches the keys
//	    the first validation does: TestColdCacheMakesOneRequest

// TestTablesNameTests: each test that a comment here or in security_test.go names
// is there.
func TestTablesNameTests(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		all.Write(must(os.ReadFile(path)))
	}
	named := regexp.MustCompile(`\bTest[A-Z]\w+`)
	for _, path := range []string{"scenarios_test.go", "security_test.go"} {
		names := named.FindAllString(string(must(os.ReadFile(path))), -1)
		if len(names) < 10 {
			t.Errorf("%s names %d tests", path, len(names))
		}
		for _, name := range names {
			if !strings.Contains(all.String(), "\nfunc "+name+"(t *testing.T) {") {
				t.Errorf("%s names %s, which is not there", path, name)
			}
		}
	}
}
