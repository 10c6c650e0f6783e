package tpm

import (
	"crypto"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// The names of the attestation types, as policies read them.
const (
	typeTPM = "tpm"
	typeVBS = "vbs"
)

// found is what a verification has found so far.
type found struct {
	request *Request
	aik     *AIK
	quote   *Quote
	logs    []*eventlog.Proven
	// bootQuote and bootLogs are nil without a boot attestation.
	bootQuote *Quote
	bootLogs  []*eventlog.Proven
	// key and otherKeys are the objects that policies read of the keys.
	key       claims.Value
	otherKeys []claims.Value
}

// result makes claims of what was found. All but what the token confirms is for
// the policy alone: a report says what the policy issues.
func (f *found) result(encoding DigestEncoding, documents bool) (*evidence.Result, error) {
	r := f.request
	result := &evidence.Result{Type: typeTPM, PolicyOnly: f.quote.Claims(encoding), TokenOnly: new(claims.Set), Custom: r.custom}
	f.addOwn(result.PolicyOnly)
	f.addBoot(result.PolicyOnly)
	if documents {
		f.addDocuments(result.PolicyOnly)
	}
	hasEnclave := claims.Boolean(r.enclave != nil)
	result.PolicyOnly.Add("vbsReportPresent", hasEnclave)
	result.PolicyOnly.Add("vsmReportPresent", hasEnclave) // as one of Microsoft's samples has it
	if r.enclave != nil {
		result.Type = typeVBS
		result.PolicyOnly.AddAll(r.enclave.Claims())
	}
	if err := f.addKeys(result); err != nil {
		return nil, err
	}
	if r.rpData != nil {
		result.TokenOnly.Add("rp_data", claims.String(*r.rpData))
		result.TokenOnly.Add("nonce", claims.String(*r.rpData))
	}
	return result, nil
}

// addKeys states the keys: in the token under RFC 7800 and, of version 2, with how
// they are bound; to policies as JSON text.
func (f *found) addKeys(result *evidence.Result) error {
	const requestKeyClaim = "x-ms-tpm-request-key"
	r := f.request
	if r.key != nil {
		jwk, err := jwkOf(r.key.key)
		if err != nil {
			return err
		}
		confirmation := new(claims.Set)
		confirmation.Add("jwk", claims.Object(jwk))
		result.TokenOnly.Add("cnf", claims.Object(confirmation))
		if r.jws.version == 2 {
			text, _ := f.key.RawJSON()
			result.PolicyOnly.Add(requestKeyClaim, claims.String(text))
			result.TokenOnly.Add(requestKeyClaim, f.key)
		}
	}
	if len(f.otherKeys) > 0 {
		texts := make([]string, 0, len(f.otherKeys))
		for _, k := range f.otherKeys {
			text, _ := k.RawJSON()
			texts = append(texts, text)
		}
		result.PolicyOnly.Add("x-ms-tpm-other-keys", claims.String("["+strings.Join(texts, ",")+"]"))
	}
	return nil
}

// jwkOf returns a key as tokens have it.
func jwkOf(key crypto.PublicKey) (*claims.Set, error) {
	jwk, err := NewJWK(key)
	if err != nil {
		return nil, fmt.Errorf("tpm: %w", err)
	}
	set := new(claims.Set)
	for _, m := range [][2]string{{"kty", jwk.Kty}, {"n", jwk.N}, {"e", jwk.E}, {"crv", jwk.Crv}, {"x", jwk.X}, {"y", jwk.Y}} {
		if m[1] != "" {
			set.Add(m[0], claims.String(m[1]))
		}
	}
	return set, nil
}

// addOwn states by which bank the logs were proven, what is in no log, and what the
// TPM says of its time. Microsoft's service has no such claims.
func (f *found) addOwn(to *claims.Set) {
	// Firmware leaves a bank empty that it does not know, and who runs on it can fill
	// that: a policy may want the one that the machine is known to measure into.
	for _, index := range f.logs[0].Unexplained {
		to.Add("x-azattest-tpm-unexplained-pcrs", claims.Integer(int64(index)))
	}
	to.Add("x-azattest-tpm-bank", claims.String(Algorithm(f.logs[0].Bank).String()))
	c := &f.quote.Attest.Clock
	to.Add("x-azattest-tpm-clock", claims.Integer(int64(min(c.Clock, math.MaxInt64))))
	to.Add("x-azattest-tpm-clock-safe", claims.Boolean(c.IsSafe))
	to.Add("x-azattest-tpm-reset-count", claims.Integer(int64(c.ResetCount)))
	to.Add("x-azattest-tpm-restart-count", claims.Integer(int64(c.RestartCount)))
}

// addDocuments states what the logs prove as version 1.2 of the policy language
// reads it.
func (f *found) addDocuments(to *claims.Set) {
	to.Add("events", claims.String(string(eventlog.Document(f.logs...))))
	if f.bootQuote != nil {
		to.Add("bootEvents", claims.String(string(eventlog.Document(f.bootLogs...))))
	}
}

// addBoot states what the logs prove of the boot as version 1.0 reads it. What is not
// proven is false.
func (f *found) addBoot(to *claims.Set) {
	// What Windows was started with stands in the log of the start, and what woke
	// it in the log of that.
	all, speaking, start := slices.Concat(f.bootLogs, f.logs), f.logs, f.logs
	if f.isResumedFromBoot() {
		speaking, start = all, f.bootLogs
	}
	knowsStart := isWindows(start) && !isResumed(start)
	// For a boot speaks what it measured itself, against it whatever was measured.
	always := func(ids ...uint32) bool {
		return switches(speaking, (*eventlog.Proven).BootSwitch, ids).IsOn && !switches(all, (*eventlog.Proven).Switch, ids).IsOff
	}
	never := func(ids ...uint32) bool {
		return switches(speaking, (*eventlog.Proven).BootSwitch, ids).IsOff && !switches(all, (*eventlog.Proven).Switch, ids).IsOn
	}
	notOn := func(id uint32) bool {
		return knowsStart && !switches(all, (*eventlog.Proven).Switch, []uint32{id}).IsOn
	}
	to.Add("secureBootEnabled", claims.Boolean(secureBoot(f.logs) && (f.bootQuote == nil || secureBoot(f.bootLogs))))
	to.Add("iommuEnabled", claims.Boolean(always(eventlog.TagVBSIOMMURequired)))
	to.Add("bootDebuggingDisabled", claims.Boolean(never(eventlog.TagBootDebugging)))
	// Microsoft's own policies take it that Windows may leave these two out where
	// they are off. Where its start is not proven, nothing is known of them.
	to.Add("notSafeMode", claims.Boolean(notOn(eventlog.TagSafeMode)))
	to.Add("notWinPE", claims.Boolean(notOn(eventlog.TagWinPE)))
	to.Add("vbsEnabled", claims.Boolean(always(eventlog.TagVBSVSMRequired, eventlog.TagMandatoryEnforcement)))
}

// isResumedFromBoot reports whether what runs now was resumed from the boot that was
// quoted before, so that this speaks for it. A TPM counts the start of another system
// as a resume, too, if who shut down wants it so, and does not say which of several
// starts was resumed: so there must be one between them, which its log shows to be a
// resume.
func (f *found) isResumedFromBoot() bool {
	return f.bootQuote != nil && isWindows(f.logs) && isResumed(f.logs) &&
		f.quote.Attest.Clock.RestartCount-f.bootQuote.Attest.Clock.RestartCount == 1
}

// isWindows reports whether logs are those of a Windows boot, all of it.
func isWindows(logs []*eventlog.Proven) bool {
	return slices.ContainsFunc(logs, (*eventlog.Proven).IsWindowsBoot)
}

// isResumed reports whether logs are those of a resume from hibernation.
func isResumed(logs []*eventlog.Proven) bool {
	return slices.ContainsFunc(logs, (*eventlog.Proven).IsResumed)
}

// debugMode is what firmware measures into PCR 7 that lets a debugger in, which then
// lets everything in.
const debugMode = "UEFI Debug Mode"

// secureBoot reports whether the firmware ran signed programs only.
func secureBoot(logs []*eventlog.Proven) bool {
	for _, p := range logs {
		if state, err := p.SecureBoot(); err == nil && state != nil && state.IsEnabled && !slices.Contains(state.Actions, debugMode) {
			return true
		}
	}
	return false
}

// switches takes what several logs say as one.
func switches(logs []*eventlog.Proven, of func(*eventlog.Proven, ...uint32) eventlog.Switch, ids []uint32) eventlog.Switch {
	var s eventlog.Switch
	for _, p := range logs {
		one := of(p, ids...)
		s.IsOn, s.IsOff = s.IsOn || one.IsOn, s.IsOff || one.IsOff
	}
	return s
}
