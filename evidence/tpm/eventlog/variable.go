package eventlog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// GUID is a UEFI GUID, in the byte order in which it is stored.
type GUID [16]byte

// String gives the GUID as policies read it, in upper case.
func (g GUID) String() string { return string(g.append(make([]byte, 0, 36))) }

func (g GUID) append(b []byte) []byte {
	const digits = "0123456789ABCDEF"
	// The first three parts are numbers, stored in little endian.
	for i, at := range [...]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15} {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[g[at]>>4], digits[g[at]&0xf])
	}
	return b
}

// isGlobal says whether the GUID is that of the variables which UEFI itself
// defines (UEFI 2.10, 3.3): Boot0000, BootOrder, SecureBoot, …
func (g GUID) isGlobal() bool {
	return string(g[:]) == "\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c"
}

// Variable is a UEFI variable as it was measured (UEFI_VARIABLE_DATA).
type Variable struct {
	GUID GUID
	Name string
	Data []byte
}

// shimSurplus is how many bytes too many old versions of shim log of the entry
// that allowed a program: they count the first elements of two arrays twice,
// and hash one byte less.
const shimSurplus = 6

// variable reads an event's data as a UEFI variable.
func (e *Event) variable() (*Variable, error) {
	r := e.reader()
	v, err := parseVariable(r)
	if err != nil {
		return nil, err
	}
	if e.Type == EvEFIVariableAuthority && len(r.rest) == shimSurplus {
		return v, nil
	}
	return v, r.end("UEFI_VARIABLE_DATA")
}

func parseVariable(r *reader) (*Variable, error) {
	guid, name, data, err := splitVariable(r)
	if err != nil {
		return nil, err
	}
	return &Variable{GUID: GUID(guid), Name: utf16Text(name), Data: data}, nil
}

// splitVariable finds the parts of a variable: its GUID of 16 bytes, its name in
// UTF-16 and its value.
func splitVariable(r *reader) (guid, name, data []byte, err error) {
	if guid, err = r.take(16, "VariableName"); err != nil {
		return nil, nil, nil, err
	}
	nameLen, err := r.u64("UnicodeNameLength")
	if err != nil {
		return nil, nil, nil, err
	}
	dataLen, err := r.u64("VariableDataLength")
	if err != nil {
		return nil, nil, nil, err
	}
	if nameLen > maxData/2 {
		return nil, nil, nil, r.fail(CodeTooLarge, "UnicodeNameLength", fmt.Sprintf("%d", nameLen), fmt.Sprintf("at most %d", maxData/2))
	}
	if name, err = r.take(2*nameLen, "UnicodeName"); err != nil {
		return nil, nil, nil, err
	}
	data, err = r.within(dataLen, maxData, "VariableData")
	return guid, name, data, err
}

// utf16Text decodes UTF-16 in little endian, as all of UEFI and Windows is. An
// odd byte at the end is left out.
func utf16Text(b []byte) string {
	var room [128]byte // for all names of variables
	text := room[:0]
	for ; len(b) >= 2; b = b[2:] {
		c := rune(binary.LittleEndian.Uint16(b))
		if utf16.IsSurrogate(c) {
			second := rune(0)
			if len(b) >= 4 {
				second = rune(binary.LittleEndian.Uint16(b[2:]))
			}
			if c = utf16.DecodeRune(c, second); c != utf8.RuneError {
				b = b[2:]
			}
		}
		text = utf8.AppendRune(text, c)
	}
	return string(text)
}

// Signature is an entry of a signature database: a certificate or a hash that
// may, or must not, run.
type Signature struct {
	// Type says what Data is: "X509", "SHA256", or a GUID that is not known here.
	Type  string
	Owner GUID
	Data  []byte
}

// Signatures reads the value of PK, KEK, db, dbx, dbt or dbr, a sequence of
// EFI_SIGNATURE_LISTs. An empty value has none.
func (v *Variable) Signatures() ([]Signature, error) {
	r := &reader{rest: v.Data}
	var all []Signature
	for len(r.rest) > 0 {
		list, err := signatureList(r, len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// Authority reads the value of an EV_EFI_VARIABLE_AUTHORITY event from a
// signature database: one EFI_SIGNATURE_DATA, which is the entry that allowed a
// program to run. Whether it is a certificate or a hash it does not say.
func (v *Variable) Authority() (*Signature, error) {
	r := &reader{rest: v.Data}
	owner, err := r.take(16, "SignatureOwner")
	if err != nil {
		return nil, err
	}
	s := &Signature{Owner: GUID(owner), Data: r.rest}
	if len(s.Data) > 2 && s.Data[0] == 0x30 {
		s.Type = "X509"
	}
	return s, nil
}

func signatureList(r *reader, before int) ([]Signature, error) {
	guid, err := r.take(16, "SignatureType")
	if err != nil {
		return nil, err
	}
	listSize, err := r.u32("SignatureListSize")
	if err != nil {
		return nil, err
	}
	headerSize, err := r.u32("SignatureHeaderSize")
	if err != nil {
		return nil, err
	}
	size, err := r.u32("SignatureSize")
	if err != nil {
		return nil, err
	}
	const fixed = 28
	if listSize < fixed {
		return nil, r.fail(CodeMalformed, "SignatureListSize", fmt.Sprintf("%d", listSize), fmt.Sprintf("at least %d", fixed))
	}
	body, err := r.take(uint64(listSize-fixed), "signature list")
	if err != nil {
		return nil, err
	}
	in := &reader{rest: body, offset: r.offset - len(body)}
	if _, err := in.take(uint64(headerSize), "SignatureHeader"); err != nil {
		return nil, err
	}
	if len(in.rest) == 0 {
		return nil, nil
	}
	if size <= 16 || len(in.rest)%int(size) != 0 {
		return nil, in.fail(CodeMalformed, "SignatureSize", fmt.Sprintf("%d", size), fmt.Sprintf("more than 16, and %d bytes are a multiple of it", len(in.rest)))
	}
	n := len(in.rest) / int(size)
	if before+n > maxSignatures {
		return nil, in.fail(CodeTooLarge, "signatures", fmt.Sprintf("%d", before+n), fmt.Sprintf("at most %d", maxSignatures))
	}
	list := make([]Signature, n)
	for i := range list {
		entry := in.rest[i*int(size) : (i+1)*int(size)]
		list[i] = Signature{Type: signatureType(GUID(guid)), Owner: GUID(entry[:16]), Data: entry[16:]}
	}
	return list, nil
}

// signatureType names the types of UEFI 2.10, 32.4.1.
func signatureType(g GUID) string {
	switch s := g.String(); s {
	case "A5C059A1-94E4-4AA7-87B5-AB155C2BF072":
		return "X509"
	case "C1C41626-504C-4092-ACA9-41F936934328":
		return "SHA256"
	case "826CA512-CF10-4AC9-B187-BE01496631BD":
		return "SHA1"
	case "FF3E5307-9FD0-48C9-85F1-8AD56C701E01":
		return "SHA384"
	case "093E0FAE-A6C4-4F50-9F1B-D41E2B89C19A":
		return "SHA512"
	case "3C5766E8-269C-4E34-AA14-ED776E85B3B6":
		return "RSA2048"
	case "3BD2A492-96C0-4079-B420-FCF98EF103ED":
		return "X509_SHA256"
	case "7076876E-80C2-4EE6-AAD2-28B349A6865B":
		return "X509_SHA384"
	case "446DBF63-2502-4CDA-BCFA-2465D2B0FE9D":
		return "X509_SHA512"
	default:
		return s
	}
}

// LoadOption is the value of a variable Boot#### or Driver#### (EFI_LOAD_OPTION).
type LoadOption struct {
	Attributes  uint32
	Description string
	// Path is the device path of what is loaded, as text.
	Path string
	// OptionalData is what is handed to it.
	OptionalData []byte
}

// LoadOption reads the value of a boot option.
func (v *Variable) LoadOption() (*LoadOption, error) {
	r := &reader{rest: v.Data}
	o := &LoadOption{}
	var err error
	if o.Attributes, err = r.u32("Attributes"); err != nil {
		return nil, err
	}
	n, err := r.u16("FilePathListLength")
	if err != nil {
		return nil, err
	}
	var text []byte
	for {
		unit, err := r.take(2, "Description")
		if err != nil {
			return nil, err
		}
		if unit[0] == 0 && unit[1] == 0 {
			break
		}
		text = append(text, unit...)
	}
	o.Description = utf16Text(text)
	path, err := r.take(uint64(n), "FilePathList")
	if err != nil {
		return nil, err
	}
	o.OptionalData = r.rest
	o.Path, err = DevicePath(path)
	return o, err
}

// bootOrder reads the value of BootOrder: the numbers of options, in order.
func (v *Variable) bootOrder() []string {
	names := make([]string, 0, len(v.Data)/2)
	for i := 0; i+1 < len(v.Data); i += 2 {
		names = append(names, hex.EncodeToString([]byte{v.Data[i+1], v.Data[i]}))
	}
	return names
}
