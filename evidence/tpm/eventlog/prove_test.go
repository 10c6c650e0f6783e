package eventlog_test

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

func TestPCRsBeginWhereTheTPMBeginsThem(t *testing.T) {
	t.Parallel()
	locality := func(l byte) entry {
		return entry{0, eventlog.EvNoAction, append([]byte("StartupLocality\x00"), l), nil}
	}
	text := entry{0, eventlog.EvSCRTMVersion, []byte("1.0"), nil}
	digest := sha256.Sum256([]byte("1.0"))
	for _, tt := range []struct {
		name  string
		raw   []byte
		first byte // the last byte of PCR 0's start; 0xff is a refusal
	}{
		{"without an event", agile(text), 0},
		{"locality 0", agile(locality(0), text), 0},
		{"locality 3", agile(locality(3), text), 3},
		{"started by the hardware", agile(locality(4), text), 4},
		{"a locality that starts none", agile(locality(2), text), 0xff},
		{"twice", agile(locality(3), locality(3), text), 0xff},
		{"too late", agile(text, locality(3)), 0xff},
		{"too long", agile(entry{0, eventlog.EvNoAction, []byte("StartupLocality\x00\x03\x00"), nil}, text), 0xff},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			pcrs, err := parse(t, tt.raw).Replay(eventlog.SHA256)
			if tt.first == 0xff {
				if e := asError(t, err); e.Part != "StartupLocality" || e.PCR != 0 {
					t.Fatalf("refused for %v", err)
				}
				return
			}
			start := make([]byte, 32)
			start[31] = tt.first
			if want := extendWith(eventlog.SHA256, start, digest[:]); err != nil || !bytes.Equal(pcrs[0], want) {
				t.Fatalf("%x, %v; want %x", pcrs[0], err, want)
			}
		})
	}
}

func TestPCRsOfADynamicLaunchBeginAtZerosOrOnes(t *testing.T) {
	t.Parallel()
	raw := agile(entry{20, eventlog.EvEventTag, []byte("measured"), nil})
	digest := sha256.Sum256([]byte("measured"))
	for _, start := range []byte{0, 0xff} {
		pcr := extendWith(eventlog.SHA256, bytes.Repeat([]byte{start}, 32), digest[:])
		p, err := parse(t, raw).Prove(eventlog.SHA256, map[int][]byte{20: pcr, 19: bytes.Repeat([]byte{0xff}, 32)})
		if err != nil || len(p.Events) != 1 || !slices.Equal(p.PCRs, []int{20}) {
			t.Fatalf("begun with %x: %v", start, err)
		}
	}
	_, err := parse(t, raw).Prove(eventlog.SHA256, map[int][]byte{20: extendWith(eventlog.SHA256, bytes.Repeat([]byte{1}, 32), digest[:])})
	if pcrOf(t, err) != 20 {
		t.Fatal(err)
	}
}

func TestOnlyEventsOfQuotedPCRsAreProven(t *testing.T) {
	t.Parallel()
	log := parse(t, agile(append(secureBoot(1), entry{4, eventlog.EvEFIAction, []byte("Calling"), nil}, separator(4))...))
	pcrs, err := log.Replay(eventlog.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.Prove(eventlog.SHA256, map[int][]byte{4: pcrs[4], 10: bytes.Repeat([]byte{9}, 32), 16: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Events) != 2 || p.Events[0].PCR != 4 || !slices.Equal(p.PCRs, []int{4}) {
		t.Errorf("%d events of %v", len(p.Events), p.PCRs)
	}
	if !slices.Equal(p.Unexplained, []int{10}) {
		t.Errorf("unexplained %v, want PCR 10, which another log may explain", p.Unexplained)
	}
	if sb, err := p.SecureBoot(); sb != nil || err != nil {
		t.Errorf("a state of Secure Boot without PCR 7: %v", err)
	}
}

func TestProveNamesTheFirstPCRThatDiffers(t *testing.T) {
	t.Parallel()
	raw := agile(append(secureBoot(1), separator(4), separator(5))...)
	ones := bytes.Repeat([]byte{1}, 32)
	for _, tt := range []struct {
		name   string
		change func(pcrs map[int][]byte)
		pcr    int
	}{
		{"another value", func(p map[int][]byte) { p[5] = ones }, 5},
		{"two others", func(p map[int][]byte) { p[5], p[4] = ones, ones }, 4},
		{"firmware's events left out", func(p map[int][]byte) { p[0] = ones }, 0},
		{"Windows' events left out", func(p map[int][]byte) { p[13] = ones }, 13},
		{"a PCR of another bank", func(p map[int][]byte) { p[5] = p[5][:20] }, 5},
		{"no PCR", func(p map[int][]byte) { p[32] = ones }, 32},
		{"less than no PCR", func(p map[int][]byte) { p[-1] = ones }, -1},
	} {
		log := parse(t, raw)
		pcrs, err := log.Replay(eventlog.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		tt.change(pcrs)
		if _, err := log.Prove(eventlog.SHA256, pcrs); pcrOf(t, err) != tt.pcr {
			t.Errorf("%s: %v, want PCR %d", tt.name, err, tt.pcr)
		}
	}
}

func TestBanksThatCannotBeProvenAreRefused(t *testing.T) {
	t.Parallel()
	log := parse(t, agile(separator(0)))
	for bank, code := range map[eventlog.Bank]eventlog.Code{
		eventlog.SM3: eventlog.CodeUnsupported, eventlog.SHA384: eventlog.CodeMissing, 0: eventlog.CodeUnsupported,
	} {
		if _, err := log.Prove(bank, nil); asError(t, err).Code != code {
			t.Errorf("%s: %v", bank, err)
		}
	}
}

// A log that was changed after the boot by who knows everything but the past.
func TestLogsThatLieAreRefused(t *testing.T) {
	t.Parallel()
	config, authority, action := eventlog.EvEFIVariableDriverConfig, eventlog.EvEFIVariableAuthority, eventlog.EvEFIAction
	relabel := func(i int, as eventlog.EventType, more ...entry) []entry {
		list := secureBoot(0)
		list[i].kind = as
		return append(list, more...)
	}
	forged := variable(globalGUID, "SecureBoot", 1)
	windows := func(more ...entry) []entry {
		return append([]entry{{12, eventlog.EvEventTag, tag(0x40010001, tag(0x00040001, []byte{1})), nil}}, more...)
	}
	junk := []byte("nothing to see")
	for _, tt := range []struct {
		name string
		log  []entry
		says string
	}{
		{"Secure Boot's switch called an authority, another one added", relabel(0, authority, entry{7, config, forged, nil}), "variable SecureBoot in EV_EFI_VARIABLE_AUTHORITY"},
		{"and called an action", relabel(0, action), "no text"},
		{"and called a separator", relabel(0, eventlog.EvSeparator), "EV_SEPARATOR"},
		{"and called code", relabel(0, eventlog.EvPostCode), "EV_POST_CODE"},
		{"the forbidden signatures called an authority", relabel(4, authority), "no variable dbx"},
		{"a second switch", append(secureBoot(0)[:5], entry{7, config, forged, nil}), "again"},
		{"a switch after the separator", append(secureBoot(0)[1:], entry{7, config, forged, nil}), "after the separator"},
		{"a switch in a PCR that is free to use", append(secureBoot(0), entry{16, config, forged, nil}), "in PCR 16"},
		{"an authority in a PCR that is free to use", append(secureBoot(0), entry{16, authority, variable(securityGUID, "db", 1, 2), nil}), "in PCR 16"},
		{"data that was not hashed", append(secureBoot(0), entry{7, authority, variable(securityGUID, "db", 1, 2), junk}), "digest is another"},
		{"a switch of another vendor's after the separator", append(secureBoot(0), entry{7, config, variable(securityGUID, "SecureBoot", 1), nil}), "after the separator"},
		{"the separator called something else", relabel(5, eventlog.EvEFISPDMDevicePolicy), "VariableName"},
		{"no separator", secureBoot(0)[:5], "no separator"},
		{"a second separator", append(secureBoot(0), separator(7)), "once"},
		{"Windows' events with other data", windows(entry{12, eventlog.EvEventTag, junk, []byte("debugging")}), "digest is another"},
		{"Windows' events called code", windows(entry{12, eventlog.EvPostCode, tag(0x40010001), nil}), "EV_POST_CODE"},
		{"Windows' events called a separator", windows(entry{12, eventlog.EvSeparator, tag(0x40010001), nil}), "EV_SEPARATOR"},
		{"Windows' events that cannot be read", windows(entry{13, eventlog.EvEventTag, []byte{1, 0, 1, 0x40, 9, 0, 0, 0}, nil}), "EV_EVENT_TAG"},
	} {
		for _, raw := range [][]byte{agile(tt.log...), old(tt.log...)} {
			_, err := prove(t, eventlog.SHA1, raw)
			if e := asError(t, err); e.Event == 0 || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, want one with %q", tt.name, err, tt.says)
			}
		}
	}
	if p := mustProve(t, agile(secureBoot(0)...)); len(p.Events) != 6 {
		t.Error("the same log without lies is not proven")
	}
}

func TestTamperedLogsDoNotMatch(t *testing.T) {
	t.Parallel()
	true1 := append(secureBoot(1), wbcl(), separator(5), entry{5, eventlog.EvEFIAction, []byte("Exit"), nil})
	pcrs, err := parse(t, agile(true1...)).Replay(eventlog.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	swapped := slices.Clone(true1)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	noAction := slices.Clone(true1)
	noAction[6].kind = eventlog.EvNoAction
	for name, list := range map[string][]entry{
		"reordered": swapped, "shortened": true1[:len(true1)-1], "shortened in front": true1[1:], "an event called none": noAction,
		"longer": append(slices.Clone(true1), separator(5)),
	} {
		_, err := parse(t, agile(list...)).Prove(eventlog.SHA256, pcrs)
		if e := asError(t, err); e.Code != eventlog.CodeMismatch {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The order of events of different PCRs is proven by nothing.
	free := slices.Clone(true1)
	free[6], free[7] = free[7], free[6]
	if _, err := parse(t, agile(free...)).Prove(eventlog.SHA256, pcrs); err != nil {
		t.Error(err)
	}
}

func TestEventsWithoutADigestOfTheBankAreRefused(t *testing.T) {
	t.Parallel()
	raw := agile(separator(0))
	one := head(1, eventlog.EvSeparator)
	one = append(one, 1, 0, 0, 0, 4, 0)
	one = sized(append(one, make([]byte, 20)...), nil)
	log := parse(t, append(raw, one...))
	if _, err := log.Replay(eventlog.SHA256); asError(t, err).Code != eventlog.CodeMissing || asError(t, err).Event != 2 {
		t.Error(err)
	}
	if _, err := log.Replay(eventlog.SHA1); err != nil {
		t.Error(err)
	}
}
