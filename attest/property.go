package attest

import (
	"fmt"
	"strconv"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy"
)

const (
	// azureDefault is the baseline that holds where a policy names none.
	azureDefault = "azuredefault"
	// allPCRs must be quoted where a policy does not say which.
	allPCRs = 1<<24 - 1
	// defaultValidity is how long a report is valid, in minutes, unless a policy
	// says otherwise: as documented. The two that are public lived four days.
	defaultValidity = 24 * 60
)

// The names of properties.
const (
	propertyPCRMask  = "required_pcr_mask"
	propertyValidAIK = "require_valid_aik_cert"
	propertyValidity = "report_validity_in_minutes"
	propertyOmitX5C  = "omit_x5c"
)

// demands are what a policy's configuration rules demand of the verification.
type demands struct {
	// tcbIdentifier is the baseline of SGX, "" for other evidence.
	tcbIdentifier string
	// pcrs and validAIK are for TPMs.
	pcrs     uint32
	validAIK bool
}

// report is what the issuance rules say of the token for a TPM.
type report struct {
	validity int64 // minutes
	omitX5C  bool
}

// readProperties reads what the rules have set. A policy that sets a property
// which means nothing for this kind of evidence expects a check that nobody makes.
func readProperties(properties *claims.Set, t Type) (demands, report, error) {
	d, r := demands{}, report{validity: defaultValidity}
	if t == TPM {
		d.pcrs, d.validAIK = allPCRs, true
	} else {
		d.tcbIdentifier = azureDefault
	}
	for name, v := range properties.All() {
		if !readProperty(name, v, t, &d, &r) {
			want := claimTCBIdentifier
			if t == TPM {
				want = propertyPCRMask + ", " + propertyValidAIK + ", " + propertyValidity + ", " + propertyOmitX5C
			}
			return demands{}, report{}, &policy.EvaluationError{
				Problem: fmt.Sprintf("property %s = %s means nothing for %s, want %s or none", name, v, t, want),
			}
		}
	}
	return d, r, nil
}

// readProperty reports whether the property is one for this kind of evidence.
func readProperty(name string, v claims.Value, t Type, d *demands, r *report) bool {
	text, isText := v.Str()
	number, isNumber := v.Int()
	truth, isTruth := v.Bool()
	switch {
	case t != TPM && name == claimTCBIdentifier && isText:
		d.tcbIdentifier = text
	case t == TPM && name == propertyPCRMask && isNumber && number >= 0 && number <= allPCRs:
		d.pcrs = uint32(number)
	case t == TPM && name == propertyValidAIK && isTruth:
		d.validAIK = truth
	case t == TPM && name == propertyValidity && isNumber && number > 0 && number <= maxValidity:
		r.validity = number
	case t == TPM && name == propertyOmitX5C && isTruth:
		r.omitX5C = truth
	default:
		return false
	}
	return true
}

// describe says what is demanded, for messages.
func (d demands) describe(t Type) string {
	if t != TPM {
		return fmt.Sprintf("%s = %q", claimTCBIdentifier, d.tcbIdentifier)
	}
	return fmt.Sprintf("%s = %d and %s = %t", propertyPCRMask, d.pcrs, propertyValidAIK, d.validAIK)
}

// tcbNumber is the evaluation data number that a baseline stands for, 0 where there
// is none.
func (s *Service) tcbNumber(d demands) (int, error) {
	switch d.tcbIdentifier {
	case "":
		return 0, nil
	case azureDefault:
		return s.defaultTCB, nil
	}
	number, err := strconv.Atoi(d.tcbIdentifier)
	if err != nil || number <= 0 {
		return 0, &policy.EvaluationError{
			Problem: fmt.Sprintf("property %s is %q, want %q or a TCB evaluation data number", claimTCBIdentifier, d.tcbIdentifier, azureDefault),
		}
	}
	return number, nil
}
