package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
)

// pcrsFlag is a list of PCRs: numbers and ranges, separated by commas.
type pcrsFlag []int

func (f *pcrsFlag) String() string {
	if len(*f) == 0 {
		return ""
	}
	return numbers(*f)
}

func (f *pcrsFlag) Set(text string) error {
	const last = 23
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.Atoi(from)
		end := first
		if isRange && err == nil {
			end, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || end < first || end > last {
			return fmt.Errorf("%q: want PCRs from 0 to %d, such as 0-7,11", part, last)
		}
		for pcr := first; pcr <= end; pcr++ {
			if !slices.Contains(*f, pcr) {
				*f = append(*f, pcr)
			}
		}
	}
	slices.Sort(*f)
	return nil
}

func (f *pcrsFlag) Type() string { return "pcrs" }

// banksFlag is a list of banks of PCRs.
type banksFlag []tpm.Algorithm

var tpmBanks = []tpm.Algorithm{tpm.SHA1, tpm.SHA256, tpm.SHA384, tpm.SHA512}

func bankNames() []string {
	names := make([]string, len(tpmBanks))
	for i, bank := range tpmBanks {
		names[i] = strings.ToLower(bank.String())
	}
	return names
}

func (f *banksFlag) String() string {
	names := make([]string, len(*f))
	for i, bank := range *f {
		names[i] = strings.ToLower(bank.String())
	}
	return strings.Join(names, ",")
}

func (f *banksFlag) Set(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		bank := bankNamed(strings.TrimSpace(name))
		if bank == 0 {
			return fmt.Errorf("%q: want some of %s", name, strings.Join(bankNames(), ", "))
		}
		if !slices.Contains(*f, bank) {
			*f = append(*f, bank)
		}
	}
	return nil
}

func (f *banksFlag) Type() string { return "banks" }

// customClaimsFlag are claims of the caller's, each name=value or name:type=value.
type customClaimsFlag []collect.CustomClaim

func (f *customClaimsFlag) String() string {
	texts := make([]string, len(*f))
	for i, c := range *f {
		texts[i] = c.Name + ":" + strings.ToLower(string(c.ValueType)) + "=" + c.Value
	}
	return strings.Join(texts, " ")
}

func (f *customClaimsFlag) Set(text string) error {
	name, value, ok := strings.Cut(text, "=")
	c := collect.CustomClaim{Name: name, Value: value, ValueType: collect.ClaimString}
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		c.Name = name[:i]
		switch name[i+1:] {
		case "string":
		case "integer":
			c.ValueType = collect.ClaimInteger
			_, err := strconv.ParseInt(value, 10, 64)
			ok = ok && err == nil
		case "boolean":
			c.ValueType = collect.ClaimBoolean
			ok = ok && (value == "true" || value == "false")
		default:
			ok = false
		}
	}
	if !ok || c.Name == "" {
		return fmt.Errorf("%q: want name=value, name:integer=7 or name:boolean=true", text)
	}
	*f = append(*f, c)
	return nil
}

func (f *customClaimsFlag) Type() string { return "claim" }
