package eventlog

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Document gives the events that are proven as the JSON that policies read as
// claim "events" or "bootEvents": {"Events":[{"EventSeq", "EventType",
// "EventTypeString", "PcrIndex", "ProcessedData"}]}. Several logs follow each
// other, with EventSeq counting on.
//
// ProcessedData says only what is proven, and is {} for other events:
//
//   - UEFI variables: UnicodeName, VariableGuid (upper case), VariableData
//     (base64url). Of boot variables, whose names firmware often does not
//     measure, the name is as logged, if it is one that boot variables have.
//   - EV_EVENT_TAG of Windows, up to the separator: the tags by their names, as
//     [Tag.Value] gives them; see [Tag.Name].
//   - IMA_MEASUREMENT_EVENT: TemplateName, FileName, FileDigest; of keys
//     Keyring and CertificateSubject; of the kernel KernelVersion.
//   - EV_EFI_ACTION, EV_ACTION, EV_IPL, EV_S_CRTM_VERSION: String, if it is one.
//   - EV_EFI_GPT_EVENT: DiskGuid and Partitions.
//
// Microsoft documents the first three, by the names that its policies use; the
// rest, and names that no policy of Microsoft's uses, are this project's.
func Document(logs ...*Proven) []byte {
	size := 64
	for _, p := range logs {
		for i := range p.Events {
			size += 192 + 4*len(p.Events[i].Data)/3
		}
	}
	b := append(make([]byte, 0, size), `{"Events":[`...)
	w := new(tagWriter)
	before := 0
	for _, p := range logs {
		last := 0
		for i := range p.Events {
			e := &p.Events[i]
			if last > 0 || before > 0 {
				b = append(b, ',')
			}
			last = e.Number
			b = append(b, `{"EventSeq":`...)
			b = strconv.AppendInt(b, int64(before+last), 10)
			b = append(b, `,"EventType":`...)
			b = strconv.AppendUint(b, uint64(e.Type), 10)
			b = append(b, `,"EventTypeString":"`...)
			b = append(b, e.Type.String()...)
			b = append(b, `","PcrIndex":`...)
			b = strconv.AppendInt(b, int64(e.PCR), 10)
			b = append(b, `,"ProcessedData":`...)
			b = e.appendProcessed(b, w)
			b = append(b, '}')
		}
		before += last
	}
	return append(b, "]}"...)
}

// Doubt takes what the events say as not proven, so that [Document] shows none of it:
// for who does not trust the hash that proves them.
func (p *Proven) Doubt() {
	for i := range p.Events {
		p.Events[i].Proof, p.Events[i].DataProven = ProofDigest, false
	}
}

// appendProcessed writes the object ProcessedData, {} where nothing is proven of
// what the event says.
func (e *ProvenEvent) appendProcessed(b []byte, w *tagWriter) []byte {
	if e.Proof == ProofDigest || e.AfterBoot {
		return append(b, "{}"...)
	}
	switch e.Type {
	case EvEFIVariableDriverConfig, EvEFIVariableAuthority:
		if v, err := e.variable(); err == nil {
			return v.appendJSON(b)
		}
	case EvEFIVariableBoot, EvEFIVariableBoot2:
		if v, err := e.variable(); err == nil && isBootVariable(v) {
			return v.appendJSON(b)
		}
	case EvEventTag:
		if e.windows != nil {
			return w.object(b, e.windows, e.smmLevel()...)
		}
	case IMAMeasurement:
		if e.ima != nil {
			return e.ima.appendJSON(b)
		}
	case EvEFIAction, EvAction, EvIPL, EvSCRTMVersion:
		data := e.Data
		if e.Proof == ProofText {
			data, _ = loaderText(data)
		}
		if text, ok := textOf(data); ok {
			return append(appendMember(append(b, '{'), "String", text), '}')
		}
	case EvEFIGPTEvent, EvEFIGPTEvent2:
		if t, err := e.gpt(); err == nil {
			return t.appendJSON(b)
		}
	default:
	}
	return append(b, "{}"...)
}

func (v *Variable) appendJSON(b []byte) []byte {
	b = appendMember(append(b, '{'), "UnicodeName", v.Name)
	b = base64.RawURLEncoding.AppendEncode(append(b, `,"VariableData":"`...), v.Data)
	b = v.GUID.append(append(b, `","VariableGuid":"`...))
	return append(b, `"}`...)
}

// isBootVariable says whether a variable's name is one of those that firmware
// measures as boot variables, so that no event whose name is not proven gets
// one that means something else.
func isBootVariable(v *Variable) bool {
	if !v.GUID.isGlobal() {
		return false
	}
	for _, kind := range []string{"Boot", "Driver", "SysPrep", "PlatformRecovery", "OsRecovery"} {
		rest, ok := strings.CutPrefix(v.Name, kind)
		if !ok {
			continue
		}
		if rest == "Order" || kind == "Boot" && (rest == "Next" || rest == "Current") {
			return true
		}
		if _, err := hex.DecodeString(rest); err == nil && len(rest) == 4 {
			return true
		}
	}
	return false
}

// smmLevel is the level of SMM protection, which is also given beside the boundary
// in which it stands: that is where Microsoft's policies look for it. It is nil where
// there is none, or it stands there already.
func (e *ProvenEvent) smmLevel() []*Tag {
	if slices.ContainsFunc(e.windows, func(t Tag) bool { return t.ID == tagSMM }) {
		return nil
	}
	for i := range e.windows {
		if e.windows[i].ID != tagTrustBound {
			continue
		}
		for j := range e.windows[i].Children {
			if t := &e.windows[i].Children[j]; t.ID == tagSMM {
				return []*Tag{t}
			}
		}
	}
	return nil
}

func (m *IMA) appendJSON(b []byte) []byte {
	b = append(b, '{')
	if m.isBuffer(m.Buffer) {
		b = m.appendBuffer(b)
	}
	b = appendMember(b, "FileDigest", m.Algorithm+":"+hex.EncodeToString(m.FileDigest))
	b = appendMember(b, "FileName", m.Name)
	return append(appendMember(b, "TemplateName", m.Template), '}')
}

// appendBuffer writes what is known of a buffer that the kernel measured.
func (m *IMA) appendBuffer(b []byte) []byte {
	if m.Name == "kernel_version" {
		return appendMember(b, "KernelVersion", strings.TrimRight(string(m.Buffer), "\x00"))
	}
	if cert, err := x509.ParseCertificate(m.Buffer); err == nil {
		b = appendMember(b, "Keyring", m.Name)
		b = appendMember(b, "CertificateSubject", cert.Subject.String())
	}
	return b
}

func (t *GPT) appendJSON(b []byte) []byte {
	b = t.Disk.append(append(b, `{"DiskGuid":"`...))
	b = append(b, `","Partitions":[`...)
	for i, p := range t.Partitions {
		if i > 0 {
			b = append(b, ',')
		}
		b = p.ID.append(append(b, `{"Guid":"`...))
		b = appendMember(append(b, '"'), "Name", p.Name)
		b = p.Type.append(append(b, `,"TypeGuid":"`...))
		b = append(b, `"}`...)
	}
	return append(b, "]}"...)
}
