package tpm_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/testvbs"
)

// provenBoot proves the log of events by the PCRs that they leave.
func provenBoot(tb testing.TB, events []testvbs.Event) *eventlog.Proven {
	tb.Helper()
	log, err := eventlog.Parse(testvbs.Log(events...))
	if err != nil {
		tb.Fatal(err)
	}
	p, err := log.Prove(eventlog.SHA256, testvbs.PCRs(events...))
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestReportsAreVerifiedWithTheKeyOfTheBoot(t *testing.T) {
	t.Parallel()
	for _, bits := range []int{2048, 3072} {
		kernel := testvbs.New(t, bits)
		keys, err := tpm.IDKS(provenBoot(t, kernel.Boot()))
		if err != nil || len(keys) != 1 || !keys[0].Equal(kernel.PublicKey()) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		e, err := tpm.ParseEnclaveReport(kernel.Sign(t, testvbs.NewReport(reportSigned)))
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Verify(keys[0], reportSigned); err != nil {
			t.Errorf("%d bits: %v", bits, err)
		}
	}
}

// Keys that a running system could have measured are no kernel's.
func TestOnlyKeysOfTheBootCount(t *testing.T) {
	t.Parallel()
	kernel, forger := testvbs.New(t, 2048), testvbs.New(t, 2048)
	forged := testvbs.Tag(eventlog.TagVSMIDKSInfo, forger.Info())
	without := slices.DeleteFunc(kernel.Boot(), func(e testvbs.Event) bool { return e.Type == eventlog.EvEventTag })
	windows := testvbs.Boundary(12, testvbs.Tags()...)
	for name, test := range map[string]struct {
		events []testvbs.Event
		keys   int
	}{
		"once":                       {kernel.Boot(), 1},
		"the same key again":         {append([]testvbs.Event{testvbs.Boundary(13, testvbs.Tag(eventlog.TagVSMIDKSInfo, kernel.Info()))}, kernel.Boot()...), 1},
		"after the separator":        {append(kernel.Boot(), testvbs.Boundary(12, forged)), 1},
		"in a PCR of launches":       {append(kernel.Boot(), testvbs.Boundary(20, forged)), 1},
		"in a PCR that is free":      {append(kernel.Boot(), testvbs.Boundary(16, forged)), 1},
		"a boot without VBS":         {append([]testvbs.Event{windows}, without...), 0},
		"and a forged key after it":  {append(append([]testvbs.Event{windows}, without...), testvbs.Boundary(12, forged), testvbs.Boundary(20, forged)), 0},
		"no Windows, but a key then": {append(slices.Clone(without), testvbs.Boundary(20, forged), testvbs.Boundary(23, forged)), 0},
	} {
		keys, err := tpm.IDKS(provenBoot(t, test.events))
		if test.keys == 0 {
			if wantRefusal(t, err, tpm.StageEnclave, evidence.CodeMissing); keys != nil {
				t.Errorf("%s: %d keys", name, len(keys))
			}
			continue
		}
		if err != nil || len(keys) != 1 || !keys[0].Equal(kernel.PublicKey()) {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
	// PCRs 12 to 14 that were not quoted prove no key.
	log, err := eventlog.Parse(testvbs.Log(kernel.Boot()...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.Prove(eventlog.SHA256, map[int][]byte{7: testvbs.PCRs(kernel.Boot()...)[7]})
	if err != nil {
		t.Fatal(err)
	}
	_, err = tpm.IDKS(p)
	wantRefusal(t, err, tpm.StageEnclave, evidence.CodeMissing)
}

func TestIDKSRefuses(t *testing.T) {
	t.Parallel()
	kernel := testvbs.New(t, 2048)
	info := kernel.Info()
	patch := func(at int, value uint32) []byte {
		b := bytes.Clone(info)
		binary.LittleEndian.PutUint32(b[at:], value)
		return b
	}
	weak := append(put32(nil, 1, 1024, 3, 128), 1, 0, 1)
	weak = append(weak, weakKey().N.Bytes()...)
	small := bytes.Clone(info)
	copy(small[16:], []byte{0, 0, 3})
	for name, test := range map[string]struct {
		info  []byte
		stage evidence.Stage
		code  evidence.Code
	}{
		"nothing":             {nil, evidence.StageParse, evidence.CodeTruncated},
		"half a header":       {info[:15], evidence.StageParse, evidence.CodeTruncated},
		"no modulus":          {info[:19], evidence.StageParse, evidence.CodeTruncated},
		"half a modulus":      {info[:100], evidence.StageParse, evidence.CodeTruncated},
		"a byte more":         {append(bytes.Clone(info), 0), evidence.StageParse, evidence.CodeTrailingData},
		"much more":           {append(bytes.Clone(info), make([]byte, 4096)...), evidence.StageParse, evidence.CodeTooLarge},
		"another algorithm":   {patch(0, 2), evidence.StageParse, evidence.CodeUnsupported},
		"more bits":           {patch(4, 3072), evidence.StageParse, evidence.CodeMismatch},
		"a huge exponent":     {patch(8, 0xffffffff), evidence.StageParse, evidence.CodeTooLarge},
		"a huge modulus":      {patch(12, 0xffffffff), evidence.StageParse, evidence.CodeTooLarge},
		"a weak key":          {weak, tpm.StageKey, evidence.CodeUnsupported},
		"exponent 3":          {small, tpm.StageKey, evidence.CodeUnsupported},
		"an even modulus":     {append(bytes.Clone(info[:len(info)-1]), info[len(info)-1]&^1), tpm.StageKey, evidence.CodeMalformed},
		"a modulus of zeros":  {append(put32(nil, 1, 0, 3, 256), append([]byte{1, 0, 1}, make([]byte, 256)...)...), tpm.StageKey, evidence.CodeMalformed},
		"one that is no good": {[]byte("a key"), evidence.StageParse, evidence.CodeTruncated},
	} {
		// One that cannot be read is not passed over for one that can.
		events := kernel.Boot(testvbs.Tag(eventlog.TagVSMIDKSInfo, test.info))
		keys, err := tpm.IDKS(provenBoot(t, events))
		if wantRefusal(t, err, test.stage, test.code); keys != nil {
			t.Errorf("%s: %d keys", name, len(keys))
		}
	}
}
