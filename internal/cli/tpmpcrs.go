package cli

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
)

// pcrValues are PCRs by bank and index.
type pcrValues map[tpm.Algorithm]map[int][]byte

// put refuses a PCR that stands twice: which of the two counts is open.
func (v pcrValues) put(bank tpm.Algorithm, pcr int, value []byte) error {
	if v[bank] == nil {
		v[bank] = map[int][]byte{}
	}
	if v[bank][pcr] != nil {
		return pcrsError(evidence.CodeMalformed, fmt.Sprintf("PCR %d of %s a second time", pcr, bank), "each once")
	}
	v[bank][pcr] = value
	return nil
}

// loadPCRs reads the values of --pcrs and picks those that are selected. A value
// that is missing is for the verifier to miss.
func loadPCRs(s Streams, name string, selected []tpm.Selection) ([]tpm.Bank, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	read := readPCRFile
	if isText(raw) {
		read = readPCRText
	}
	values, err := read(raw)
	if err != nil {
		return nil, err
	}
	banks := make([]tpm.Bank, 0, len(selected))
	for _, sel := range selected {
		bank := tpm.Bank{Algorithm: sel.Bank}
		for i := range bits.Len32(sel.Mask) {
			if value := values[sel.Bank][i]; value != nil && sel.Mask&(1<<i) != 0 {
				bank.PCRs = append(bank.PCRs, tpm.PCR{Index: i, Digest: value})
			}
		}
		banks = append(banks, bank)
	}
	return banks, nil
}

// readPCRText reads what tpm2_pcrread prints: a line with the name of a bank, then
// one for each PCR.
func readPCRText(raw []byte) (pcrValues, error) {
	values := pcrValues{}
	var bank tpm.Algorithm
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		name, value, ok := strings.Cut(lines.Text(), ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		bad := func(expected string) error {
			return pcrsError(evidence.CodeMalformed, fmt.Sprintf("line %d", n), expected)
		}
		switch {
		case name == "" && !ok:
		case !ok:
			return nil, bad("lines as tpm2_pcrread prints them")
		case value == "":
			bank = bankNamed(name)
		default:
			pcr, err := strconv.ParseUint(name, 10, 8)
			if err != nil {
				return nil, bad("the number of a PCR")
			}
			digest, err := hex.DecodeString(strings.TrimPrefix(value, "0x"))
			if err != nil || len(digest) == 0 {
				return nil, bad("a hexadecimal value")
			}
			if bank == 0 {
				continue // of a bank that no quote here can have
			}
			if err := values.put(bank, int(pcr), digest); err != nil {
				return nil, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return nil, pcrsError(evidence.CodeTooLarge, err.Error(), "shorter lines")
	}
	return values, nil
}

// bankNamed is the bank of a name of tpm2-tools, 0 for those not known here.
func bankNamed(name string) tpm.Algorithm {
	for _, bank := range []tpm.Algorithm{tpm.SHA1, tpm.SHA256, tpm.SHA384, tpm.SHA512} {
		if strings.EqualFold(name, bank.String()) {
			return bank
		}
	}
	return 0
}

// The file of tpm2_quote --pcr: C structures of tpm2-tss, little-endian.
const (
	pcrFileBanks     = 16                                // room for selections
	pcrFileSelection = 8                                 // hash, length, four octets, padding
	pcrFileHead      = 4 + pcrFileBanks*pcrFileSelection // TPML_PCR_SELECTION
	pcrFileDigests   = 8                                 // room in one TPML_DIGEST
	pcrFileDigest    = 2 + 64                            // TPM2B_DIGEST
	pcrFileList      = 4 + pcrFileDigests*pcrFileDigest  // TPML_DIGEST
	pcrFileMostLists = pcrFileBanks * 24 / pcrFileDigests
)

// readPCRFile reads the file of tpm2_quote --pcr: which PCRs, then their values in
// lists of up to eight.
func readPCRFile(raw []byte) (pcrValues, error) {
	if len(raw) < pcrFileHead+4 {
		return nil, pcrsError(evidence.CodeTruncated, fmt.Sprintf("%d bytes", len(raw)), "what tpm2_quote --pcr or tpm2_pcrread writes")
	}
	little := binary.LittleEndian
	count, lists := little.Uint32(raw), little.Uint32(raw[pcrFileHead:])
	rest := raw[pcrFileHead+4:]
	if count > pcrFileBanks || lists > pcrFileMostLists || len(rest) != int(lists)*pcrFileList {
		return nil, pcrsError(evidence.CodeMalformed, fmt.Sprintf("%d banks and %d lists in %d bytes", count, lists, len(raw)), "what tpm2_quote --pcr or tpm2_pcrread writes")
	}
	digests, err := pcrFileValues(rest)
	if err != nil {
		return nil, err
	}
	values := pcrValues{}
	for i := range int(count) {
		entry := raw[4+i*pcrFileSelection:][:pcrFileSelection]
		bank, mask := tpm.Algorithm(little.Uint16(entry)), little.Uint32(entry[3:])
		for pcr := range bits.Len32(mask) {
			if mask&(1<<pcr) == 0 {
				continue
			}
			if len(digests) == 0 {
				return nil, pcrsError(evidence.CodeMissing, fmt.Sprintf("no value of PCR %d of %s", pcr, bank), "one for each PCR that is selected")
			}
			if err := values.put(bank, pcr, digests[0]); err != nil {
				return nil, err
			}
			digests = digests[1:]
		}
	}
	if len(digests) > 0 {
		return nil, pcrsError(evidence.CodeTrailingData, fmt.Sprintf("%d values more", len(digests)), "one for each PCR that is selected")
	}
	return values, nil
}

func pcrFileValues(lists []byte) ([][]byte, error) {
	var digests [][]byte
	for list := range slices.Chunk(lists, pcrFileList) {
		n := binary.LittleEndian.Uint32(list)
		if n > pcrFileDigests {
			return nil, pcrsError(evidence.CodeMalformed, fmt.Sprintf("a list of %d values", n), fmt.Sprintf("at most %d", pcrFileDigests))
		}
		for i := range int(n) {
			entry := list[4+i*pcrFileDigest:][:pcrFileDigest]
			size := binary.LittleEndian.Uint16(entry)
			if size == 0 || size > pcrFileDigest-2 {
				return nil, pcrsError(evidence.CodeMalformed, fmt.Sprintf("a value of %d bytes", size), "a digest")
			}
			digests = append(digests, entry[2:][:size])
		}
	}
	return digests, nil
}

func pcrsError(code evidence.Code, found, expected string) error {
	return &evidence.Error{Stage: evidence.StageParse, Code: code, Part: "file of PCR values", Offset: -1, Found: found, Expected: expected}
}
