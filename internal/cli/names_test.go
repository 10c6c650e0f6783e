package cli

import "testing"

// Names are whatever somebody called a file, and come back as what they are.
func TestNamesDoNotPlayWithTerminals(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"quote", "show", "\x1b[2J\r\nhint: run this\u202e\xff.bin"},
		{"quote", "show", "--\x1b[2J"},
		{"policy", "token-hash", "\x1b[2J"},
		{"\x1b[2J"},
	} {
		got := runAt(t, testTime, "", args...)
		wantFault(t, got, got.code, "[2J")
		if got.code == exitDone {
			t.Errorf("%q: done", args)
		}
	}
	got := runAt(t, testTime, "", "quote", "show", "a\nb\u202e\xffé\".bin")
	wantFault(t, got, exitFailed, "azattest: open a\\nb\\u202e\\xffé\".bin: ")
}
