package eventlog_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

func nodeOf(kind, sub byte, data ...byte) []byte {
	return append([]byte{kind, sub, byte(len(data) + 4), byte((len(data) + 4) >> 8)}, data...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var pathEnd = []byte{0x7f, 0xff, 4, 0}

func TestDevicePathsAreText(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path []byte
		want string
	}{
		{nil, ""},
		{pathEnd, ""},
		{join(nodeOf(2, 1, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0, 0), nodeOf(1, 1, 2, 3), nodeOf(3, 2, 1, 0, 0, 0), nodeOf(4, 4, wide(`\EFI\a.efi`)...), pathEnd), `PciRoot(0x0)/Pci(0x3,0x2)/Scsi(0x1,0x0)/\EFI\a.efi`},
		{nodeOf(2, 1, 0xd0, 0x41, 0x08, 0x0a, 1, 0, 0, 0), "PcieRoot(0x1)"},
		{nodeOf(2, 1, 0xd0, 0x41, 0x01, 0x05, 0, 0, 0, 0), "Acpi(PNP0501,0x0)"},
		{nodeOf(2, 3, 0, 1, 1, 0x80), "AcpiAdr(0x80010100)"},
		{nodeOf(1, 4, securityGUID...), "VenHw(D719B2CB-3D3A-4596-A3BC-DAD00E67656F)"},
		{nodeOf(1, 4, append(bytes.Clone(securityGUID), 1, 2)...), "VenHw(D719B2CB-3D3A-4596-A3BC-DAD00E67656F,0102)"},
		{nodeOf(1, 5, 1, 0, 0, 0), "Ctrl(0x1)"},
		{nodeOf(3, 1, 0, 1, 2, 0), "Ata(0x0,0x1,0x2)"},
		{nodeOf(3, 5, 1, 2), "USB(0x1,0x2)"},
		{nodeOf(3, 0x0b, append([]byte{0, 0x11, 0x22, 0x33, 0x44, 0x55}, make([]byte, 27)...)...), "MAC(001122334455,0x0)"},
		{nodeOf(3, 0x0c, 0, 0, 0, 0, 192, 0, 2, 1), "IPv4(192.0.2.1)"},
		{nodeOf(3, 0x0d, append(make([]byte, 31), 1)...), "IPv6(::1)"},
		{nodeOf(3, 0x12, 1, 0, 0xff, 0xff, 0, 0), "Sata(0x1,0xFFFF,0x0)"},
		{nodeOf(3, 0x17, 1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8), "NVMe(0x1,08-07-06-05-04-03-02-01)"},
		{nodeOf(3, 0x18, []byte("http://x/\x1b[2J")...), "Uri(http://x/·[2J)"},
		{nodeOf(3, 0x1a, 1), "SD(0x1)"},
		{nodeOf(3, 0x1d, 1), "eMMC(0x1)"},
		{nodeOf(3, 0x11, 1), "Unit(0x1)"},
		{nodeOf(4, 1, append(make([]byte, 37), 1)...), "HD(0,MBR,0x00000000,0x0,0x0)"},
		{nodeOf(4, 2, make([]byte, 20)...), "CDROM(0x0,0x0,0x0)"},
		{nodeOf(4, 6, globalGUID...), "FvFile(8BE4DF61-93CA-11D2-AA0D-00E098032B8C)"},
		{nodeOf(4, 8, make([]byte, 20)...), "Offset(0x0,0x0)"},
		{nodeOf(4, 9, make([]byte, 34)...), "RamDisk(0x0,0x0,0,00000000-0000-0000-0000-000000000000)"},
		{nodeOf(1, 3, make([]byte, 20)...), "MemoryMapped(0x0,0x0,0x0)"},
		{join(nodeOf(1, 1, 0, 1), []byte{0x7f, 1, 4, 0}, nodeOf(1, 1, 0, 2), pathEnd), "Pci(0x1,0x0),Pci(0x2,0x0)"},
		{join(pathEnd, nodeOf(1, 1, 0, 1)), ""},
		{nodeOf(1, 1, 9), "Path(1,1,09)"},
		{nodeOf(4, 1, 9), "Path(4,1,09)"},
		{nodeOf(9, 9), "Path(9,9,)"},
		{nodeOf(3, 0x0a), "Path(3,10,)"},
	} {
		if got, err := eventlog.DevicePath(tt.path); err != nil || got != tt.want {
			t.Errorf("%x: %q, %v, want %q", tt.path, got, err, tt.want)
		}
	}
}

func TestHostileDevicePathsAreRefused(t *testing.T) {
	t.Parallel()
	for name, path := range map[string][]byte{
		"a node of no length":       {1, 1, 0, 0},
		"a node of 3 bytes":         {1, 1, 3, 0},
		"a node beyond the end":     {1, 1, 0xff, 0xff},
		"half a node":               {1, 1, 6},
		"an end of no length":       {0x7f, 0xff, 0, 0},
		"nodes without an end":      bytes.Repeat(nodeOf(1, 1, 0, 0), 257),
		"instances without an end":  bytes.Repeat([]byte{0x7f, 1, 4, 0}, 1000),
		"the end in another's data": {1, 1, 8, 0, 0x7f, 0xff},
	} {
		if text, err := eventlog.DevicePath(path); err == nil || len(text) > 0 {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func list(kind []byte, headerSize, size uint32, body ...byte) []byte {
	b := append([]byte{}, kind...)
	b = le.AppendUint32(b, uint32(28+len(body)))
	b = le.AppendUint32(b, headerSize)
	return append(le.AppendUint32(b, size), body...)
}

func TestSignatureLists(t *testing.T) {
	t.Parallel()
	sha := []byte("\x26\x16\xc4\xc1\x4c\x50\x92\x40\xac\xa9\x41\xf9\x36\x93\x43\x28")
	one := append(bytes.Clone(globalGUID), make([]byte, 32)...)
	for _, tt := range []struct {
		name string
		data []byte
		n    int // -1 is a refusal
	}{
		{"none", nil, 0},
		{"one", list(sha, 0, 48, one...), 1},
		{"two lists", append(list(sha, 0, 48, one...), list(sha, 0, 48, append(one, one...)...)...), 3},
		{"a header of its own", list(sha, 5, 48, append(make([]byte, 5), one...)...), 1},
		{"an empty list", list(sha, 0, 48), 0},
		{"an unknown type", list(globalGUID, 0, 17, append(globalGUID, 1)...), 1},
		{"entries of no length", list(sha, 0, 0, one...), -1},
		{"entries of an owner alone", list(sha, 0, 16, globalGUID...), -1},
		{"entries longer than the list", list(sha, 0, 49, one...), -1},
		{"entries of 2^32-1", list(sha, 0, 0xffffffff, one...), -1},
		{"a header of 2^32-1", list(sha, 0xffffffff, 48, one...), -1},
		{"a list shorter than itself", append(append(bytes.Clone(sha), 27, 0, 0, 0), make([]byte, 8)...), -1},
		{"a list of 2^32-1", append(append(bytes.Clone(sha), 0xff, 0xff, 0xff, 0xff), make([]byte, 8)...), -1},
		{"half a list", sha, -1},
		{"too many", list(sha, 0, 17, make([]byte, 17*16385)...), -1},
	} {
		v := &eventlog.Variable{Data: tt.data}
		got, err := v.Signatures()
		if (err != nil) != (tt.n < 0) || err == nil && len(got) != tt.n {
			t.Errorf("%s: %d entries, %v, want %d", tt.name, len(got), err, tt.n)
		}
	}
}

// Data of each type, cut off everywhere and with the worst lengths: Decode
// refuses, and Describe has a line of it all the same.
func TestDataThatCannotBeReadIsDescribed(t *testing.T) {
	t.Parallel()
	gpt := append([]byte("EFI PART"), make([]byte, 84)...)
	le.PutUint32(gpt[84:], 128)
	gpt = append(le.AppendUint64(gpt, 1), make([]byte, 128)...)
	image := append(make([]byte, 24), append(le.AppendUint64(nil, 4), pathEnd...)...)
	for kind, data := range map[eventlog.EventType][]byte{
		eventlog.EvEFIVariableDriverConfig: variable(globalGUID, "SecureBoot", 1), eventlog.EvEFIGPTEvent: gpt,
		eventlog.EvEFIBootServicesDriver: image, eventlog.EvEventTag: tag(0x40010001, tag(0x00050002, []byte{1})),
	} {
		e := eventlog.Event{Number: 1, PCR: 1, Type: kind, Data: data}
		if v, err := e.Decode(); err != nil || v == nil {
			t.Fatalf("%s: %v", kind, err)
		}
		for n := range data {
			e.Data = data[:n]
			if v, err := e.Decode(); err == nil {
				t.Errorf("%s: %d of %d bytes are read as %v", kind, n, len(data), v)
			}
			if s := eventlog.Describe(&e); !strings.Contains(s, kind.String()) {
				t.Errorf("described as %q", s)
			}
		}
		e.Data = append(bytes.Clone(data), 0)
		if _, err := e.Decode(); err == nil {
			t.Errorf("%s: with a byte more", kind)
		}
		for at := range data {
			e.Data = bytes.Clone(data)
			for i := at; i < min(at+8, len(data)); i++ {
				e.Data[i] = 0xff
			}
			_, _ = e.Decode() // must not panic or take long
			_ = eventlog.Describe(&e)
		}
	}
}

func TestDeepAndManyTagsAreRefused(t *testing.T) {
	t.Parallel()
	deep := tag(0x00050002, []byte{1})
	for range 8 {
		deep = tag(0x40010001, deep)
	}
	e := eventlog.Event{Type: eventlog.EvEventTag, Data: deep}
	if _, err := e.Decode(); asError(t, err).Code != eventlog.CodeTooLarge {
		t.Errorf("eight deep: %v", err)
	}
	e.Data = deep[8:]
	if _, err := e.Decode(); err != nil {
		t.Errorf("seven deep: %v", err)
	}
	e.Data = tag(0x40010001, bytes.Repeat(tag(0x00050002), 1<<14))
	if _, err := e.Decode(); asError(t, err).Code != eventlog.CodeTooLarge {
		t.Errorf("16385: %v", err)
	}
	// Thousands of megabytes' worth of nesting within one MiB stay linear.
	e.Data = bytes.Repeat(tag(0x40010003), 1<<14)
	if _, err := e.Decode(); err != nil {
		t.Error(err)
	}
}

func TestDescribeIsFitForATerminal(t *testing.T) {
	t.Parallel()
	for _, e := range []eventlog.Event{
		{Number: 1, Type: eventlog.EvIPL, PCR: 8, Data: []byte("a\x1b[31mb")},
		{Number: 1, Type: eventlog.EvEFIVariableBoot, PCR: 1, Data: variable(globalGUID, "Boot\x1b]0;x", 1, 2)},
		{Number: 1, Type: eventlog.EvIPL, PCR: 8, Data: []byte("a\nb\u202ec")},
		{Number: 1, Type: eventlog.EvEventTag, PCR: 12, Data: tag(0x40010001, tag(0x00050009, wide("\x1b[31m")))},
	} {
		s := eventlog.Describe(&e)
		if strings.ContainsAny(s, "\x1b\n\u202e") {
			t.Errorf("%q", s)
		}
	}
	long := eventlog.Describe(&eventlog.Event{Number: 1, PCR: -1, Type: 0x77, Data: bytes.Repeat([]byte{0xab}, 1<<20)})
	if len(long) > 300 || !strings.HasPrefix(long, "1 no PCR EV_0x00000077: abab") {
		t.Errorf("%q", long)
	}
}
