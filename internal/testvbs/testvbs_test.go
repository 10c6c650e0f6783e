package testvbs_test

import (
	"bytes"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/testvbs"
)

// A boot is what eventlog takes for a boot of Windows with VBS, and its PCRs are
// those that a second implementation replays.
func TestBootIsWindowsWithVBS(t *testing.T) {
	t.Parallel()
	events := testvbs.New(t, 2048).Boot()
	log, err := eventlog.Parse(testvbs.Log(events...))
	if err != nil {
		t.Fatal(err)
	}
	pcrs := testvbs.PCRs(events...)
	replayed, err := log.Replay(eventlog.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	for index, value := range replayed {
		if !bytes.Equal(value, pcrs[index]) {
			t.Errorf("PCR %d is %x, replayed %x", index, pcrs[index], value)
		}
	}
	p, err := log.Prove(eventlog.SHA256, pcrs)
	if err != nil {
		t.Fatal(err)
	}
	if !p.IsWindows || len(p.Unexplained) > 0 || len(p.TagData(eventlog.TagVSMIDKSInfo)) != 1 {
		t.Errorf("Windows %t, unexplained %v", p.IsWindows, p.Unexplained)
	}
	on, off := eventlog.Switch{IsOn: true}, eventlog.Switch{IsOff: true}
	if p.Switch(eventlog.TagVBSVSMRequired) != on || p.Switch(eventlog.TagSafeMode) != off {
		t.Error("not the switches of a boot with VBS")
	}
	if sb, err := p.SecureBoot(); err != nil || !sb.IsEnabled {
		t.Errorf("Secure Boot %+v, %v", sb, err)
	}
}

func TestTagsOfABootAreThoseThatWereGiven(t *testing.T) {
	t.Parallel()
	events := testvbs.New(t, 2048).Boot(testvbs.Tag(eventlog.TagSafeMode, []byte{1}))
	log, err := eventlog.Parse(testvbs.Log(events...))
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.Prove(eventlog.SHA256, testvbs.PCRs(events...))
	if err != nil {
		t.Fatal(err)
	}
	if s := p.Switch(eventlog.TagSafeMode); s != (eventlog.Switch{IsOn: true}) {
		t.Errorf("safe mode %+v", s)
	}
	if s := p.Switch(eventlog.TagVBSVSMRequired); s != (eventlog.Switch{}) {
		t.Errorf("VSM %+v", s)
	}
}
