package keyrelease

import (
	"slices"
	"strings"
)

// hexDigits are how long the values of claims are that Azure Attestation writes in
// lower-case hex: fixed fields of the hardware's reports, and digests. Names without
// x-ms- are those of its default policies, and deprecated ones.
var hexDigits = map[string]int{
	"x-ms-sgx-mrenclave": 64, "x-ms-sgx-mrsigner": 64, "x-ms-sgx-report-data": 128, "x-ms-sgx-config-id": 128,
	"x-ms-sgx-isv-extended-product-id": 32, "x-ms-sgx-isv-family-id": 32, "sgx-mrenclave": 64, "sgx-mrsigner": 64,

	"x-ms-sevsnpvm-launchmeasurement": 96, "x-ms-sevsnpvm-hostdata": 64, "x-ms-sevsnpvm-reportdata": 128, "x-ms-sevsnpvm-reportid": 64,
	"x-ms-sevsnpvm-authorkeydigest": 96, "x-ms-sevsnpvm-idkeydigest": 96, "x-ms-sevsnpvm-familyId": 32, "x-ms-sevsnpvm-imageId": 32,

	"tdx_mrtd": 96, "tdx_mrseam": 96, "tdx_mrsignerseam": 96, "tdx_mrconfigid": 96, "tdx_mrowner": 96, "tdx_mrownerconfig": 96,
	"tdx_rtmr0": 96, "tdx_rtmr1": 96, "tdx_rtmr2": 96, "tdx_rtmr3": 96, "tdx_report_data": 128, "tdx_tee_tcb_svn": 32,
	"tdx_seam_attributes": 16, "tdx_td_attributes": 16, "tdx_xfam": 16,

	"x-ms-sgx-collateral.qeidcertshash": 64, "x-ms-sgx-collateral.qeidcrlhash": 64, "x-ms-sgx-collateral.qeidhash": 64,
	"x-ms-sgx-collateral.quotehash": 64, "x-ms-sgx-collateral.tcbinfocertshash": 64, "x-ms-sgx-collateral.tcbinfocrlhash": 64,
	"x-ms-sgx-collateral.tcbinfohash": 64,
}

// booleans are claims that Azure Attestation writes as true or false.
var booleans = []string{
	"x-ms-sgx-is-debuggable", "is-debuggable", "x-ms-sevsnpvm-is-debuggable", "x-ms-sevsnpvm-migration-allowed", "x-ms-sevsnpvm-smt-allowed",
	"tdx_td_attributes_debug", "tdx_td_attributes_septve_disable", "tdx_td_attributes_protection_keys", "tdx_td_attributes_key_locker",
	"tdx_td_attributes_perfmon", "secureboot", "x-ms-azurevm-bootdebug-enabled", "x-ms-azurevm-dbvalidated", "x-ms-azurevm-dbxvalidated",
	"x-ms-azurevm-debuggersdisabled", "x-ms-azurevm-default-securebootkeysvalidated", "x-ms-azurevm-elam-enabled",
	"x-ms-azurevm-flightsigning-enabled", "x-ms-azurevm-hypervisordebug-enabled", "x-ms-azurevm-is-windows",
	"x-ms-azurevm-kerneldebug-enabled", "x-ms-azurevm-signingdisabled", "x-ms-azurevm-testsigning-enabled",
}

// reports are claims that hold others of those above. Elsewhere, as in x-ms-runtime,
// whoever is attested writes what it likes under the same names.
var reports = []string{"x-ms-isolation-tee.", "x-ms-policy."}

// Warnings returns what the grammar allows and nobody means, in the order of the
// policy, at most 20: a measurement in capitals, with 0x before it or too short equals
// that of no token, and so does "True"; with notEquals it keeps nobody out.
func (p *Policy) Warnings() []Fault {
	r := reader{places: places{text: p.text}}
	r.warn(p.authorities)
	return r.faults
}

func (r *reader) warn(conditions []condition) {
	for i := range conditions {
		c := &conditions[i]
		r.warn(c.parts)
		so := "no token equals that"
		switch c.operator {
		case OperatorEquals:
		case OperatorNotEquals:
			so = "every token differs from that"
		default:
			continue
		}
		name := c.path
		for _, report := range reports {
			name = strings.TrimPrefix(name, report)
		}
		if digits, ok := hexDigits[name]; ok && !isLowerHex(c.want.text, digits) {
			r.fault(c.want.offset, "%s %s: %s, want %s as tokens have it, in %d digits of lower-case hex", c.operator, c.want.shown(), so, name, digits)
		}
		if slices.Contains(booleans, name) && c.want.text != "true" && c.want.text != "false" {
			r.fault(c.want.offset, "%s %s: %s, want %s as tokens have it, true or false", c.operator, c.want.shown(), so, name)
		}
	}
}

func isLowerHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}
