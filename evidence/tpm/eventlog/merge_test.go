package eventlog_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

func merged(t *testing.T, raw ...[]byte) (*eventlog.Log, error) {
	t.Helper()
	logs := make([]*eventlog.Log, len(raw))
	for i := range raw {
		logs[i] = parse(t, raw[i])
	}
	return eventlog.Merge(logs...)
}

// launch is a log of a dynamic launch, without a separator that ends it.
func launch() []entry {
	return []entry{{17, eventlog.EvEventTag, tag(0x40010001, tag(0x000a0001, []byte{1})), nil}}
}

func TestMergedLogsCountOnAndSayWhereTheyCameFrom(t *testing.T) {
	t.Parallel()
	boot, drtm := agile(append(secureBoot(1), wbcl())...), agile(launch()...)
	log, err := merged(t, boot, drtm)
	if err != nil {
		t.Fatal(err)
	}
	if log.Format != eventlog.FormatCryptoAgile || len(log.Events) != 8 || !slices.Equal(log.Banks, []eventlog.Bank{eventlog.SHA1, eventlog.SHA256}) {
		t.Fatalf("%s with %d events of %v", log.Format, len(log.Events), log.Banks)
	}
	alone := parse(t, drtm).Events[0]
	for i, e := range log.Events {
		if e.Number != i+1 {
			t.Errorf("event %d has number %d", i, e.Number)
		}
	}
	if last := log.Events[7]; last.Log != 2 || last.Offset != alone.Offset || last.PCR != 17 || log.Events[0].Log != 1 {
		t.Errorf("the last is of log %d at byte %d", last.Log, last.Offset)
	}
	pcrs, err := log.Replay(eventlog.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	pcrs[17][0] ^= 1
	_, err = log.Prove(eventlog.SHA256, pcrs)
	if e := asError(t, err); e.Log != 2 || e.Event != 8 || e.Offset != alone.Offset || !strings.HasPrefix(err.Error(), "log 2, event 8, PCR 17") {
		t.Errorf("%v, want one of log 2", err)
	}
}

func TestALogAloneIsMergedToItself(t *testing.T) {
	t.Parallel()
	log := parse(t, agile(secureBoot(1)...))
	if got, err := eventlog.Merge(log); err != nil || got != log {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBanksOfMergedLogsAreThoseOfAll(t *testing.T) {
	t.Parallel()
	for _, raw := range [][][]byte{{agile(separator(0)), old(separator(1))}, {old(separator(0)), agile(separator(1))}} {
		log, err := merged(t, raw...)
		if err != nil || !slices.Equal(log.Banks, []eventlog.Bank{eventlog.SHA1}) || log.Format != eventlog.FormatSHA1 {
			t.Fatalf("%+v, %v", log, err)
		}
		if _, err := log.Prove(eventlog.SHA256, nil); asError(t, err).Code != eventlog.CodeMissing {
			t.Error(err)
		}
	}
}

func TestLogsThatAreNotOfOneMachineAreNotMerged(t *testing.T) {
	t.Parallel()
	tcg, ima := parse(t, agile(separator(0))), parse(t, imaBinary(imaSample...))
	ccel := agile(separator(1))
	ccel[0] = 1
	other := bytes.Clone(agile(separator(0)))
	le.PutUint16(other[32+28:], 0x77) // the header's first algorithm
	le.PutUint16(other[32+32:], 0x78)
	le.PutUint16(other[32+37+12:], 0x77) // and the event's
	le.PutUint16(other[32+37+34:], 0x78)
	for name, tt := range map[string]struct {
		logs []*eventlog.Log
		at   int
		code eventlog.Code
	}{
		"none":             {nil, 0, eventlog.CodeMissing},
		"no log":           {[]*eventlog.Log{nil}, 1, eventlog.CodeMissing},
		"no second log":    {[]*eventlog.Log{tcg, nil}, 2, eventlog.CodeMissing},
		"IMA":              {[]*eventlog.Log{tcg, ima}, 2, eventlog.CodeUnsupported},
		"IMA alone":        {[]*eventlog.Log{ima}, 1, eventlog.CodeUnsupported},
		"a trust domain's": {[]*eventlog.Log{parse(t, ccel), tcg}, 1, eventlog.CodeUnsupported},
		"no bank in common": {
			[]*eventlog.Log{tcg, parse(t, other)}, 2, eventlog.CodeMismatch,
		},
		"many": {slices.Repeat([]*eventlog.Log{tcg}, 17), 0, eventlog.CodeTooLarge},
	} {
		_, err := eventlog.Merge(tt.logs...)
		if e := asError(t, err); e.Log != tt.at || e.Code != tt.code {
			t.Errorf("%s: %v (%s), want %s of log %d", name, err, e.Code, tt.code, tt.at)
		}
	}
}

func TestLogsThatAreTooMuchTogetherAreRefused(t *testing.T) {
	t.Parallel()
	many := parse(t, bytes.Repeat(old(separator(0)), 100_000))
	long := parse(t, bytes.Repeat(old(entry{0, eventlog.EvIPL, make([]byte, 1<<20), nil}), 7))
	for name, logs := range map[string][]*eventlog.Log{
		"events": {many, many}, "bytes": {long, long, long}, "64 MiB in pieces": slices.Repeat([]*eventlog.Log{long}, 9),
	} {
		for _, try := range []func() error{
			func() error { _, err := eventlog.Merge(logs...); return err },
			func() error { _, err := eventlog.ProveAll(logs, eventlog.SHA1, nil); return err },
		} {
			if e := asError(t, try()); e.Code != eventlog.CodeTooLarge || e.Log < 2 || e.Log > 3 {
				t.Errorf("%s: %v", name, e)
			}
		}
	}
}

// proveAll proves logs by what a TPM has that all of them were measured into.
func proveAll(t *testing.T, quoted map[int][]byte, raw ...[]byte) ([]*eventlog.Proven, error) {
	t.Helper()
	var logs []*eventlog.Log
	for i := range raw {
		logs = append(logs, parse(t, raw[i]))
	}
	return eventlog.ProveAll(logs, eventlog.SHA256, quoted)
}

// quoted are the 24 PCRs of SHA-256 after firmware's events and IMA's entries.
func quoted(t *testing.T, firmware []entry, entries ...imaEntry) map[int][]byte {
	t.Helper()
	const bank = eventlog.SHA256
	pcrs, err := parse(t, agile(firmware...)).Replay(bank)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 24 {
		switch {
		case pcrs[i] != nil:
		case i >= 17 && i <= 22:
			pcrs[i] = bytes.Repeat([]byte{0xff}, bank.Size())
		default:
			pcrs[i] = make([]byte, bank.Size())
		}
	}
	if len(entries) > 0 {
		pcrs[10] = imaPCR(bank, false, entries...)
	}
	return pcrs
}

func TestAllLogsOfAMachineAreProven(t *testing.T) {
	t.Parallel()
	first, second := secureBoot(1), append(windowsBoot(), separator(4))
	pcrs := quoted(t, append(slices.Clone(first), second...), imaSample...)
	pcrs[16] = bytes.Repeat([]byte{7}, 32)
	ima := imaBinary(imaSample...)
	for name, raw := range map[string][][]byte{
		"one of firmware":          {agile(append(slices.Clone(first), second...)...), ima},
		"a log split in two":       {agile(first...), agile(second...), ima},
		"IMA in the middle":        {agile(first...), ima, agile(second...)},
		"IMA in front":             {imaASCII(imaSample...), agile(first...), agile(second...)},
		"a log without events too": {agile(first...), agile(), agile(second...), ima},
	} {
		all, err := proveAll(t, pcrs, raw...)
		if err != nil || len(all) != 2 {
			t.Fatalf("%s: %v", name, err)
		}
		if len(all[0].Events) != len(first)+len(second) || !all[0].IsWindows || len(all[1].Events) != len(imaSample) {
			t.Errorf("%s: %d and %d events", name, len(all[0].Events), len(all[1].Events))
		}
		if !slices.Equal(all[0].Unexplained, []int{16}) {
			t.Errorf("%s: unexplained %v, want PCR 16 alone", name, all[0].Unexplained)
		}
		if document := eventlog.Document(all...); bytes.Count(document, []byte("EventSeq")) != len(first)+len(second)+len(imaSample) {
			t.Errorf("%s: %s", name, document)
		}
	}
}

// A client that sends no log, or other ones than were measured, hides nothing.
func TestWhatNoLogExplainsIsRefused(t *testing.T) {
	t.Parallel()
	safe := []entry{{12, eventlog.EvEventTag, tag(0x40010001, tag(eventlog.TagSafeMode, []byte{1})), nil}}
	firmware := append(secureBoot(1), safe...)
	ima := imaBinary(imaSample...)
	in7 := bytes.Clone(ima)
	in7[0] = 7
	in4 := append(bytes.Clone(ima), imaBinary(imaSample[0])...)
	in4[len(ima)] = 4
	// What root extends with better entries than the kernel's.
	in23, in15 := imaBinary(imaSample[0]), imaBinary(imaSample[0])
	in23[0], in15[0] = 23, 15
	ccel := agile(separator(1))
	ccel[0] = 1
	for name, tt := range map[string]struct {
		raw     [][]byte
		pcr, at int
		code    eventlog.Code
	}{
		"no log":                     {nil, 7, 0, eventlog.CodeMismatch},
		"IMA's log alone":            {[][]byte{ima}, 7, 0, eventlog.CodeMismatch},
		"an empty log":               {[][]byte{agile()}, 7, 0, eventlog.CodeMismatch},
		"without Windows":            {[][]byte{agile(secureBoot(1)...), ima}, 12, 0, eventlog.CodeMismatch},
		"the same log again":         {[][]byte{agile(firmware...), agile(firmware...)}, 7, 1, eventlog.CodeMismatch},
		"a part of it again":         {[][]byte{agile(firmware...), agile(safe...), ima}, 12, 1, eventlog.CodeMismatch},
		"the parts in another order": {[][]byte{agile(firmware[2:]...), agile(firmware[:2]...)}, 7, 1, eventlog.CodeMismatch},
		"IMA's log again":            {[][]byte{ima, agile(firmware...), ima}, -1, 3, eventlog.CodeUnsupported},
		"IMA in PCR 7":               {[][]byte{agile(safe...), in7}, 7, 2, eventlog.CodeMismatch},
		"IMA in PCR 7 and no other":  {[][]byte{in7}, 7, 0, eventlog.CodeMismatch},
		"IMA in PCR 4, later":        {[][]byte{agile(firmware...), in4}, 4, 2, eventlog.CodeMismatch},
		"IMA beside firmware":        {[][]byte{ima, agile(append(secureBoot(1), separator(10))...)}, 10, 1, eventlog.CodeMismatch},
		"IMA in PCR 23":              {[][]byte{agile(firmware...), in23}, 23, 2, eventlog.CodeMismatch},
		"IMA in PCR 15 and not 10":   {[][]byte{agile(firmware...), in15}, 10, 2, eventlog.CodeMismatch},
		"IMA of another boot":        {[][]byte{agile(firmware...), imaBinary(imaSample[1:]...)}, 10, 2, eventlog.CodeMismatch},
		"a trust domain's":           {[][]byte{agile(firmware...), ccel}, -1, 2, eventlog.CodeUnsupported},
	} {
		pcrs := quoted(t, firmware, imaSample...)
		pcrs[15] = imaPCR(eventlog.SHA256, false, imaSample[0])
		pcrs[23] = pcrs[15]
		all, err := proveAll(t, pcrs, tt.raw...)
		if e := asError(t, err); e.PCR != tt.pcr || e.Log != tt.at || e.Code != tt.code || all != nil {
			t.Errorf("%s: %v (%s), want PCR %d, log %d, %s", name, err, e.Code, tt.pcr, tt.at, tt.code)
		}
	}
}

// Firmware's events may hold anything, so that PCR 10 is explained by a log that calls
// the kernel's entries firmware's. Beside it IMA's log is of another PCR.
func TestIMAIsNotHiddenAsFirmwares(t *testing.T) {
	t.Parallel()
	firmware, measured := secureBoot(1), imaSample[:6]
	disguised := slices.Clone(firmware)
	for _, e := range measured {
		disguised = append(disguised, entry{10, eventlog.EvIPL, []byte("x"), e.hashed()})
	}
	pcrs := quoted(t, firmware, measured...)
	if _, err := proveAll(t, pcrs, agile(disguised...)); err != nil {
		t.Fatalf("without IMA's log nothing is wrong: %v", err)
	}
	better := imaBinary(imaSample[0])
	better[0] = 11
	pcrs[11] = imaPCR(eventlog.SHA256, false, imaSample[0])
	all, err := proveAll(t, pcrs, agile(disguised...), better)
	if e := asError(t, err); e.PCR != 10 || e.Log != 2 || e.Code != eventlog.CodeMismatch || all != nil {
		t.Errorf("%v, want PCR 10, log 2, mismatch", err)
	}
}

func TestNoLogIsEnoughForWhatWasNeverExtended(t *testing.T) {
	t.Parallel()
	pcrs := quoted(t, nil)
	for _, index := range []int{10, 11, 15, 23} {
		pcrs[index] = bytes.Repeat([]byte{1}, 32)
	}
	all, err := proveAll(t, pcrs)
	if err != nil || len(all) != 1 || len(all[0].Events) != 0 || !slices.Equal(all[0].Unexplained, []int{10, 11, 15, 23}) {
		t.Fatalf("%+v, %v", all, err)
	}
	if sb, err := all[0].SecureBoot(); sb != nil || err != nil {
		t.Errorf("a state of Secure Boot without a log: %v", err)
	}
	if _, err := eventlog.ProveAll(nil, eventlog.SM3, nil); asError(t, err).Code != eventlog.CodeUnsupported {
		t.Error(err)
	}
	_, err = eventlog.ProveAll([]*eventlog.Log{nil}, eventlog.SHA256, pcrs)
	if asError(t, err).Code != eventlog.CodeMissing {
		t.Error(err)
	}
}

// FuzzProveAll proves two logs together by what they make of the PCRs, and holds
// the package to it that nothing else is proven then, and nothing by no log.
func FuzzProveAll(f *testing.F) {
	f.Add(agile(append(secureBoot(1), windowsBoot()...)...), agile(launch()...))
	f.Add(agile(secureBoot(1)...), imaBinary(imaSample...))
	f.Add(old(secureBoot(1)...), imaASCII(imaSample...))
	f.Add(old(separator(0)), old(separator(0)))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		one, err := eventlog.Parse(a)
		if err != nil {
			return
		}
		two, err := eventlog.Parse(b)
		if err != nil {
			return
		}
		logs := []*eventlog.Log{one, two}
		pcrs := map[int][]byte{}
		for _, l := range logs {
			alone, err := l.Replay(eventlog.SHA1)
			if err != nil {
				return
			}
			maps.Copy(pcrs, alone)
		}
		if log, err := eventlog.Merge(logs...); err == nil {
			if pcrs, err = log.Replay(eventlog.SHA1); err != nil {
				return
			}
		}
		all, err := eventlog.ProveAll(logs, eventlog.SHA1, pcrs)
		if err != nil {
			if e := (*eventlog.Error)(nil); !errors.As(err, &e) {
				t.Fatalf("an error of type %T", err)
			}
			return
		}
		for _, p := range all {
			for i := range p.Events {
				if e := &p.Events[i]; e.Log < 0 || e.Log > 2 || !slices.Contains(p.PCRs, e.PCR) {
					t.Fatalf("an event of log %d in PCR %d", e.Log, e.PCR)
				}
			}
			for _, index := range p.PCRs {
				if _, err := eventlog.ProveAll(nil, eventlog.SHA1, pcrs); err == nil && (index <= 9 || 12 <= index && index <= 14) {
					if len(bytes.Trim(pcrs[index], "\x00\xff")) > 1 {
						t.Fatalf("PCR %d is explained by nothing", index)
					}
				}
			}
		}
	})
}
