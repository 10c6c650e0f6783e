package dcap

import (
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"slices"

	"github.com/azattest/azattest/evidence"
)

// Object identifiers of the SGX extension ("SGX PCK Certificate and CRL Profile
// Specification", 1.3.5).
var (
	oidSGXExtension = asn1.ObjectIdentifier{1, 2, 840, 113741, 1, 13, 1}

	oidPPID               = extensionOID(1)
	oidTCB                = extensionOID(2)
	oidPCEID              = extensionOID(3)
	oidFMSPC              = extensionOID(4)
	oidSGXType            = extensionOID(5)
	oidPlatformInstanceID = extensionOID(6)
	oidConfiguration      = extensionOID(7)
)

func extensionOID(arcs ...int) asn1.ObjectIdentifier {
	return append(slices.Clip(oidSGXExtension), arcs...)
}

// SGXType is the kind of memory protection of a platform.
type SGXType int

// The kinds of memory protection.
const (
	SGXStandard          SGXType = 0
	SGXScalable          SGXType = 1
	SGXScalableIntegrity SGXType = 2
)

// PCK is what a PCK certificate says of its platform.
type PCK struct {
	// PPID is the platform provisioning ID, 16 bytes.
	PPID [16]byte
	// Components are the SVNs of the 16 TCB components, PCESVN that of the
	// provisioning certification enclave.
	Components [16]uint8
	PCESVN     uint16
	// CPUSVN is the raw CPU SVN, 16 bytes.
	CPUSVN [16]byte
	PCEID  [2]byte
	FMSPC  FMSPC
	Type   SGXType
	// CA is the kind of CA that issued the certificate.
	CA CA
	// PlatformInstanceID is 16 bytes, present under the platform CA only.
	PlatformInstanceID *[16]byte
	// DynamicPlatform, CachedKeys and SMTEnabled are the configuration flags of
	// multi-package platforms; nil where the certificate does not say.
	DynamicPlatform, CachedKeys, SMTEnabled *bool
}

// field is one member of the SGX extension and of the sequences inside it.
type field struct {
	ID    asn1.ObjectIdentifier
	Value asn1.RawValue
}

// parsePCK reads the SGX extension of a PCK certificate. A member that stands
// twice, is missing or has another length than the profile says is refused.
func parsePCK(cert *x509.Certificate) (*PCK, error) {
	for _, ext := range cert.Extensions {
		if !ext.Id.Equal(oidSGXExtension) {
			continue
		}
		p := new(PCK)
		if err := p.parse(ext.Value); err != nil {
			return nil, err
		}
		return p, nil
	}
	return nil, extensionError("SGX extension", "none", "extension "+oidSGXExtension.String())
}

func (p *PCK) parse(der []byte) error {
	fields, err := parseFields("SGX extension", der)
	if err != nil {
		return err
	}
	instance := new([16]byte)
	members := []struct {
		id       asn1.ObjectIdentifier
		name     string
		required bool
		read     func(asn1.RawValue) error
	}{
		{oidPPID, "PPID", true, octets(p.PPID[:])},
		{oidTCB, "TCB", true, p.parseTCB},
		{oidPCEID, "PCEID", true, octets(p.PCEID[:])},
		{oidFMSPC, "FMSPC", true, octets(p.FMSPC[:])},
		{oidSGXType, "SGX type", true, p.parseType},
		{oidPlatformInstanceID, "platform instance ID", false, octets(instance[:])},
		{oidConfiguration, "configuration", false, p.parseConfiguration},
	}
	for _, m := range members {
		value, ok := fields[m.id.String()]
		if !ok {
			if m.required {
				return extensionError("SGX extension: "+m.name, "none", m.id.String())
			}
			continue
		}
		if err := m.read(value); err != nil {
			return extensionError("SGX extension: "+m.name, err.Error(), "")
		}
		if m.id.Equal(oidPlatformInstanceID) {
			p.PlatformInstanceID = instance
		}
	}
	return nil
}

func (p *PCK) parseTCB(v asn1.RawValue) error {
	fields, err := parseFields("TCB", v.FullBytes)
	if err != nil {
		return err
	}
	for i := range p.Components {
		svn, err := integer(fields, extensionOID(2, i+1), 0xff)
		if err != nil {
			return fmt.Errorf("component %d: %w", i+1, err)
		}
		p.Components[i] = uint8(svn) //nolint:gosec // integer has checked the bound
	}
	svn, err := integer(fields, extensionOID(2, 17), 0xffff)
	if err != nil {
		return fmt.Errorf("PCESVN: %w", err)
	}
	p.PCESVN = uint16(svn) //nolint:gosec // integer has checked the bound
	cpusvn, ok := fields[extensionOID(2, 18).String()]
	if !ok {
		return fmt.Errorf("no CPUSVN")
	}
	return octets(p.CPUSVN[:])(cpusvn)
}

func (p *PCK) parseType(v asn1.RawValue) error {
	if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagEnum || len(v.Bytes) != 1 || v.Bytes[0] > byte(SGXScalableIntegrity) {
		return fmt.Errorf("%x, want an ENUMERATED from 0 to 2", v.FullBytes)
	}
	p.Type = SGXType(v.Bytes[0])
	return nil
}

func (p *PCK) parseConfiguration(v asn1.RawValue) error {
	fields, err := parseFields("configuration", v.FullBytes)
	if err != nil {
		return err
	}
	for i, flag := range []**bool{&p.DynamicPlatform, &p.CachedKeys, &p.SMTEnabled} {
		value, ok := fields[extensionOID(7, i+1).String()]
		if !ok {
			continue
		}
		*flag = new(bool)
		if err := unmarshal(value.FullBytes, *flag); err != nil {
			return err
		}
	}
	return nil
}

// parseFields reads a sequence of (OBJECT IDENTIFIER, value) pairs.
func parseFields(name string, der []byte) (map[string]asn1.RawValue, error) {
	var list []field
	if err := unmarshal(der, &list); err != nil {
		return nil, extensionError(name, err.Error(), "a sequence of identified values")
	}
	fields := make(map[string]asn1.RawValue, len(list))
	for _, f := range list {
		id := f.ID.String()
		if _, twice := fields[id]; twice {
			return nil, extensionError(name, id+" twice", "each member once")
		}
		fields[id] = f.Value
	}
	return fields, nil
}

func octets(dst []byte) func(asn1.RawValue) error {
	return func(v asn1.RawValue) error {
		if v.Class != asn1.ClassUniversal || v.Tag != asn1.TagOctetString || len(v.Bytes) != len(dst) {
			return fmt.Errorf("tag %d with %d bytes, want an OCTET STRING of %d", v.Tag, len(v.Bytes), len(dst))
		}
		copy(dst, v.Bytes)
		return nil
	}
}

func integer(fields map[string]asn1.RawValue, id asn1.ObjectIdentifier, limit int) (int, error) {
	value, ok := fields[id.String()]
	if !ok {
		return 0, fmt.Errorf("no member %s", id)
	}
	var i int
	if err := unmarshal(value.FullBytes, &i); err != nil {
		return 0, err
	}
	if i < 0 || i > limit {
		return 0, fmt.Errorf("%d, want 0 to %d", i, limit)
	}
	return i, nil
}

func unmarshal(der []byte, into any) error {
	rest, err := asn1.Unmarshal(der, into)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes after the value", len(rest))
	}
	return nil
}

func extensionError(part, found, expected string) error {
	return &evidence.Error{
		Stage: evidence.StageChain, Code: evidence.CodeMalformed, Part: "PCK certificate: " + part, Offset: -1,
		Found: found, Expected: expected,
	}
}
