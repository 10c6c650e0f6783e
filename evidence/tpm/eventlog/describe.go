package eventlog

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Decode reads an event's data as its type says: a *Variable, *Image, *GPT,
// []Tag (of Windows), *IMA or a string. It is nil, without an error, for types
// whose data has no form that is known. None of it is proven by being read.
func (e *Event) Decode() (any, error) {
	switch e.Type {
	case EvEFIVariableDriverConfig, EvEFIVariableBoot, EvEFIVariableBoot2, EvEFIVariableAuthority:
		return orNil(e.variable())
	case EvEFIBootServicesApplication, EvEFIBootServicesDriver, EvEFIRuntimeServicesDriver:
		return orNil(e.image())
	case EvEFIGPTEvent, EvEFIGPTEvent2:
		return orNil(e.gpt())
	case EvEventTag:
		tags, err := e.tags()
		if err != nil {
			return nil, err
		}
		return tags, nil
	case IMAMeasurement:
		if e.ima != nil {
			return e.ima, nil
		}
	default:
	}
	if text, ok := textOf(e.Data); ok {
		return text, nil
	}
	return nil, nil //nolint:nilnil // documented: no form
}

// orNil keeps a nil pointer from becoming a value that is not nil.
func orNil[T any](v *T, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Describe gives an event in one line for people: number, PCR, type and what its
// data says. It says nothing of whether any of it is proven. Characters that a
// terminal might act on are replaced.
func Describe(e *Event) string {
	head := fmt.Sprintf("%d PCR %d %s", e.Number, e.PCR, e.Type)
	if e.PCR < 0 {
		head = fmt.Sprintf("%d no PCR %s", e.Number, e.Type)
	}
	detail := e.detail()
	if detail == "" {
		return head
	}
	return head + ": " + detail
}

func (e *Event) detail() string {
	decoded, err := e.Decode()
	if err != nil {
		return fmt.Sprintf("%d bytes (%v)", len(e.Data), err)
	}
	switch v := decoded.(type) {
	case *Variable:
		return v.describe(e.Type)
	case *Image:
		return fmt.Sprintf("%s, %d bytes", v.Path, v.Length)
	case *GPT:
		names := make([]string, len(v.Partitions))
		for i, p := range v.Partitions {
			names[i] = printable([]byte(p.Name))
		}
		return shorten(fmt.Sprintf("disk %s, partitions %s", v.Disk, strings.Join(names, ", ")))
	case []Tag:
		return describeTags(v)
	case *IMA:
		return shorten(fmt.Sprintf("%s %s %s:%x", v.Template, printable([]byte(v.Name)), printable([]byte(v.Algorithm)), v.FileDigest))
	case string:
		return shorten(printable([]byte(v)))
	}
	if len(e.Data) == 0 {
		return ""
	}
	return shorten(hex.EncodeToString(e.Data[:min(len(e.Data), maxText)]))
}

func (v *Variable) describe(t EventType) string {
	name := shorten(printable([]byte(v.Name)))
	switch {
	case name == "BootOrder":
		return name + " " + shorten(strings.Join(v.bootOrder(), ","))
	case t == EvEFIVariableBoot || t == EvEFIVariableBoot2:
		if o, err := v.LoadOption(); err == nil {
			return fmt.Sprintf("%s %q %s", name, shorten(o.Description), shorten(o.Path))
		}
	case isSecureBootVariable(v) && t == EvEFIVariableDriverConfig && len(v.Data) > 1:
		if list, err := v.Signatures(); err == nil {
			return fmt.Sprintf("%s, %d entries", name, len(list))
		}
	case len(v.Data) <= 8:
		return fmt.Sprintf("%s = %x", name, v.Data)
	}
	return fmt.Sprintf("%s {%s}, %d bytes", name, v.GUID, len(v.Data))
}

// describeTags names the tags, with the values of those that have small ones.
func describeTags(tags []Tag) string {
	var b strings.Builder
	for i := range tags {
		if b.Len() > maxText {
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		t := &tags[i]
		b.WriteString(t.shortName())
		switch v := t.Value().(type) {
		case nil:
			b.WriteString(" {" + describeTags(t.Children) + "}")
		case []byte:
		case Enumerated:
			b.WriteString("=" + v.Name)
		case string:
			b.WriteString("=" + printable([]byte(v)))
		default:
			fmt.Fprintf(&b, "=%v", v)
		}
	}
	return shorten(b.String())
}

// textOf gives data that is a text, in UTF-8 or UTF-16, without zeros at its end.
func textOf(data []byte) (string, bool) {
	if isText(data) {
		return strings.TrimRight(string(data), "\x00"), true
	}
	if len(data) >= 2 && data[0] != 0 && data[1] == 0 {
		// systemd-boot logs its text one byte short.
		text := strings.TrimRight(utf16Text(data), "\x00")
		return text, isText([]byte(text))
	}
	return "", false
}

// isText says whether data is UTF-8 of printable characters and white space,
// with zeros at its end at most.
func isText(data []byte) bool {
	text := bytes.TrimRight(data, "\x00")
	// Commands and messages are ASCII nearly always.
	for len(text) > 0 && ' ' <= text[0] && text[0] < 0x7f {
		text = text[1:]
	}
	if len(text) == 0 {
		return len(data) > 0 && data[0] != 0
	}
	if !utf8.Valid(text) {
		return false
	}
	return bytes.IndexFunc(text, func(r rune) bool {
		return !unicode.IsPrint(r) && r != '\n' && r != '\t' && r != '\r' || r == utf8.RuneError
	}) < 0
}

// printable replaces what is not a printable character.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, strings.ToValidUTF8(string(b), "·"))
}

// shorten cuts a text that is too long for a line.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxText {
		return s
	}
	return string([]rune(s)[:maxText]) + "…"
}
