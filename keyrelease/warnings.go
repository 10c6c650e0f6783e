package keyrelease

import "strings"

// hexDigits are how long the values of claims are that Azure Attestation writes in
// lower-case hex: fixed fields of the hardware's reports.
var hexDigits = map[string]int{
	"x-ms-sgx-mrenclave": 64, "x-ms-sgx-mrsigner": 64, "x-ms-sgx-report-data": 128, "x-ms-sgx-config-id": 128,
	"x-ms-sgx-isv-extended-product-id": 32, "x-ms-sgx-isv-family-id": 32,

	"x-ms-sevsnpvm-launchmeasurement": 96, "x-ms-sevsnpvm-hostdata": 64, "x-ms-sevsnpvm-reportdata": 128, "x-ms-sevsnpvm-reportid": 64,
	"x-ms-sevsnpvm-authorkeydigest": 96, "x-ms-sevsnpvm-idkeydigest": 96, "x-ms-sevsnpvm-familyId": 32, "x-ms-sevsnpvm-imageId": 32,

	"tdx_mrtd": 96, "tdx_mrseam": 96, "tdx_mrsignerseam": 96, "tdx_mrconfigid": 96, "tdx_mrowner": 96, "tdx_mrownerconfig": 96,
	"tdx_rtmr0": 96, "tdx_rtmr1": 96, "tdx_rtmr2": 96, "tdx_rtmr3": 96, "tdx_report_data": 128, "tdx_tee_tcb_svn": 32,
	"tdx_seam_attributes": 16, "tdx_td_attributes": 16, "tdx_xfam": 16,
}

// Warnings returns what the grammar allows and nobody means, in the order of the
// policy, at most 20: a measurement in capitals, with 0x before it or too short equals
// that of no token, and with notEquals it keeps nobody out.
func (p *Policy) Warnings() []Fault {
	r := reader{places: places{text: p.text}}
	r.warn(p.authorities)
	return r.faults
}

func (r *reader) warn(conditions []condition) {
	for i := range conditions {
		c := &conditions[i]
		r.warn(c.parts)
		name := c.path[strings.LastIndexByte(c.path, '.')+1:]
		digits, isHex := hexDigits[name]
		if !isHex || c.operator != OperatorEquals && c.operator != OperatorNotEquals || isLowerHex(c.want.text, digits) {
			continue
		}
		so := "no token equals that"
		if c.operator == OperatorNotEquals {
			so = "every token differs from that"
		}
		r.fault(c.want.offset, "%s %s: %s, want %s as tokens have it, in %d digits of lower-case hex", c.operator, c.want.shown(), so, name, digits)
	}
}

func isLowerHex(text string, digits int) bool {
	return len(text) == digits && strings.Trim(text, "0123456789abcdef") == ""
}
