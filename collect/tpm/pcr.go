package tpm

import (
	"fmt"
	"slices"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// selection are PCRs of banks, in the order in which they are quoted.
type selection struct {
	banks []tpm.Algorithm
	pcrs  []int // ascending
}

// defaultBank is the strongest bank that is active and that the TCG logs have, if
// there are any. SHA-1 is no match for a log: what it proves a service may not
// accept. Without a match it is the strongest but for SHA-512, which few logs have.
func (t *TPM) defaultBank(logs []Log) tpm.Algorithm {
	rest := t.banks
	if len(rest) > 1 && rest[0] == tpm.SHA512 {
		rest = rest[1:]
	}
	for _, l := range logs {
		if l.Type != LogTCG {
			continue
		}
		parsed, err := eventlog.Parse(l.Bytes)
		if err != nil {
			continue // it is for the service to refuse
		}
		for _, bank := range t.banks {
			if bank != tpm.SHA1 && slices.Contains(parsed.Banks, eventlog.Bank(bank)) {
				return bank
			}
		}
	}
	return rest[0]
}

// selected checks which PCRs are asked for. The default are all PCRs.
func (t *TPM) selected(banks []tpm.Algorithm, pcrs []int) (selection, error) {
	const op = "select PCRs"
	s := selection{banks: slices.Clone(banks), pcrs: slices.Clone(pcrs)}
	for i, bank := range s.banks {
		if !slices.Contains(t.banks, bank) {
			return s, &Error{Op: op, Found: fmt.Sprintf("bank %s", bank), Expected: fmt.Sprintf("one that is active: %v", t.banks)}
		}
		if slices.Contains(s.banks[:i], bank) {
			return s, &Error{Op: op, Found: fmt.Sprintf("bank %s a second time", bank), Expected: "each once"}
		}
	}
	if len(s.pcrs) == 0 {
		for i := range pcrCount {
			s.pcrs = append(s.pcrs, i)
		}
	}
	slices.Sort(s.pcrs)
	for i, pcr := range s.pcrs {
		if pcr < 0 || pcr >= pcrCount || i > 0 && s.pcrs[i-1] == pcr {
			return s, &Error{Op: op, Found: fmt.Sprintf("PCR %d", pcr), Expected: fmt.Sprintf("0 to %d, each once", pcrCount-1)}
		}
	}
	return s, nil
}

// list is the selection as a TPML_PCR_SELECTION.
func (s selection) list() tpm2.TPMLPCRSelection {
	var list tpm2.TPMLPCRSelection
	for _, bank := range s.banks {
		list.PCRSelections = append(list.PCRSelections, pick(bank, s.pcrs))
	}
	return list
}

func pick(bank tpm.Algorithm, pcrs []int) tpm2.TPMSPCRSelection {
	bits := make([]byte, pcrCount/8)
	for _, pcr := range pcrs {
		bits[pcr/8] |= 1 << (pcr % 8)
	}
	return tpm2.TPMSPCRSelection{Hash: tpm2.TPMAlgID(bank), PCRSelect: bits}
}

// readPCRs reads the selected PCRs. They may be of different moments.
func (t *TPM) readPCRs(s selection) ([]tpm.Bank, error) {
	banks := make([]tpm.Bank, 0, len(s.banks))
	for _, algorithm := range s.banks {
		bank := tpm.Bank{Algorithm: algorithm}
		for rest := s.pcrs; len(rest) > 0; {
			read, err := t.readSome(algorithm, rest)
			if err != nil {
				return nil, err
			}
			bank.PCRs = append(bank.PCRs, read...)
			rest = rest[len(read):]
		}
		banks = append(banks, bank)
	}
	return banks, nil
}

// readSome reads the first of the PCRs, as many as the TPM gives at a time: eight,
// mostly.
func (t *TPM) readSome(bank tpm.Algorithm, pcrs []int) ([]tpm.PCR, error) {
	const op = "TPM2_PCR_Read"
	pcrs = pcrs[:min(8, len(pcrs))]
	answer, err := tpm2.PCRRead{PCRSelectionIn: tpm2.TPMLPCRSelection{PCRSelections: []tpm2.TPMSPCRSelection{pick(bank, pcrs)}}}.Execute(t.device)
	if err != nil {
		return nil, failed(op, err)
	}
	digests := answer.PCRValues.Digests
	got := answer.PCRSelectionOut.PCRSelections
	if len(digests) == 0 || len(digests) > len(pcrs) || len(got) != 1 {
		return nil, &Error{Op: op, Found: fmt.Sprintf("%d values", len(digests)), Expected: fmt.Sprintf("1 to %d", len(pcrs))}
	}
	read := make([]tpm.PCR, 0, len(digests))
	for i, d := range digests {
		if index := pcrs[i]; index/8 >= len(got[0].PCRSelect) || got[0].PCRSelect[index/8]&(1<<(index%8)) == 0 {
			return nil, &Error{Op: op, Found: fmt.Sprintf("no PCR %d", index), Expected: "PCRs in ascending order"}
		}
		read = append(read, tpm.PCR{Index: pcrs[i], Digest: d.Buffer})
	}
	return read, nil
}
