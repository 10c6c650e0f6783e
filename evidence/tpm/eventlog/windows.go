package eventlog

// Tags of Windows that claims and VBS reports are made of (wbcl.h). They are
// arguments of [Proven.Switch] and [Proven.BootTagData].
const (
	TagTransferControl      uint32 = 0x00020003 // what the boot manager went on with
	TagBootDebugging        uint32 = 0x00040001
	TagOSKernelDebug        uint32 = 0x00050001
	TagCodeIntegrity        uint32 = 0x00050002
	TagTestSigning          uint32 = 0x00050003
	TagSafeMode             uint32 = 0x00050005
	TagWinPE                uint32 = 0x00050006
	TagFlightSigning        uint32 = 0x00050021
	TagVSMIDKInfo           uint32 = 0x00050020 // key with which VSM decrypts
	TagVSMIDKSInfo          uint32 = 0x00050023 // key with which VSM signs reports of enclaves
	TagVBSVSMRequired       uint32 = 0x000a0001
	TagVBSIOMMURequired     uint32 = 0x000a0003
	TagMandatoryEnforcement uint32 = 0x000a0006
)

// Switch says which values something of Windows that is on or off was measured
// with. Of what was not measured neither is true; where measurements differ, or
// are no such values, both are.
type Switch struct{ IsOn, IsOff bool }

// Switch collects the values of switches from all proven events of a Windows
// boot. Several tags are taken as one.
func (p *Proven) Switch(ids ...uint32) Switch { return p.switchIn(maxPCR, ids) }

// BootSwitch is Switch without the PCRs of dynamic launches, and empty unless
// [Proven.IsWindowsBoot], see [Proven.BootTagData]: what is to speak for a boot is
// safe to take from here only.
func (p *Proven) BootSwitch(ids ...uint32) Switch {
	if !p.IsWindowsBoot() {
		return Switch{}
	}
	return p.switchIn(pcrWindowsLast, ids)
}

// IsWindowsBoot reports whether Windows has measured into PCRs 12 to 14, and all
// three were quoted. Without one of them nobody knows what was measured there: that
// Windows runs in safe mode, or the events of another system's boot loader, next to
// which Prove takes none of Windows'.
func (p *Proven) IsWindowsBoot() bool { return p.quotesWindows && p.measuresBoot }

// transferResume is what [TagTransferControl] says of a boot manager that went on
// with a system which had hibernated.
const transferResume = 2

// IsResumed reports whether the log is that of a resume from hibernation: how Windows
// was started stands in another one then. A tag that says neither is taken for one
// that says so.
func (p *Proven) IsResumed() bool {
	isResumed := false
	p.eachTagIn(maxPCR, TagTransferControl, func(t *Tag) {
		v, ok := t.Value().(Enumerated)
		isResumed = isResumed || !ok || v.Value == transferResume
	})
	return isResumed
}

func (p *Proven) switchIn(last int, ids []uint32) Switch {
	var s Switch
	for _, id := range ids {
		p.eachTagIn(last, id, func(t *Tag) {
			on, ok := t.Value().(bool)
			s.IsOn = s.IsOn || on || !ok
			s.IsOff = s.IsOff || !on || !ok
		})
	}
	return s
}

// BootTagData returns the data of a tag wherever a Windows boot measured it into
// PCRs 12 to 14, in the log's order. Windows closes these with a separator before
// programs run. The PCRs of dynamic launches, 17 to 22, have none, and which of them
// a running system can extend, the hardware says: what one tag is enough to lie
// with, such as a key, is not taken from there. There is none unless
// [Proven.IsWindowsBoot].
func (p *Proven) BootTagData(id uint32) [][]byte {
	var all [][]byte
	if !p.IsWindowsBoot() {
		return nil
	}
	p.eachTagIn(pcrWindowsLast, id, func(t *Tag) { all = append(all, t.Data) })
	return all
}

// eachTagIn goes over the proven tags of an ID in PCRs up to last, of those that
// Document shows.
func (p *Proven) eachTagIn(last int, id uint32, f func(*Tag)) {
	for i := range p.Events {
		e := &p.Events[i]
		if e.PCR <= last && !e.AfterBoot {
			walk(e.windows, id, f)
		}
	}
}

func walk(tags []Tag, id uint32, f func(*Tag)) {
	for i := range tags {
		if tags[i].ID == id {
			f(&tags[i])
		}
		walk(tags[i].Children, id, f)
	}
}
