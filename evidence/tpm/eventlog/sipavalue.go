package eventlog

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Enumerated is a number with a name.
type Enumerated struct {
	Name  string
	Value int64
}

// Value is what the tag says: a bool, an int64, a text, an [Enumerated], or of what
// has no form of its own, or not the one that it should have, the []byte. It is nil
// for tags that contain others.
func (t *Tag) Value() any {
	if t.isContainer() {
		return nil
	}
	info, _ := tagOf(t.ID)
	n, isNumber := number(t.Data)
	switch info.kind {
	case kindBool:
		if isNumber && n <= 1 {
			return n == 1
		}
	case kindNumber:
		if isNumber {
			return n
		}
	case kindEnum:
		if isNumber {
			return Enumerated{enumText(t.ID, n), n}
		}
	case kindText:
		if len(t.Data)%2 == 0 {
			return strings.TrimRight(utf16Text(t.Data), "\x00")
		}
	default:
	}
	return t.Data
}

func (t *Tag) isContainer() bool {
	return t.Children != nil || t.ID&tagAggregation != 0 && isSIPA(t.ID)
}

// number reads an unsigned number that a policy's Integer can hold.
func number(b []byte) (int64, bool) {
	switch len(b) {
	case 1, 2, 4, 8:
	default:
		return 0, false
	}
	var wide [8]byte
	copy(wide[:], b)
	n := binary.LittleEndian.Uint64(wide[:])
	if n > math.MaxInt64 {
		return 0, false
	}
	return int64(n), true
}

// enumText names a value. The names are not Microsoft's where none is
// published; policies should compare Value. A value without a name is given in
// digits.
func enumText(id uint32, n int64) string {
	var names []string
	switch id {
	case 0x00020005:
		return unlockText(n)
	case 0x00050008:
		return deviceText(n)
	case 0x0005000e: // ELAM's DriverLoadPolicy of the registry
		switch n {
		case 1:
			return "GoodAndUnknown"
		case 3:
			return "GoodUnknownAndBadButCritical"
		case 7:
			return "All"
		case 8:
			return "GoodOnly"
		}
	case 0x00020003:
		names = []string{"None", "OsLoader", "Resume", "MsUtility", "NoSigCheck", "Hypervisor"}
	case 0x00050004: // as the boot configuration's nx
		names = []string{"OptIn", "OptOut", "AlwaysOff", "AlwaysOn"}
	case 0x0005000a, 0x00050012:
		names = []string{"Off", "Auto"}
	case 0x00050014:
		names = []string{"Disabled", "Enabled", "SoftwareDisabled"}
	case 0x000a0007: // the name of 1 stands in Microsoft's policies
		names = []string{"HypervisorEnforcedCodeIntegrityDisable", "HypervisorEnforcedCodeIntegrityEnable"}
	}
	if n < int64(len(names)) {
		return names[n]
	}
	return strconv.FormatInt(n, 10)
}

// unlockText names the ways in which BitLocker was unlocked (FVEB_UNLOCK_FLAG).
func unlockText(n int64) string {
	if n == 0 {
		return "None"
	}
	flags := []struct {
		bit  int64
		name string
	}{
		{0x1, "Cached"},
		{0x2, "Media"},
		{0x4, "TPM"},
		{0x10, "PIN"},
		{0x20, "External"},
		{0x40, "Recovery"},
		{0x80, "Passphrase"},
		{0x100, "NBP"},
		{0x200, "AUK"},
	}
	var names []string
	for _, f := range flags {
		if n&f.bit != 0 {
			names = append(names, f.name)
			n &^= f.bit
		}
	}
	if n != 0 {
		names = append(names, strconv.FormatInt(n, 10))
	}
	return strings.Join(names, "|")
}

// deviceText names what Windows was started from (OSDEVICE_TYPE).
func deviceText(n int64) string {
	switch n {
	case 0:
		return "Unknown"
	case 0x10001:
		return "HardDisk"
	case 0x10002:
		return "RemovableDisk"
	case 0x10003:
		return "CDROM"
	case 0x10004:
		return "Partition"
	case 0x10005:
		return "File"
	case 0x10006:
		return "RamDisk"
	case 0x10007:
		return "VirtualHardDisk"
	case 0x20000:
		return "Serial"
	case 0x30000:
		return "UDP"
	case 0x40000:
		return "VMBus"
	case 0x50000:
		return "Composite"
	case 0x60000:
		return "CIMFS"
	default:
		return strconv.FormatInt(n, 10)
	}
}

// isSeparator says whether data is one that firmware or Windows ends its
// measurements with, or firmware marks an error with.
func isSeparator(data []byte) bool {
	return bytes.Equal(data, []byte{0, 0, 0, 0}) || bytes.Equal(data, []byte{1, 0, 0, 0}) ||
		bytes.Equal(data, []byte{0xff, 0xff, 0xff, 0xff}) || string(data) == wbclSignature
}
