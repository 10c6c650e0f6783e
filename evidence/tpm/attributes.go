package tpm

import (
	"fmt"
	"strings"
)

// Attributes is a TPMA_OBJECT (part 2, 8.3): what may be done with a key.
type Attributes uint32

// The attributes.
const (
	FixedTPM             Attributes = 1 << 1  // it never leaves its TPM
	STClear              Attributes = 1 << 2  // saved contexts end with a restart
	FixedParent          Attributes = 1 << 4  // it keeps its parent
	SensitiveDataOrigin  Attributes = 1 << 5  // the TPM made the private part
	UserWithAuth         Attributes = 1 << 6  // a password is enough to use it
	AdminWithPolicy      Attributes = 1 << 7  // a policy is needed to administer it
	FirmwareLimited      Attributes = 1 << 8  // bound to the TPM's firmware
	SVNLimited           Attributes = 1 << 9  // bound to the firmware's version
	NoDA                 Attributes = 1 << 10 // free of the dictionary attack lock
	EncryptedDuplication Attributes = 1 << 11 // duplicated only encrypted
	Restricted           Attributes = 1 << 16 // it signs or decrypts only what the TPM made
	Decrypt              Attributes = 1 << 17
	Sign                 Attributes = 1 << 18 // signs, or encrypts
	X509Sign             Attributes = 1 << 19 // signs certificates alone
)

var attributeNames = []struct {
	bit  Attributes
	name string
}{
	{FixedTPM, "fixedTPM"},
	{STClear, "stClear"},
	{FixedParent, "fixedParent"},
	{SensitiveDataOrigin, "sensitiveDataOrigin"},
	{UserWithAuth, "userWithAuth"},
	{AdminWithPolicy, "adminWithPolicy"},
	{FirmwareLimited, "firmwareLimited"},
	{SVNLimited, "svnLimited"},
	{NoDA, "noDA"},
	{EncryptedDuplication, "encryptedDuplication"},
	{Restricted, "restricted"},
	{Decrypt, "decrypt"},
	{Sign, "sign"},
	{X509Sign, "x509sign"},
}

const knownAttributes = FixedTPM | STClear | FixedParent | SensitiveDataOrigin | UserWithAuth | AdminWithPolicy |
	FirmwareLimited | SVNLimited | NoDA | EncryptedDuplication | Restricted | Decrypt | Sign | X509Sign

// resident is what together says that the private part was made by the TPM and is
// nowhere else.
const resident = FixedTPM | FixedParent | SensitiveDataOrigin

// Has reports whether all of b are set.
func (a Attributes) Has(b Attributes) bool { return a&b == b }

// IsResident reports whether the private part was made by the TPM and is nowhere
// else: fixedTPM, fixedParent and sensitiveDataOrigin. Without the last it was
// made outside, where a copy may be.
func (a Attributes) IsResident() bool { return a.Has(resident) }

// String returns the names of those that are set, as "fixedTPM|sign".
func (a Attributes) String() string {
	var names []string
	for _, n := range attributeNames {
		if a.Has(n.bit) {
			names = append(names, n.name)
		}
	}
	if rest := a &^ knownAttributes; rest != 0 {
		names = append(names, fmt.Sprintf("0x%08x", uint32(rest)))
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, "|")
}
