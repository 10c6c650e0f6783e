package tpm

import "slices"

// readV1 reads what version 1 has of its own, which is what Windows makes: the
// platform's claims as NCryptCreateClaim returns them, and logs as
// Tbsi_Get_TCG_Log_Ex does.
func (r *Request) readV1(data object) error {
	tpmData, ok, err := data.object("tpm_att_data")
	if err != nil || !ok {
		return orMissing(err, data, "tpm_att_data", "an object")
	}
	logs := map[string][]byte{}
	for _, name := range []string{"srtm_boot_log", "srtm_resume_log", "drtm_boot_log", "drtm_resume_log"} {
		if logs[name], err = tpmData.data(name, maxLog); err != nil {
			return err
		}
	}
	// After hibernation the PCRs hold what the resume measured, and the boot
	// before it is another claim's.
	current := []string{"srtm_boot_log", "drtm_boot_log"}
	if logs["srtm_resume_log"] != nil || logs["drtm_resume_log"] != nil {
		current = []string{"srtm_resume_log", "drtm_resume_log"}
	}
	if r.current, err = readClaim(tpmData, "current_claim", current, logs); err != nil {
		return err
	}
	if r.current == nil {
		return tpmData.missing("current_claim", "a platform claim in base64url")
	}
	if r.boot, err = readClaim(tpmData, "boot_claim", []string{"srtm_boot_log", "drtm_boot_log"}, logs); err != nil {
		return err
	}
	// What belongs to no claim proves nothing, and is read nevertheless.
	for _, name := range []string{"srtm_boot_log", "drtm_boot_log"} {
		if r.boot == nil && !slices.Contains(current, name) && logs[name] != nil {
			if err := new(platform).addLog(tpmData.pathOf(name), logTCG, logs[name]); err != nil {
				return err
			}
		}
	}
	key, _, err := readJWK(data, "attest_key")
	if err != nil || key == nil {
		return orMissing(err, data, "attest_key", "a public key")
	}
	r.key = &requestKey{path: data.pathOf("attest_key"), key: key}
	return nil
}

// readClaim reads a platform claim with the logs that belong to it, nil if it is
// absent.
func readClaim(tpmData object, name string, logNames []string, logs map[string][]byte) (*platform, error) {
	raw, err := tpmData.data(name, maxPlatformClaim)
	if err != nil || raw == nil {
		return nil, err
	}
	p := &platform{path: tpmData.pathOf(name)}
	if err := p.readAIK(tpmData); err != nil {
		return nil, err
	}
	claim, err := ParsePlatformClaim(raw)
	if err != nil {
		return nil, inRequest(err, p.path)
	}
	p.quote, p.signature, p.banks = claim.Quote, claim.Signature, claim.Banks
	for _, name := range logNames {
		if logs[name] == nil {
			continue
		}
		if err := p.addLog(tpmData.pathOf(name), logTCG, logs[name]); err != nil {
			return nil, err
		}
	}
	if len(p.logs) == 0 && claim.Log != nil {
		if err := p.addLog(p.path+": log", logTCG, claim.Log); err != nil {
			return nil, err
		}
	}
	return p, nil
}
