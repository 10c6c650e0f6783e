package syntax

import "testing"

// faultsOf returns the faults of a text as "code line:column: message (hint)".
func faultsOf(text string) []string {
	var got []string
	_, faults := Parse(text)
	for _, f := range faults {
		got = append(got, string(f.Code)+" "+f.String())
	}
	return got
}

// TestDiagnostics checks what is said of the mistakes that documentation and
// forums are full of, and that nothing else is said. Read what these files say
// as somebody who has never written a policy: could you mend it at once?
func TestDiagnostics(t *testing.T) {
	t.Parallel()
	testGolden(t, "diagnostics", func(t *testing.T, input string) string {
		t.Helper()
		_, faults := Parse(input)
		if len(faults) == 0 {
			t.Fatal("no fault")
		}
		for _, f := range faults {
			checkFault(t, input, f)
			if f.Hint == "" {
				t.Errorf("no hint: %s", f)
			}
		}
		return Render("policy.maa", input, faults)
	})
}
