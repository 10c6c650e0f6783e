package wire_test

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/wire"
)

// recordedError is an answer of the real service, of which it gave many.
type recordedError struct {
	Path string
	Body struct {
		Error struct{ Code, Message string }
	}
}

const catalogFile = "catalogue.md"

func TestDisallowedMessagesAreThoseRecorded(t *testing.T) {
	t.Parallel()
	var all []recordedError
	if err := json.Unmarshal(corpus.Read(t, "maa", "errors", "recorded.json"), &all); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"/certificates:add": wire.AddDisallowed(), "/certificates:remove": wire.RemoveDisallowed()}
	for _, e := range all {
		message, ok := want[e.Path]
		if !ok {
			continue
		}
		delete(want, e.Path)
		if got := e.Body.Error; got.Code != wire.CodeInvalidOperation || got.Message != message {
			t.Errorf("%s: recorded\n%q, %s\nwe say\n%q", e.Path, got.Message, got.Code, message)
		}
	}
	if len(want) > 0 {
		t.Errorf("not recorded: %v", want)
	}
	exchange := exchanges(t, "CertificateTests.VerifyFailedAddCertificate/*.json")
	for name, e := range exchange {
		var body struct{ Error struct{ Message string } }
		if err := json.Unmarshal(e.Response.Body, &body); err != nil || body.Error.Message != wire.AddDisallowed() {
			t.Errorf("%s: %v, %q", name, err, body.Error.Message)
		}
	}
}

// The catalog writes a message as a JSON string would, in backquotes.
func TestUnsignedTokenIsTheMessageRecorded(t *testing.T) {
	t.Parallel()
	text := string(corpus.Read(t, "maa", "errors", catalogFile))
	match := regexp.MustCompile("`(Native operation failed with 74: [^`]*Unsigned JWS[^`]*)`").FindStringSubmatch(text)
	if match == nil {
		t.Fatal("the catalog has no such message")
	}
	// Its paths have single backslashes, its line ends are escaped.
	recorded := strings.NewReplacer(`\n\r\n`, "\n\r\n").Replace(match[1])
	if recorded != wire.UnsignedToken() {
		t.Errorf("recorded\n%q\nwe say\n%q", recorded, wire.UnsignedToken())
	}
}

// The sentences that the troubleshooting guide shows, each in the frame of its
// number.
func TestDocumentedSentencesAreInTheirFrames(t *testing.T) {
	t.Parallel()
	for sentence, message := range map[string]string{
		`65529|83FFFFF9|The requested item is not found|Unable to find issuer certificate CN=attestationsigningcert`:                                                wire.IssuerNotFound("CN=attestationsigningcert"),
		`74|83FF004A|Bad message|Could not find "maa-policyCertificate" claim in policy token`:                                                                      wire.NoPolicyCertificate(),
		`74|83FF004A|Bad message|RETURN_IF_TRUE('(firstPeriod == std::string::npos)') failed with 0x4a: Malformed JWT: Could not find first period in the token.`:   wire.NoFirstPeriod(),
		`74|83FF004A|Bad message|RETURN_IF_TRUE('(secondPeriod == std::string::npos)') failed with 0x4a: Malformed JWT: Could not find second period in the token.`: wire.NoSecondPeriod(),
		`74|83FF004A|Bad message|Unknown base64 character: 41 (')')`:                                                                                                wire.UnknownBase64(')'),
		`74|83FF004A|Bad message|Unknown base64 character: 10 ('\x0a')`:                                                                                             wire.UnknownBase64('\n'),
		`74|83FF004A|Bad message|Unknown base64 character: 255 ('\xff')`:                                                                                            wire.UnknownBase64(0xff),
		`74|83FF004A|Bad message|the signature is wrong`:                                                                                                            wire.BadMessage("the signature is wrong"),
	} {
		parts := strings.Split(sentence, "|")
		want := "Attestation Enclave operation failed with " + parts[0] + ": Exception(0) " + parts[1] + " " + parts[2] + "    Msg:[" + parts[3] +
			"] \n\r\nUnhandled Enclave Exception: \"" + parts[2] + "\"\r\n"
		if message != want {
			t.Errorf("%q, want %q", message, want)
		}
		// A documented example stands in the catalog, in Msg:[…] or alone.
		if strings.Contains(sentence, "first") || strings.Contains(sentence, "41") || strings.Contains(sentence, "CN=") || strings.Contains(sentence, "maa-") {
			tail := parts[3][strings.LastIndex(parts[3], ": ")+1:]
			if !strings.Contains(string(corpus.Read(t, "maa", "errors", catalogFile)), strings.TrimSpace(tail)) {
				t.Errorf("the catalog has no %q", tail)
			}
		}
	}
	if long := wire.IssuerNotFound("CN=" + longText); len(long) > 500 {
		t.Errorf("message of %d bytes", len(long))
	}
}

func TestLastCertificateSaysThatItIsDisallowed(t *testing.T) {
	t.Parallel()
	message := wire.LastCertificate()
	if !strings.Contains(message, "failed with 65530:") || strings.Count(message, "0xfffa") != 2 || strings.Count(message, "The operation is disallowed") != 2 {
		t.Error(strconv.Quote(message))
	}
	if message == wire.RemoveDisallowed() {
		t.Error("not told apart from an instance that lists none")
	}
}
