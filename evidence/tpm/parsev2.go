package tpm

import (
	"fmt"

	"github.com/azattest/azattest/evidence"
)

// readV2 reads what version 2 has of its own.
func (r *Request) readV2(data object) error {
	tpmData, ok, err := data.object("tpm_att_data")
	if err != nil || !ok {
		return orMissing(err, data, "tpm_att_data", "an object")
	}
	if r.current, err = readPlatform(tpmData, "current_attestation"); err != nil {
		return err
	}
	if r.current == nil {
		return tpmData.missing("current_attestation", "an object")
	}
	if r.boot, err = readPlatform(tpmData, "boot_attestation"); err != nil {
		return err
	}
	if o, ok, err := data.object("request_key"); err != nil {
		return err
	} else if ok {
		if r.key, err = readKey(o); err != nil {
			return err
		}
	}
	others, err := data.objects("other_keys", maxOtherKeys)
	if err != nil {
		return err
	}
	for _, o := range others {
		k, err := readKey(o)
		if err != nil {
			return err
		}
		if k.bindingHash != 0 {
			return jsonError(o.pathOf("info.tpm_quote"), evidence.CodeUnsupported, "an other key bound by the quote", "tpm_certify, or no info: a quote binds request_key only")
		}
		r.otherKeys = append(r.otherKeys, k)
	}
	return nil
}

// readPlatform reads an attestation object, nil if it is absent.
func readPlatform(in object, name string) (*platform, error) {
	o, ok, err := in.object(name)
	if err != nil || !ok {
		return nil, err
	}
	p := &platform{path: o.path}
	if err := p.readAIK(o); err != nil {
		return nil, err
	}
	logs, err := o.objects("logs", maxLogs)
	if err != nil {
		return nil, err
	}
	for _, l := range logs {
		kind, _, err := l.text("type")
		if err != nil {
			return nil, err
		}
		if kind != logTCG && kind != logIMA {
			return nil, jsonError(l.pathOf("type"), evidence.CodeUnsupported, fmt.Sprintf("%.32q", kind), logTCG+" or "+logIMA)
		}
		raw, err := l.needed("log", maxLog)
		if err != nil {
			return nil, err
		}
		if err := p.addLog(l.pathOf("log"), kind, raw); err != nil {
			return nil, err
		}
	}
	if p.banks, err = readBanks(o); err != nil {
		return nil, err
	}
	if p.quote, err = o.needed("quote", maxAttest); err != nil {
		return nil, err
	}
	p.signature, err = readSignature(o)
	return p, err
}

// readSignature reads a TPMT_SIGNATURE.
func readSignature(o object) (*Signature, error) {
	raw, err := o.needed("signature", maxSignature)
	if err != nil {
		return nil, err
	}
	s, err := ParseSignature(raw)
	if err != nil {
		return nil, inRequest(err, o.pathOf("signature"))
	}
	return s, nil
}

// readBanks reads the values of the PCRs.
func readBanks(in object) ([]Bank, error) {
	all, err := in.objects("pcrs", maxSelections)
	if err != nil {
		return nil, err
	}
	var banks []Bank
	for _, o := range all {
		n, err := o.number("algorithm", 0xffff)
		if err != nil {
			return nil, err
		}
		bank := Bank{Algorithm: Algorithm(n)} //nolint:gosec // G115: number has checked it
		if _, ok := bank.Algorithm.Hash(); !ok {
			return nil, jsonError(o.pathOf("algorithm"), evidence.CodeUnsupported, bank.Algorithm.String(), "4 (SHA-1), 11 (SHA-256), 12 (SHA-384) or 13 (SHA-512)")
		}
		values, err := o.objects("values", pcrCount)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			var p PCR
			if p.Index, err = v.number("index", pcrCount-1); err != nil {
				return nil, err
			}
			if p.Digest, err = v.needed("digest", bank.Algorithm.size()); err != nil {
				return nil, err
			}
			bank.PCRs = append(bank.PCRs, p)
		}
		banks = append(banks, bank)
	}
	return banks, nil
}
