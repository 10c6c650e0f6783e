package tpm

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// Selection is a TPMS_PCR_SELECTION: a bank, and bit i for PCR i.
type Selection struct {
	Bank Algorithm
	Mask uint32
}

// PCR is the value of a platform configuration register.
type PCR struct {
	Index  int
	Digest []byte
}

// Bank is the PCRs of one hash algorithm, in ascending order of their indices
// where this package returns it.
type Bank struct {
	Algorithm Algorithm
	PCRs      []PCR
}

// Mask has bit i set if PCR i is in the bank.
func (b Bank) Mask() uint32 {
	var mask uint32
	for _, p := range b.PCRs {
		if p.Index >= 0 && p.Index < pcrCount {
			mask |= 1 << p.Index
		}
	}
	return mask
}

// selections reads a TPML_PCR_SELECTION (part 2, 10.9.7). A bank that stands
// there twice is refused: which of the two the values belong to is open.
func (r *reader) selections() []Selection {
	const part = "TPML_PCR_SELECTION"
	at := r.offset
	count := r.uint32(part + ": count")
	if count > maxSelections {
		r.fail(evidence.CodeTooLarge, part+": count", at, fmt.Sprintf("%d banks", count), fmt.Sprintf("at most %d", maxSelections))
		return nil
	}
	list := make([]Selection, 0, count)
	for range count {
		at := r.offset
		s := Selection{Bank: r.hash(part + ": hash")}
		for _, other := range list {
			if other.Bank == s.Bank {
				r.fail(evidence.CodeMalformed, part+": hash", at, s.Bank.String()+" a second time", "each bank once")
			}
		}
		at = r.offset
		n := r.uint8(part + ": sizeofSelect")
		if r.err == nil && (n < minSelect || n > maxSelect) {
			r.fail(evidence.CodeMalformed, part+": sizeofSelect", at, fmt.Sprintf("%d octets", n), fmt.Sprintf("%d or %d", minSelect, maxSelect))
		}
		at = r.offset
		for i, octet := range r.take(int(n), part+": pcrSelect") {
			s.Mask |= uint32(octet) << (8 * i)
		}
		if s.Mask >= 1<<pcrCount {
			r.fail(evidence.CodeUnsupported, part+": pcrSelect", at, fmt.Sprintf("PCR %d", bits.Len32(s.Mask)-1), fmt.Sprintf("PCRs below %d", pcrCount))
		}
		list = append(list, s)
		if r.err != nil {
			return nil
		}
	}
	return list
}

// arrange brings PCR values into the order in which a TPM hashes them: bank by
// bank as selected, by index within a bank. There must be a value for each PCR
// that is selected, and none for any other, since nothing would prove it.
func arrange(selected []Selection, given []Bank) ([]Bank, error) {
	problem := func(code evidence.Code, found, expected string) error {
		return refuse(StageQuote, code, "PCR values", found, expected)
	}
	if len(selected) == 0 {
		return nil, problem(evidence.CodeMissing, "a quote of no bank", "one that selects PCRs")
	}
	if len(given) != len(selected) {
		return nil, problem(evidence.CodeMismatch, fmt.Sprintf("%d banks", len(given)), fmt.Sprintf("the %d that are quoted", len(selected)))
	}
	arranged := make([]Bank, 0, len(selected))
	for _, s := range selected {
		if s.Mask == 0 {
			e := refuse(StageQuote, evidence.CodeMissing, "PCR selection", fmt.Sprintf("bank %s without a PCR", s.Bank), "at least one")
			e.Hint = "quote only banks that are active in this TPM"
			return nil, e
		}
		bank, err := pick(s, given)
		if err != nil {
			return nil, err
		}
		arranged = append(arranged, bank)
	}
	return arranged, nil
}

// pick finds the values of one bank.
func pick(s Selection, given []Bank) (Bank, error) {
	problem := func(code evidence.Code, found, expected string) (Bank, error) {
		return Bank{}, refuse(StageQuote, code, "PCR values of bank "+s.Bank.String(), found, expected)
	}
	var from *Bank
	for i := range given {
		if given[i].Algorithm == s.Bank {
			if from != nil {
				return problem(evidence.CodeMalformed, "the bank a second time", "each bank once")
			}
			from = &given[i]
		}
	}
	if from == nil {
		return problem(evidence.CodeMissing, "none", "those that are quoted")
	}
	var values [pcrCount][]byte
	for _, p := range from.PCRs {
		switch {
		case p.Index < 0 || p.Index >= pcrCount:
			return problem(evidence.CodeMalformed, fmt.Sprintf("PCR %d", p.Index), fmt.Sprintf("PCRs below %d", pcrCount))
		case values[p.Index] != nil:
			return problem(evidence.CodeMalformed, fmt.Sprintf("PCR %d a second time", p.Index), "each PCR once")
		case s.Mask&(1<<p.Index) == 0:
			return problem(evidence.CodeMismatch, fmt.Sprintf("PCR %d, which is not quoted", p.Index), "the quoted PCRs alone")
		case len(p.Digest) != s.Bank.size():
			return problem(evidence.CodeMalformed, fmt.Sprintf("PCR %d of %d bytes", p.Index, len(p.Digest)), strconv.Itoa(s.Bank.size()))
		}
		values[p.Index] = p.Digest
	}
	bank := Bank{Algorithm: s.Bank, PCRs: make([]PCR, 0, len(from.PCRs))}
	for i, digest := range values {
		if s.Mask&(1<<i) == 0 {
			continue
		}
		if digest == nil {
			return problem(evidence.CodeMissing, fmt.Sprintf("no PCR %d", i), "all that are quoted")
		}
		bank.PCRs = append(bank.PCRs, PCR{Index: i, Digest: digest})
	}
	return bank, nil
}

// DigestEncoding is how a PCR document writes digests.
type DigestEncoding int

// The encodings. Microsoft's description of the policy language has base64url,
// its sample policy for golden PCR values compares with hexadecimal text.
const (
	Base64URL DigestEncoding = iota
	Hexadecimal
)

// PCRDocument returns the text of the pcrs claim:
//
//	{"PCRs":[{"Index":0,"Digests":{"SHA1":"…","SHA256":"…"}}]}
//
// PCRs stand in ascending order, the digests of one in the order of the banks.
func PCRDocument(banks []Bank, encoding DigestEncoding) string {
	b := []byte(`{"PCRs":[`)
	isFirst := true
	for i := range pcrCount {
		hasDigest := false
		for _, bank := range banks {
			for _, p := range bank.PCRs {
				if p.Index != i {
					continue
				}
				switch {
				case hasDigest:
				case isFirst:
					b = append(b, `{"Index":`+strconv.Itoa(i)+`,"Digests":{`...)
				default:
					b = append(b, `,{"Index":`+strconv.Itoa(i)+`,"Digests":{`...)
				}
				if hasDigest {
					b = append(b, ',')
				}
				isFirst, hasDigest = false, true
				b = append(b, `"`+bank.Algorithm.String()+`":"`...)
				if encoding == Hexadecimal {
					b = hex.AppendEncode(b, p.Digest)
				} else {
					b = base64.RawURLEncoding.AppendEncode(b, p.Digest)
				}
				b = append(b, '"')
			}
		}
		if hasDigest {
			b = append(b, "}}"...)
		}
	}
	return string(append(b, "]}"...))
}
