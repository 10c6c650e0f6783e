package jmespath

import (
	"fmt"
	"strings"
	"testing"
)

// healthQueries are of the forms that policies for a TPM's event log use.
var healthQueries = []string{
	"Events[?EventTypeString == 'EV_EFI_VARIABLE_DRIVER_CONFIG' && ProcessedData.VariableGuid == '8BE4DF61-93CA-11D2-AA0D-00E098032B8C']",
	"Events[? EventTypeString == 'EV_EVENT_TAG' && (PcrIndex == `12` || PcrIndex == `19`)].ProcessedData.EVENT_TRUSTBOUNDARY",
	"Events[? EventTypeString == 'EV_EVENT_TAG' && (PcrIndex == `12` || PcrIndex == `13` || PcrIndex == `19` || PcrIndex == `20`)].ProcessedData.EVENT_TRUSTBOUNDARY",
	"Events[? EventTypeString == 'EV_SEPARATOR' && (PcrIndex == `12` || PcrIndex == `13` || PcrIndex == `14`)] | @[0].EventSeq",
	"Events[? EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_SI_POLICY[].RawData",
	"Events[? EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_BOOT_REVOCATION_LIST.RawData | @[0]",
	"Events[? EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `13`].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_OS_REVOCATION_LIST.RawData | @[0]",
	"Events[? EventTypeString == 'EV_EFI_VARIABLE_DRIVER_CONFIG' && PcrIndex == `7` && ProcessedData.UnicodeName == 'CurrentPolicy' && ProcessedData.VariableGuid == '77FA9ABD-0359-4D32-BD60-28F4E78F784B'].ProcessedData.VariableData | @[0]",
	"Events[? EventSeq < `100` && EventTypeString == 'EV_EVENT_TAG' && PcrIndex == `12` && ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_APPLICATION_SVN] | @[0].EventSeq",
	"Events[*].ProcessedData.EVENT_TRUSTBOUNDARY.EVENT_LOADEDMODULE_AGGREGATION[] | [? EVENT_IMAGEVALIDATED == `true` && (equals_ignore_case(EVENT_FILEPATH, '\\windows\\system32\\drivers\\wdboot.sys') || equals_ignore_case(EVENT_FILEPATH, '\\windows\\system32\\drivers\\wd\\wdboot.sys'))] | @ != `null`",
}

// eventLog returns a measured boot's log of n events as JSON.
func eventLog(n int) string {
	var b strings.Builder
	b.WriteString(`{"Events":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, `{"EventSeq":%d,"EventType":2147483649,"EventTypeString":"EV_EFI_VARIABLE_DRIVER_CONFIG","PcrIndex":7,"ProcessedData":{"UnicodeName":"SecureBoot","VariableData":"AQ","VariableGuid":"8BE4DF61-93CA-11D2-AA0D-00E098032B8C"}}`, i)
		case 1:
			fmt.Fprintf(&b, `{"EventSeq":%d,"EventType":6,"EventTypeString":"EV_EVENT_TAG","PcrIndex":12,"ProcessedData":{"EVENT_TRUSTBOUNDARY":{"EVENT_APPLICATION_SVN":1,"EVENT_BITLOCKER_UNLOCK":{"String":"TPM","Value":4},"EVENT_BOOTDEBUGGING":false,"EVENT_CODEINTEGRITY":true}}}`, i)
		case 2:
			fmt.Fprintf(&b, `{"EventSeq":%d,"EventType":6,"EventTypeString":"EV_EVENT_TAG","PcrIndex":13,"ProcessedData":{"EVENT_TRUSTBOUNDARY":{"EVENT_BOOT_REVOCATION_LIST":{"RawData":"gHWq"},"EVENT_LOADEDMODULE_AGGREGATION":[{"EVENT_FILEPATH":"\\Windows\\System32\\drivers\\driver%d.sys","EVENT_IMAGEVALIDATED":true,"EVENT_MODULE_SVN":2}],"EVENT_SI_POLICY":[{"RawData":"AAAB"}]}}}`, i, i)
		default:
			fmt.Fprintf(&b, `{"EventSeq":%d,"EventType":4,"EventTypeString":"EV_SEPARATOR","PcrIndex":%d,"ProcessedData":{}}`, i, i%24)
		}
	}
	b.WriteString(`]}`)
	return b.String()
}

func BenchmarkCompile(b *testing.B) {
	query := healthQueries[2]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(query); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseLog(b *testing.B) {
	text := eventLog(200)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSearchLog searches a log of 200 events with each of ten queries.
func BenchmarkSearchLog(b *testing.B) {
	log := mustParse(b, eventLog(200))
	queries := make([]*Query, len(healthQueries))
	for i, text := range healthQueries {
		queries[i] = mustCompile(b, text)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, q := range queries {
			if _, err := q.Search(log); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkWriteJSON(b *testing.B) {
	log := mustParse(b, eventLog(200))
	b.ReportAllocs()
	for b.Loop() {
		if log.JSON() == "" {
			b.Fatal("nothing written")
		}
	}
}

// BenchmarkExtreme shows how long the searches take that end at a limit.
func BenchmarkExtreme(b *testing.B) {
	for name, extreme := range extremes() {
		b.Run(name, func(b *testing.B) {
			q, v := mustCompile(b, extreme.query), mustParse(b, extreme.document)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := q.Search(v); err == nil {
					b.Fatal("the search met no limit")
				}
			}
		})
	}
}
