package evidence_test

import (
	"errors"
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// A refusal names stage and reason for programs, and says for people what was
// found and what was expected.
func ExampleError() {
	var err error = &evidence.Error{
		Stage: evidence.StageParse, Code: evidence.CodeTruncated, Part: "report body", Offset: 48,
		Found: "20 bytes left", Expected: "384",
	}
	if e, ok := errors.AsType[*evidence.Error](err); ok {
		fmt.Println(e.Stage, e.Code)
	}
	fmt.Println(err)
	// Output:
	// parse truncated
	// parse: report body at byte 48: 20 bytes left, want 384
}
