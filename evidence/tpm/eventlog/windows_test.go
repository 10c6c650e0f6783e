package eventlog_test

import (
	"bytes"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

func TestSwitchesOfARealWindowsBoot(t *testing.T) {
	t.Parallel()
	w := windows(t)
	p, err := parse(t, w.raw).Prove(eventlog.SHA1, w.pcrs[eventlog.SHA1])
	if err != nil {
		t.Fatal(err)
	}
	on, off, unknown := eventlog.Switch{IsOn: true}, eventlog.Switch{IsOff: true}, eventlog.Switch{}
	for id, want := range map[uint32]eventlog.Switch{
		eventlog.TagCodeIntegrity: on, eventlog.TagBootDebugging: off, eventlog.TagOSKernelDebug: off, eventlog.TagTestSigning: off,
		eventlog.TagSafeMode: off, eventlog.TagWinPE: off, eventlog.TagFlightSigning: off, eventlog.TagVBSVSMRequired: unknown,
		eventlog.TagVBSIOMMURequired: unknown, eventlog.TagMandatoryEnforcement: unknown,
	} {
		if got := p.Switch(id); got != want {
			t.Errorf("0x%08x: %+v, want %+v", id, got, want)
		}
	}
	const pubkey, modules = 0x00060002, 0x00070004
	if n := len(p.BootTagData(pubkey)); n != 4 {
		t.Errorf("%d authorities, want 4", n)
	}
	if n := len(p.BootTagData(modules)); n != 128 {
		t.Errorf("%d hashes of modules, want 128", n)
	}
	if len(p.BootTagData(eventlog.TagVSMIDKSInfo)) != 0 {
		t.Error("a key of VSM, which was off")
	}
}

func TestSwitchesInDoubtAreBoth(t *testing.T) {
	t.Parallel()
	boundary := func(pcr uint32, tags ...[]byte) entry {
		return entry{pcr, eventlog.EvEventTag, tag(0x40010001, tags...), nil}
	}
	on, off := tag(eventlog.TagVBSVSMRequired, []byte{1}), tag(eventlog.TagVBSVSMRequired, []byte{0})
	for name, tt := range map[string]struct {
		log  []entry
		want eventlog.Switch
	}{
		"on":              {[]entry{boundary(12, on), boundary(13, on)}, eventlog.Switch{IsOn: true}},
		"on and off":      {[]entry{boundary(12, on), boundary(13, off)}, eventlog.Switch{IsOn: true, IsOff: true}},
		"of value 2":      {[]entry{boundary(12, tag(eventlog.TagVBSVSMRequired, []byte{2}))}, eventlog.Switch{IsOn: true, IsOff: true}},
		"after the boot":  {[]entry{boundary(12, off), wbcl(), boundary(12, on)}, eventlog.Switch{IsOff: true}},
		"in a free PCR":   {[]entry{boundary(23, on)}, eventlog.Switch{}},
		"beside a second": {[]entry{boundary(12, off, tag(eventlog.TagMandatoryEnforcement, []byte{1}))}, eventlog.Switch{IsOn: true, IsOff: true}},
	} {
		p := mustProve(t, agile(tt.log...))
		if got := p.Switch(eventlog.TagVBSVSMRequired, eventlog.TagMandatoryEnforcement); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	key := tag(eventlog.TagVSMIDKSInfo, []byte("a key"))
	p := mustProve(t, agile(boundary(12, key), boundary(13, on), boundary(14, on), boundary(16, tag(eventlog.TagVSMIDKSInfo, []byte("a forged key")))))
	if got := p.BootTagData(eventlog.TagVSMIDKSInfo); len(got) != 1 || !bytes.Equal(got[0], []byte("a key")) {
		t.Errorf("%q", got)
	}
}
