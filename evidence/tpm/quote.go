package tpm

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/azattest/azattest/claims"
	"github.com/azattest/azattest/evidence"
)

// Requirements is what a quote or a certification must be.
type Requirements struct {
	// QualifyingData is what must be signed as extraData: the challenge, or what
	// [RequestKeyBinding] makes of it. It must not be empty.
	QualifyingData []byte
	// AllowSHA1Signatures lets a signature hash with SHA-1, as old quotes and
	// Windows' own certifications do. Somebody who makes a TPM sign one thing may
	// then show another.
	AllowSHA1Signatures bool
	// AllowSHA1Banks lets a quote have the SHA-1 bank. Whoever chooses what is
	// measured can make two boots that leave the same values there.
	AllowSHA1Banks bool
	// anyData is for a quote that was made before there was a challenge.
	anyData bool
}

// Quote is a quote that holds.
type Quote struct {
	// Attest is what was signed: clock, counts and the firmware's version.
	Attest *Attest
	// Banks are the PCRs that the quote proves, as selected.
	Banks []Bank
	// AIK signed it.
	AIK *AIK
}

// VerifyQuote checks a quote by this AIK and the PCR values that go with it: the
// signature, that a TPM made it, the qualifying data and the PCRs' digest. Banks
// may stand in any order, and PCRs in any order within one, but there must be
// exactly those that are quoted.
func (a *AIK) VerifyQuote(attest []byte, s *Signature, banks []Bank, want Requirements) (*Quote, error) {
	signed, err := a.open(attest, s, want)
	if err != nil {
		return nil, err
	}
	if signed.Quote == nil {
		return nil, refuse(StageQuote, evidence.CodeMismatch, "TPMS_ATTEST: type", signed.Type.String(), AttestQuote.String())
	}
	if err := checkQualifyingData(StageQuote, signed, want); err != nil {
		return nil, err
	}
	for _, selected := range signed.Quote.Selection {
		if selected.Bank == SHA1 && !want.AllowSHA1Banks {
			return nil, refuse(StageQuote, evidence.CodeUnsupported, "PCR selection", "bank SHA1", "banks of SHA256, SHA384 or SHA512")
		}
	}
	arranged, err := arrange(signed.Quote.Selection, banks)
	if err != nil {
		return nil, err
	}
	var values [][]byte
	for _, b := range arranged {
		for _, p := range b.PCRs {
			values = append(values, p.Digest)
		}
	}
	if digest := s.Hash.sum(values...); !bytes.Equal(digest, signed.Quote.Digest) {
		return nil, refuse(StageQuote, evidence.CodeMismatch, "TPMS_QUOTE_INFO: pcrDigest",
			hex.EncodeToString(signed.Quote.Digest), fmt.Sprintf("%x, the %s of the PCR values", digest, s.Hash))
	}
	return &Quote{Attest: signed, Banks: arranged, AIK: a}, nil
}

func checkQualifyingData(stage evidence.Stage, signed *Attest, want Requirements) error {
	if want.anyData || bytes.Equal(signed.ExtraData, want.QualifyingData) {
		return nil
	}
	e := refuse(stage, evidence.CodeMismatch, "TPMS_ATTEST: extraData", hex.EncodeToString(signed.ExtraData), hex.EncodeToString(want.QualifyingData))
	e.Hint = "it was made for another challenge or another request key"
	return e
}

// Bank returns the PCRs of one algorithm that the quote proves.
func (q *Quote) Bank(a Algorithm) (Bank, bool) {
	i := slices.IndexFunc(q.Banks, func(b Bank) bool { return b.Algorithm == a })
	if i < 0 {
		return Bank{}, false
	}
	return q.Banks[i], true
}

// Mask has bit i set if PCR i is quoted in at least one bank.
func (q *Quote) Mask() uint32 {
	var mask uint32
	for _, b := range q.Banks {
		mask |= b.Mask()
	}
	return mask
}

// Claims returns what a policy reads of a quote: aikValidated, aikPubHash,
// tpmVersion and pcrs.
func (q *Quote) Claims(encoding DigestEncoding) *claims.Set {
	s := new(claims.Set)
	s.Add("aikValidated", claims.Boolean(q.AIK.IsValidated()))
	s.Add("aikPubHash", claims.String(q.AIK.Hash()))
	s.Add("tpmVersion", claims.Integer(2))
	s.Add("pcrs", claims.String(PCRDocument(q.Banks, encoding)))
	return s
}

// RequestKeyBinding returns the qualifying data of a quote that binds a request
// key: the hash of the JWK's text exactly as sent, a zero byte and the challenge.
// The text must have no zero byte of its own, or two pairs of key and challenge
// would have the same binding.
func RequestKeyBinding(hash Algorithm, jwk string, challenge []byte) ([]byte, error) {
	const part = "request key binding"
	switch hash {
	case SHA256, SHA384, SHA512:
	default:
		return nil, refuse(StageQuote, evidence.CodeUnsupported, part, "hash "+hash.String(), "SHA256, SHA384 or SHA512")
	}
	if len(challenge) == 0 || jwk == "" {
		return nil, refuse(StageQuote, evidence.CodeMissing, part, "no key or no challenge", "both")
	}
	if i := slices.Index([]byte(jwk), 0); i >= 0 {
		return nil, refuse(StageQuote, evidence.CodeMalformed, part, fmt.Sprintf("a zero at byte %d of the JWK", i), "JSON text")
	}
	return hash.sum([]byte(jwk), []byte{0}, challenge), nil
}
