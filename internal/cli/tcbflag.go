package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/evidence"
)

// tcbFlag is a list of TCB statuses, separated by commas.
type tcbFlag []evidence.TCBStatus

func (f *tcbFlag) String() string {
	names := make([]string, len(*f))
	for i, status := range *f {
		names[i] = string(status)
	}
	return strings.Join(names, ",")
}

func (f *tcbFlag) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		status := evidence.TCBStatus(strings.TrimSpace(name))
		if !status.Valid() {
			return fmt.Errorf("%q is no TCB status, want some of %s", name, strings.Join(tcbStatuses(), ", "))
		}
		if !slices.Contains(*f, status) {
			*f = append(*f, status)
		}
	}
	return nil
}

func (f *tcbFlag) Type() string { return "statuses" }

func tcbStatuses() []string {
	all := evidence.TCBStatuses()
	names := make([]string, len(all))
	for i, status := range all {
		names[i] = string(status)
	}
	return names
}
