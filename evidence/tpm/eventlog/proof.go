package eventlog

import (
	"bytes"
	"fmt"
)

// Proof is how much of an event's data its digest proves.
type Proof int

// The proofs, from the least.
const (
	// ProofDigest: the digest only. The data describes what was measured, as the
	// path of a program does, or is not what was hashed.
	ProofDigest Proof = iota
	// ProofValue: of a UEFI variable the value, not its name. Much firmware
	// measures boot variables so.
	ProofValue
	// ProofText: of a boot loader's text what follows the words in front of it
	// ("grub_cmd: "), which are not.
	ProofText
	// ProofButLast: all but the last byte. Old versions of shim count one byte too
	// many.
	ProofButLast
	// ProofData: all of it.
	ProofData
)

// String gives the proof in words.
func (p Proof) String() string {
	switch p {
	case ProofDigest:
		return "digest only"
	case ProofValue:
		return "value of the variable"
	case ProofText:
		return "text after the prefix"
	case ProofButLast:
		return "data but the last byte"
	case ProofData:
		return "data"
	default:
		return fmt.Sprintf("Proof(%d)", int(p))
	}
}

// proofOf compares a digest with what it could be of. Whether the type is one
// whose data is hashed need not be asked: either the digest is the data's or
// not, and no type makes data true.
func proofOf(e *Event, bank Bank, digest []byte) Proof {
	// What is likely comes first: hashing is what all this costs.
	switch e.Type {
	case EvEFIVariableBoot, EvEFIVariableBoot2:
		r := reader{rest: e.Data}
		if _, _, value, err := splitVariable(&r); err == nil && len(r.rest) == 0 && bank.isSum(digest, value) {
			return ProofValue
		}
	case EvIPL:
		if text, ok := loaderText(e.Data); ok {
			if bank.isSum(digest, bytes.TrimSuffix(text, []byte("\x00"))) || bank.isSum(digest, text) {
				return ProofText
			}
		}
	default:
	}
	if bank.isSum(digest, e.Data) {
		return ProofData
	}
	n := len(e.Data)
	switch {
	case e.Type == EvEFIVariableAuthority && n > shimSurplus:
		if _, err := e.variable(); err == nil && bank.isSum(digest, e.Data[:n-1]) {
			return ProofButLast
		}
	case e.Type == EvIPL && n%2 == 1 && n > 1 && e.Data[1] == 0:
		// systemd-boot logs its UTF-16 one byte short, which is a zero.
		if bank.isSum(digest, append(bytes.Clone(e.Data), 0)) {
			return ProofData
		}
	}
	return ProofDigest
}

// loaderText is what GRUB hashes of the text that it logs: what follows the
// prefix that says which command it was, with some versions without the zero at
// the end.
func loaderText(data []byte) ([]byte, bool) {
	for _, prefix := range []string{"grub_cmd: ", "grub_cmd ", "kernel_cmdline: ", "grub_kernel_cmdline ", "module_cmdline: "} {
		if rest, ok := bytes.CutPrefix(data, []byte(prefix)); ok {
			return rest, true
		}
	}
	return nil, false
}
