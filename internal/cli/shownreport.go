package cli

import (
	"encoding/hex"
	"fmt"

	"github.com/azattest/azattest/evidence/dcap"
)

// shownReport is an enclave's report body.
type shownReport struct {
	MRENCLAVE string `json:"mrenclave"`
	MRSIGNER  string `json:"mrsigner"`
	ProductID uint16 `json:"isvProdId"`
	SVN       uint16 `json:"isvSvn"`
	Debug     bool   `json:"debug"`
	// Attributes are flags and XFRM, 16 bytes; Flags are the flags in words.
	Attributes string   `json:"attributes"`
	Flags      []string `json:"flags"`
	MISCSELECT string   `json:"miscselect"`
	CPUSVN     string   `json:"cpuSvn"`
	ReportData string   `json:"reportData"`
	// KSS is null without key separation and sharing.
	KSS *shownKSS `json:"kss"`
}

// shownKSS are the fields of key separation and sharing.
type shownKSS struct {
	ConfigID          string `json:"configId"`
	ConfigSVN         uint16 `json:"configSvn"`
	FamilyID          string `json:"isvFamilyId"`
	ExtendedProductID string `json:"isvExtProdId"`
}

func newShownReport(r *dcap.EnclaveReport) shownReport {
	shown := shownReport{
		MRENCLAVE: hex.EncodeToString(r.MRENCLAVE[:]), MRSIGNER: hex.EncodeToString(r.MRSIGNER[:]),
		ProductID: r.ISVProdID, SVN: r.ISVSVN, Debug: r.IsDebuggable(),
		Attributes: hex.EncodeToString(r.Attributes[:]), Flags: flagNames(r.Flags()),
		MISCSELECT: fmt.Sprintf("%08x", r.MISCSELECT), CPUSVN: hex.EncodeToString(r.CPUSVN[:]),
		ReportData: hex.EncodeToString(r.ReportData[:]),
	}
	if r.HasKSS() {
		shown.KSS = &shownKSS{
			ConfigID: hex.EncodeToString(r.ConfigID[:]), ConfigSVN: r.ConfigSVN,
			FamilyID: hex.EncodeToString(r.ISVFamilyID[:]), ExtendedProductID: hex.EncodeToString(r.ISVExtProdID[:]),
		}
	}
	return shown
}

// attributeNames are the attribute flags by bit (Intel SDM volume 3D,
// "ATTRIBUTES").
var attributeNames = map[int]string{
	0: "INIT", 1: "DEBUG", 2: "MODE64BIT", 4: "PROVISIONKEY", 5: "EINITTOKEN_KEY", 6: "CET", 7: "KSS", 10: "AEXNOTIFY",
}

// flagNames puts flags in words, in the order of their bits. Bits without a name
// are numbered.
func flagNames(flags uint64) []string {
	names := []string{}
	for bit := range 64 {
		if flags>>bit&1 == 0 {
			continue
		}
		name := attributeNames[bit]
		if name == "" {
			name = fmt.Sprintf("bit %d", bit)
		}
		names = append(names, name)
	}
	return names
}
