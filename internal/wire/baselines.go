package wire

import (
	"strconv"
	"time"
)

// NewTCBBaselines returns the baselines that the real service documents, newest
// first, and which of them holds: the one with the identifier, none of them where
// whatever is current is demanded.
//
// Numbers, dates and versions are those of Microsoft's documentation of custom TCB
// baselines, save for the date of 11, which is that of the API definition's
// example.
func NewTCBBaselines(selected string) TCBBaselines {
	day := func(year int, month time.Month, day int) time.Time {
		return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	}
	baselines := TCBBaselines{Baselines: []TCBBaseline{
		{EvaluationDataNumber: 15, ReleaseDate: day(2023, time.February, 14), MinimumPSWLinux: "2.17", MinimumPSWWindows: "2.16"},
		{EvaluationDataNumber: 14, ReleaseDate: day(2022, time.November, 8), MinimumPSWLinux: "2.17", MinimumPSWWindows: "2.16"},
		{EvaluationDataNumber: 13, ReleaseDate: day(2022, time.August, 9), MinimumPSWLinux: "2.17", MinimumPSWWindows: "2.16"},
		{EvaluationDataNumber: 12, ReleaseDate: day(2021, time.November, 10), MinimumPSWLinux: "2.13.3", MinimumPSWWindows: "2.13.100.2"},
		{EvaluationDataNumber: 11, ReleaseDate: day(2021, time.June, 9), MinimumPSWLinux: "2.13.3", MinimumPSWWindows: "2.13.100.2"},
		{EvaluationDataNumber: 10, ReleaseDate: day(2020, time.November, 11), MinimumPSWLinux: "2.9", MinimumPSWWindows: "2.7.101.2"},
	}}
	for i := range baselines.Baselines {
		b := &baselines.Baselines[i]
		b.Identifier = strconv.Itoa(b.EvaluationDataNumber)
		b.IsSelected = b.Identifier == selected
	}
	return baselines
}
