package eventlog

import (
	"fmt"
	"slices"
)

// The PCRs into which Windows measures its tagged events: boot applications,
// modules and authorities, and those of a dynamic launch.
const (
	pcrSecureBoot   = 7
	pcrWindowsFirst = 12
	pcrWindowsLast  = 14
	pcrLaunchFirst  = 17
	pcrLaunchLast   = 22
)

// check refuses what a true log never has. Who owns the machine after the boot
// can write any log, and can extend PCRs, but cannot take back what was
// extended. So the lies that are left are to call an event by another type, to
// replace data that nothing proves, and to add events at the end. See Prove.
func (p *Proven) check() error {
	var boot secureBootCheck
	for i := range p.Events {
		e := &p.Events[i]
		if e.PCR == pcrSecureBoot {
			if err := boot.event(e); err != nil {
				return err
			}
			continue
		}
		if e.Type == EvEFIVariableDriverConfig && e.DataProven {
			if v, err := e.variable(); err == nil && isSecureBootVariable(v) {
				return e.refuse("PCR", fmt.Sprintf("variable %s in PCR %d", v.Name, e.PCR), "PCR 7")
			}
		}
		if e.Type == EvEFIVariableAuthority && e.DataProven {
			return e.refuse("eventType", fmt.Sprintf("%s in PCR %d", e.Type, e.PCR), "PCR 7")
		}
		if e.windows = e.tagsOfWindows(); e.windows != nil {
			p.IsWindows = true
		}
	}
	if err := boot.end(); err != nil {
		return err
	}
	if !p.IsWindows {
		return nil
	}
	return p.checkWindows()
}

func (e *ProvenEvent) refuse(part, found, expected string) *Error {
	return &Error{Code: CodeMismatch, Log: e.Log, Event: e.Number, Offset: e.Offset, PCR: e.PCR, Part: part, Found: found, Expected: expected}
}

// tagsOfWindows are the tags of an event that is one of Windows' in a place of
// Windows', nil of others.
func (e *ProvenEvent) tagsOfWindows() []Tag {
	if !e.DataProven || e.Type != EvEventTag || !isWindowsPCR(e.PCR) {
		return nil
	}
	tags, err := e.tags()
	if err != nil {
		return nil
	}
	return tags
}

func isWindowsPCR(pcr int) bool {
	return pcrWindowsFirst <= pcr && pcr <= pcrWindowsLast || pcrLaunchFirst <= pcr && pcr <= pcrLaunchLast
}

func (p *Proven) checkWindows() error {
	var ended [pcrWindowsLast + 1]bool
	for i := range p.Events {
		e := &p.Events[i]
		if e.PCR < pcrWindowsFirst || e.PCR > pcrWindowsLast {
			continue
		}
		e.AfterBoot = ended[e.PCR]
		if e.AfterBoot {
			continue // whatever it says, it is not of the boot
		}
		switch {
		case !e.DataProven:
			return e.refuse("data", "data whose digest is another", "what Windows measured")
		case e.Type == EvSeparator && isSeparator(e.Data):
			ended[e.PCR] = true
		case e.windows != nil:
			p.measuresBoot = true
		default:
			return e.refuse("eventType", e.Type.String(), "tagged events of Windows and a separator")
		}
	}
	return nil
}

// secureBootCheck goes over the events of PCR 7.
type secureBootCheck struct {
	last      *ProvenEvent
	seen      []string
	separator bool
}

func (c *secureBootCheck) event(e *ProvenEvent) error {
	c.last = e
	if !e.DataProven && e.Proof != ProofButLast {
		return e.refuse("data", "data whose digest is another", "what was measured, in PCR 7")
	}
	switch e.Type {
	case EvSeparator:
		if c.separator || !isSeparator(e.Data) {
			return e.refuse("EV_SEPARATOR", fmt.Sprintf("% x", e.Data[:min(len(e.Data), 8)]), "00 00 00 00, once")
		}
		c.separator = true
	case EvEFIVariableDriverConfig:
		return c.config(e)
	case EvEFIVariableAuthority, EvEFISPDMDevicePolicy, EvEFISPDMDeviceAuthority:
		// All three are variables too: of db the entry that allowed a program, of
		// SPDM's the database of devices. An event that is none would be another
		// one in disguise, the separator for example.
		v, err := e.variable()
		if err != nil {
			return err
		}
		if v.Name == "SecureBoot" || v.Name == "PK" || v.Name == "KEK" {
			return e.refuse("eventType", fmt.Sprintf("variable %s in %s", v.Name, e.Type), EvEFIVariableDriverConfig.String())
		}
	case EvEFIAction:
		if !isText(e.Data) {
			return e.refuse("EV_EFI_ACTION", fmt.Sprintf("%d bytes that are no text", len(e.Data)), "a text")
		}
	default:
		return e.refuse("eventType", e.Type.String(), "a type that PCR 7 has")
	}
	return nil
}

func (c *secureBootCheck) config(e *ProvenEvent) error {
	v, err := e.variable()
	if err != nil {
		return err
	}
	if !isSecureBootVariable(v) {
		return nil
	}
	if c.separator {
		return e.refuse("UnicodeName", "variable "+v.Name+" after the separator", "before it")
	}
	if slices.Contains(c.seen, v.Name) {
		return e.refuse("UnicodeName", "variable "+v.Name+" again", "once")
	}
	c.seen = append(c.seen, v.Name)
	return nil
}

// end wants all the variables that firmware has to measure, even where they are
// empty, if it has measured one: none is hidden behind another type.
func (c *secureBootCheck) end() error {
	if len(c.seen) == 0 {
		return nil
	}
	if !c.separator {
		return c.last.refuse("PCR 7", "no separator", "one after the variables")
	}
	for _, name := range []string{"SecureBoot", "PK", "KEK", "db", "dbx"} {
		if !slices.Contains(c.seen, name) {
			return c.last.refuse("PCR 7", "no variable "+name, "SecureBoot, PK, KEK, db and dbx")
		}
	}
	return nil
}

// isSecureBootVariable says whether a variable has the name of one of those by
// which Secure Boot is configured. Policies may look at the name alone, so that
// the same name under another GUID counts too.
func isSecureBootVariable(v *Variable) bool {
	switch v.Name {
	case "SecureBoot", "PK", "KEK", "db", "dbx", "dbt", "dbr":
		return true
	default:
		return false
	}
}
