package eventlog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// DevicePath gives a UEFI device path as text, in the manner of UEFI 2.10,
// 10.6: "PciRoot(0x0)/Pci(0x3,0x0)/HD(1,GPT,…)/\EFI\BOOT\BOOTX64.EFI". Paths
// with several instances have a comma between them. Nodes that are not known
// are shown with their type, subtype and data.
func DevicePath(path []byte) (string, error) {
	r := &reader{rest: path}
	var b strings.Builder
	sep := ""
	for n := 0; len(r.rest) > 0; n++ {
		if n == maxNodes {
			return "", r.fail(CodeTooLarge, "device path", "more nodes", fmt.Sprintf("at most %d", maxNodes))
		}
		head, err := r.take(4, "device path node")
		if err != nil {
			return "", err
		}
		size := binary.LittleEndian.Uint16(head[2:])
		if size < 4 {
			return "", r.fail(CodeMalformed, "device path node: Length", fmt.Sprintf("%d", size), "at least 4")
		}
		data, err := r.take(uint64(size)-4, "device path node")
		if err != nil {
			return "", err
		}
		switch {
		case head[0] == 0x7f && head[1] == 0x01:
			sep = ","
			continue
		case head[0] == 0x7f:
			return b.String(), nil
		}
		b.WriteString(sep)
		b.WriteString(node(head[0], head[1], data))
		sep = "/"
	}
	return b.String(), nil
}

// node gives one node. One that is shorter than its type demands is shown like
// one that is not known.
func node(kind, sub byte, data []byte) string {
	text := ""
	switch kind {
	case 1:
		text = hardwareNode(sub, data)
	case 2:
		text = acpiNode(sub, data)
	case 3:
		text = messagingNode(sub, data)
	case 4:
		text = mediaNode(sub, data)
	}
	if text == "" {
		return fmt.Sprintf("Path(%d,%d,%x)", kind, sub, data)
	}
	return text
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func hardwareNode(sub byte, d []byte) string {
	switch {
	case sub == 1 && len(d) == 2:
		return fmt.Sprintf("Pci(0x%X,0x%X)", d[1], d[0])
	case sub == 3 && len(d) == 20:
		return fmt.Sprintf("MemoryMapped(0x%X,0x%X,0x%X)", le32(d), le64(d[4:]), le64(d[12:]))
	case sub == 4 && len(d) >= 16:
		return vendor("VenHw", d)
	case sub == 5 && len(d) == 4:
		return fmt.Sprintf("Ctrl(0x%X)", le32(d))
	default:
		return ""
	}
}

// vendor gives a node of a GUID and data that means something to its vendor.
func vendor(name string, d []byte) string {
	if len(d) == 16 {
		return name + "(" + GUID(d).String() + ")"
	}
	return name + "(" + GUID(d[:16]).String() + "," + hex.EncodeToString(d[16:]) + ")"
}

func acpiNode(sub byte, d []byte) string {
	switch {
	case sub == 1 && len(d) == 8:
		hid, uid := le32(d), le32(d[4:])
		switch hid {
		case 0x0a0341d0:
			return fmt.Sprintf("PciRoot(0x%X)", uid)
		case 0x0a0841d0:
			return fmt.Sprintf("PcieRoot(0x%X)", uid)
		}
		return fmt.Sprintf("Acpi(%s,0x%X)", eisaID(hid), uid)
	case sub == 3 && len(d) >= 4 && len(d)%4 == 0:
		parts := make([]string, len(d)/4)
		for i := range parts {
			parts[i] = fmt.Sprintf("0x%X", le32(d[4*i:]))
		}
		return "AcpiAdr(" + strings.Join(parts, ",") + ")"
	default:
		return ""
	}
}

// eisaID unpacks three letters and a number: 0x0a0341d0 is PNP0A03.
func eisaID(hid uint32) string {
	low := hid & 0xffff
	letters := [3]byte{byte(low>>10&0x1f) + '@', byte(low>>5&0x1f) + '@', byte(low&0x1f) + '@'}
	return fmt.Sprintf("%s%04X", letters[:], hid>>16)
}

func messagingNode(sub byte, d []byte) string {
	switch {
	case sub == 1 && len(d) == 4:
		return fmt.Sprintf("Ata(0x%X,0x%X,0x%X)", d[0], d[1], le16(d[2:]))
	case sub == 2 && len(d) == 4:
		return fmt.Sprintf("Scsi(0x%X,0x%X)", le16(d), le16(d[2:]))
	case sub == 5 && len(d) == 2:
		return fmt.Sprintf("USB(0x%X,0x%X)", d[0], d[1])
	case sub == 0x0a && len(d) >= 16:
		return vendor("VenMsg", d)
	case sub == 0x0b && len(d) == 33:
		n := 32
		if d[32] <= 1 {
			n = 6 // Ethernet's
		}
		return fmt.Sprintf("MAC(%X,0x%X)", d[:n], d[32])
	case sub == 0x0c && len(d) >= 8:
		return fmt.Sprintf("IPv4(%s)", netip.AddrFrom4([4]byte(d[4:8])))
	case sub == 0x0d && len(d) >= 32:
		return fmt.Sprintf("IPv6(%s)", netip.AddrFrom16([16]byte(d[16:32])))
	case sub == 0x11 && len(d) == 1:
		return fmt.Sprintf("Unit(0x%X)", d[0])
	case sub == 0x12 && len(d) == 6:
		return fmt.Sprintf("Sata(0x%X,0x%X,0x%X)", le16(d), le16(d[2:]), le16(d[4:]))
	case sub == 0x17 && len(d) == 12:
		eui := d[4:]
		return fmt.Sprintf("NVMe(0x%X,%02X-%02X-%02X-%02X-%02X-%02X-%02X-%02X)", le32(d), eui[7], eui[6], eui[5], eui[4], eui[3], eui[2], eui[1], eui[0])
	case sub == 0x18:
		return "Uri(" + printable(d) + ")"
	case sub == 0x1a && len(d) == 1:
		return fmt.Sprintf("SD(0x%X)", d[0])
	case sub == 0x1d && len(d) == 1:
		return fmt.Sprintf("eMMC(0x%X)", d[0])
	default:
		return ""
	}
}

func mediaNode(sub byte, d []byte) string {
	switch {
	case sub == 1 && len(d) == 38:
		id, style := fmt.Sprintf("0x%08X", le32(d[20:])), "MBR"
		if d[37] == 2 {
			id, style = GUID(d[20:36]).String(), "GPT"
		}
		return fmt.Sprintf("HD(%d,%s,%s,0x%X,0x%X)", le32(d), style, id, le64(d[4:]), le64(d[12:]))
	case sub == 2 && len(d) == 20:
		return fmt.Sprintf("CDROM(0x%X,0x%X,0x%X)", le32(d), le64(d[4:]), le64(d[12:]))
	case sub == 3 && len(d) >= 16:
		return vendor("VenMedia", d)
	case sub == 4 && len(d) >= 2:
		return printable([]byte(strings.TrimRight(utf16Text(d), "\x00")))
	case sub == 6 && len(d) == 16:
		return "FvFile(" + GUID(d).String() + ")"
	case sub == 7 && len(d) == 16:
		return "Fv(" + GUID(d).String() + ")"
	case sub == 8 && len(d) == 20:
		return fmt.Sprintf("Offset(0x%X,0x%X)", le64(d[4:]), le64(d[12:]))
	case sub == 9 && len(d) == 34:
		return fmt.Sprintf("RamDisk(0x%X,0x%X,%d,%s)", le64(d), le64(d[8:]), le16(d[32:]), GUID(d[16:32]))
	default:
		return ""
	}
}
