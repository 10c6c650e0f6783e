package policy

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/policy/syntax"
)

// property is something that issueproperty can set.
type property struct {
	name string
	// section is the only one in which setting it has an effect: before the
	// verification, or with the token.
	section syntax.SectionKind
	kind    claims.Kind
	// check returns what the value should have been, "" if it is right. It is
	// called with a value of the right kind only.
	check func(claims.Value) string
	// types are the kinds of attestation for which it means something.
	types []string
}

var (
	intelTypes = []string{"SgxEnclave", "OpenEnclave"}
	tpmTypes   = []string{"Tpm", "VbsEnclave"}
)

const (
	// azureDefault is the TCB baseline that the service itself chooses.
	azureDefault = "azuredefault"
	// pcrMask has a bit for each of the 24 PCRs that a TPM has.
	pcrMask = 1<<24 - 1
	// maxValidity is the longest life of a TPM report, a year in minutes.
	maxValidity = 365 * 24 * 60
)

// properties are all there are. What the service does with others is not known;
// here they are faults, lest a misspelled baseline goes unnoticed.
var properties = [...]property{
	{"x-ms-sgx-tcbidentifier", syntax.Configuration, claims.KindString, checkTCBIdentifier, intelTypes},
	{"required_pcr_mask", syntax.Configuration, claims.KindInteger, within(0, pcrMask), tpmTypes},
	{"require_valid_aik_cert", syntax.Configuration, claims.KindBoolean, anything, tpmTypes},
	{"report_validity_in_minutes", syntax.Issuance, claims.KindInteger, within(1, maxValidity), tpmTypes},
	{"omit_x5c", syntax.Issuance, claims.KindBoolean, anything, tpmTypes},
}

func propertyNamed(name string) (property, bool) {
	i := slices.IndexFunc(properties[:], func(p property) bool { return p.name == name })
	if i < 0 {
		return property{}, false
	}
	return properties[i], true
}

func (p property) isFor(attestationType string) bool {
	return slices.Contains(p.types, attestationType)
}

func propertyNames() []string {
	names := make([]string, 0, len(properties))
	for _, p := range properties {
		names = append(names, p.name)
	}
	return names
}

// fault returns what is wrong with setting the property to v, or "".
func (p property) fault(v claims.Value) string {
	if v.Kind() != p.kind {
		return fmt.Sprintf("property %s is set to %s (%s), want %s", p.name, shown(v), v.Kind(), p.kind)
	}
	if want := p.check(v); want != "" {
		return fmt.Sprintf("property %s is set to %s, want %s", p.name, shown(v), want)
	}
	return ""
}

func anything(claims.Value) string { return "" }

func within(least, most int64) func(claims.Value) string {
	return func(v claims.Value) string {
		if i, _ := v.Int(); i < least || i > most {
			return fmt.Sprintf("an integer from %d to %d", least, most)
		}
		return ""
	}
}

// checkTCBIdentifier wants "azuredefault" or a TCB evaluation data number.
// Numbers are those that Intel gives out, positive and without leading zeros.
func checkTCBIdentifier(v claims.Value) string {
	text, _ := v.Str()
	if text == azureDefault {
		return ""
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n > 0 && strconv.FormatInt(n, 10) == text {
		return ""
	}
	return `"` + azureDefault + `" or a TCB evaluation data number such as "15"`
}

// shown is a value for messages, in quotation marks and cut off if long.
func shown(v claims.Value) string {
	const most = 1 << 10 // bytes that are more than clip leaves
	if s, ok := v.Str(); ok && len(s) > most {
		v = claims.String(s[:most])
	}
	return clip(string(v.AppendJSON(nil)))
}

// clip cuts off a long text.
func clip(text string) string {
	const most = 80 // runes
	runes := 0
	for i := range text {
		if runes == most {
			return text[:i] + "…"
		}
		runes++
	}
	return text
}
