package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

// The forms of a challenge and of its context, to the byte: which members, in which
// order, without white space.
var (
	challengeForm = regexp.MustCompile(`^\{"payload":\{"challenge":"([A-Za-z0-9_-]{22})","service_context":"([A-Za-z0-9_-]+)"\}\}$`)
	contextForm   = regexp.MustCompile(`^\{"ProtectionKeyName":"[0-9A-F]{64}","ProtectedContext":"([A-Za-z0-9_-]+)"\}$`)
)

// challengeSize is that of every recorded challenge.
const challengeSize = 16

// compareChallenges holds two answers to a TPM's client that begins against the
// form that both must have.
func compareChallenges(t *testing.T, ours, recorded []byte) {
	t.Helper()
	for form, body := range map[string][]byte{"ours": ours, "recorded": recorded} {
		var answer struct{ Data string }
		d := json.NewDecoder(bytes.NewReader(body))
		d.DisallowUnknownFields()
		if err := d.Decode(&answer); err != nil {
			t.Fatalf("%s: %s: %v", form, body, err)
		}
		text := unpadded(t, answer.Data)
		parts := challengeForm.FindSubmatch(text)
		if parts == nil {
			t.Fatalf("%s: %s, want %s", form, text, challengeForm)
		}
		if given := unpadded(t, string(parts[1])); len(given) != challengeSize {
			t.Errorf("%s: challenge of %d bytes, want %d", form, len(given), challengeSize)
		}
		context := unpadded(t, string(parts[2]))
		sealed := contextForm.FindSubmatch(context)
		if sealed == nil {
			t.Fatalf("%s: context %s, want %s", form, context, contextForm)
		}
		// Time and challenge are in it, encrypted and authenticated.
		if n := len(unpadded(t, string(sealed[1]))); n < challengeSize+8+16 {
			t.Errorf("%s: %d bytes sealed", form, n)
		}
	}
}

// unpadded decodes base64url as the protocol has it.
func unpadded(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		t.Fatalf("%.40q: %v", text, err)
	}
	return b
}

// TestEveryRecordedChallengeHasTheFormOfOurs takes those of recordings of which only
// that is kept.
func TestEveryRecordedChallengeHasTheFormOfOurs(t *testing.T) {
	t.Parallel()
	var recorded []struct {
		Recording string
		Body      json.RawMessage
	}
	if err := json.Unmarshal(corpus.Read(t, "maa", "tpm", "challenges.json"), &recorded); err != nil || len(recorded) == 0 {
		t.Fatalf("%d challenges, %v", len(recorded), err)
	}
	m := newMachine(t, &deployment{})
	m.setPolicy(t, permitAll)
	seen := map[string]bool{}
	for _, r := range recorded {
		ours := m.post(t, initMessage)
		if seen[ours.Body.String()] {
			t.Error("a challenge was given out twice")
		}
		seen[ours.Body.String()] = true
		t.Run(r.Recording, func(t *testing.T) {
			t.Parallel()
			compareChallenges(t, ours.Body.Bytes(), r.Body)
		})
	}
}
