package tpm

import (
	"context"
	"fmt"
	"slices"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// VerifierConfig is what a [Verifier] trusts and how it tells what it found.
type VerifierConfig struct {
	// AIKs vouch for AIKs by certificates. Nil: nobody does, so that aikValidated
	// is never true.
	AIKs *Authorities
	// AcceptSHA1 lets signatures hash with SHA-1, and PCRs of the SHA-1 bank prove
	// events, and those of other banks what old kernels extend there as SHA-1.
	// Whoever chooses what is measured, or what a TPM signs, can make two things that
	// look alike there.
	AcceptSHA1 bool
	// RefuseVersion1 refuses requests of version 1, in which nothing binds the key
	// that is confirmed to the TPM.
	RefuseVersion1 bool
	// PCRDigests is how the claim pcrs writes digests.
	PCRDigests DigestEncoding
}

// Verifier verifies requests of the TPM attestation protocol. It is immutable and
// safe for concurrent use.
type Verifier struct{ config VerifierConfig }

var _ evidence.Verifier = (*Verifier)(nil)

// NewVerifier returns a verifier.
func NewVerifier(c VerifierConfig) *Verifier { return &Verifier{config: c} }

// Parse is [Parse].
func (v *Verifier) Parse(raw []byte) (evidence.Evidence, error) {
	r, err := Parse(raw)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Verify checks a request that Parse returned: the AIK's certificate, the quote
// and that it answers the challenge, the PCRs that must be quoted, the logs against
// them, the keys, an enclave's report, and that the request is signed by the key
// that it names. Whether the challenge is one of the service's is for the caller to
// know, see [Request.Challenge].
//
// Without want.ValidAIK, an AIK whose certificate is missing or does not hold is
// taken as a bare key: the claim aikValidated is false then, and nothing is known
// of where the quote was made.
func (v *Verifier) Verify(_ context.Context, e evidence.Evidence, want evidence.Requirements) (*evidence.Result, error) {
	r, ok := e.(*Request)
	if !ok {
		return nil, fmt.Errorf("tpm: evidence is a %T, want what Parse returned", e)
	}
	if r.Version() == 1 && v.config.RefuseVersion1 {
		e := refuse(StageKey, evidence.CodeUnsupported, "request: JWS header.typ", typeV1, typeV2)
		e.Hint = "this service takes no requests of version 1, in which nothing binds the key to the TPM"
		return nil, e
	}
	aik, err := v.aik(r.current, want)
	if err != nil {
		return nil, err
	}
	qualifying, err := r.qualifyingData()
	if err != nil {
		return nil, err
	}
	f := &found{request: r, aik: aik}
	if f.quote, f.logs, err = v.verifyPlatform(r.current, aik, Requirements{QualifyingData: qualifying}, want.PCRs); err != nil {
		return nil, err
	}
	if err := v.verifyBoot(f, want.PCRs); err != nil {
		return nil, err
	}
	if err := v.verifyKeys(f); err != nil {
		return nil, err
	}
	if err := verifyEnclave(f); err != nil {
		return nil, err
	}
	return f.result(v.config.PCRDigests, want.Documents)
}

// aik returns the key that quotes.
func (v *Verifier) aik(p *platform, want evidence.Requirements) (*AIK, error) {
	aik, err := v.certifiedAIK(p, want)
	if err != nil {
		if want.ValidAIK {
			return nil, inRequest(err, p.path+".aik_cert")
		}
		key := p.key
		if key == nil {
			leaf, err := ParseCertificate(p.certificate)
			if err != nil {
				return nil, inRequest(err, p.path+".aik_cert")
			}
			key = leaf.PublicKey
		}
		if aik, err = AIKFromKey(key); err != nil {
			return nil, inRequest(err, p.path+".aik_pub")
		}
	}
	if p.key != nil && !equalKeys(aik.Key(), p.key) {
		return nil, refuse(StageKey, evidence.CodeMismatch, p.path+".aik_pub", "another key", "the key of aik_cert")
	}
	return aik, nil
}

// certifiedAIK returns the AIK if its certificate holds.
func (v *Verifier) certifiedAIK(p *platform, want evidence.Requirements) (*AIK, error) {
	problem := func(code evidence.Code, found, expected, hint string) error {
		e := refuse(evidence.StageChain, code, "AIK certificate", found, expected)
		e.Hint = hint
		return e
	}
	if p.certificate == nil {
		return nil, problem(evidence.CodeMissing, "none", "one, for the policy demands it",
			"enroll the AIK (azattest tpm enroll), or set require_valid_aik_cert to false in the policy")
	}
	if v.config.AIKs == nil {
		return nil, problem(evidence.CodeUntrustedRoot, "one", "none, for this service trusts no authority of AIKs", "configure the roots of AIK certificates")
	}
	leaf, err := ParseCertificate(p.certificate)
	if err != nil {
		return nil, err
	}
	return v.config.AIKs.VerifyAIK(leaf, nil, want.At)
}

// qualifyingData is what the quote must have signed.
func (r *Request) qualifyingData() ([]byte, error) {
	if r.key == nil || r.key.bindingHash == 0 {
		return r.challenge, nil
	}
	return RequestKeyBinding(r.key.bindingHash, string(r.key.text), r.challenge)
}

// verifyPlatform checks a quote, which PCRs it has, and the logs that explain them.
func (v *Verifier) verifyPlatform(p *platform, aik *AIK, of Requirements, mask uint32) (*Quote, []*eventlog.Proven, error) {
	of.AllowSHA1Signatures, of.AllowSHA1Banks = v.config.AcceptSHA1, true
	quote, err := aik.VerifyQuote(p.quote, p.signature, p.banks, of)
	if err != nil {
		return nil, nil, inRequest(err, p.path)
	}
	bank, err := v.bank(p, quote, mask)
	if err != nil {
		return nil, nil, err
	}
	values := make(map[int][]byte, len(bank.PCRs))
	for _, pcr := range bank.PCRs {
		values[pcr.Index] = pcr.Digest
	}
	proven, err := eventlog.ProveAll(p.logs, eventlog.Bank(bank.Algorithm), values)
	if err != nil {
		return nil, nil, p.fromLogs(err)
	}
	for _, p := range proven {
		if p.IsPaddedSHA1 && !v.config.AcceptSHA1 {
			p.Doubt()
		}
	}
	return quote, proven, nil
}

// bank chooses the bank that events are proven by: the strongest one that has all
// PCRs that must be quoted and that the logs know. One bank alone proves all of
// them, or a client would show in each what it likes.
func (v *Verifier) bank(p *platform, quote *Quote, mask uint32) (*Bank, error) {
	var chosen *Bank
	var quoted uint32
	for i := range quote.Banks {
		b := &quote.Banks[i]
		if b.Algorithm == SHA1 && !v.config.AcceptSHA1 {
			continue
		}
		quoted |= b.Mask()
		if b.Mask()&mask != mask {
			continue
		}
		if chosen == nil || p.logsKnow(b.Algorithm) && (!p.logsKnow(chosen.Algorithm) || b.Algorithm.size() > chosen.Algorithm.size()) {
			chosen = b
		}
	}
	if chosen == nil {
		e := refuse(StageQuote, evidence.CodeMissing, p.path+": PCRs", fmt.Sprintf("a quote of the PCRs %#06x", quoted), fmt.Sprintf("all of %#06x, in one bank", mask))
		if quoted&mask == mask {
			e.Found = "a quote of these PCRs spread over several banks"
		}
		e.Hint = "quote them, or set required_pcr_mask in the policy; the bank of SHA-1 does not count"
		if v.config.AcceptSHA1 {
			e.Hint = "quote them, or set required_pcr_mask in the policy"
		}
		return nil, e
	}
	return chosen, nil
}

// logsKnow reports whether all of firmware's logs have digests of a bank. What IMA
// measured can be proven in any.
func (p *platform) logsKnow(a Algorithm) bool {
	for _, l := range p.logs {
		if l.Format == eventlog.FormatIMABinary || l.Format == eventlog.FormatIMAASCII {
			continue
		}
		if !slices.Contains(l.Banks, eventlog.Bank(a)) {
			return false
		}
	}
	return true
}
