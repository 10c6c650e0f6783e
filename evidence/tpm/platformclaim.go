package tpm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/azattest/azattest/evidence"
)

// PlatformClaim is what Windows says of a platform: a quote, its signature and
// the PCRs, not trusted. [AIK.VerifyQuote] checks it; its arguments are the
// fields Quote, Signature and Banks.
type PlatformClaim struct {
	// Quote is a TPMS_ATTEST of a quote.
	Quote     []byte
	Signature *Signature
	// Banks is the one bank of the claim, with the PCRs that the quote selects.
	// The values of other PCRs are left away, for nothing proves them.
	Banks []Bank
	// Log is the log of measurements in a blob of the PCP tool, nil if there is
	// none. Blobs of NCryptCreateClaim have none.
	Log []byte
}

// Magic numbers, as they stand in the blob.
const (
	magicStatement = "TPLA" // NCRYPT_TPM_PLATFORM_ATTESTATION_STATEMENT
	magicBackwards = "ALPT" // the same, see ParsePlatformClaim
	magicBlob      = "PADS" // PCP_PLATFORM_ATTESTATION_BLOB
	magicBlob2     = "PAD2" // PCP_PLATFORM_ATTESTATION_BLOB2
)

const (
	statementHeaderSize = 24
	statementVersion    = 0 // NCRYPT_TPM_PLATFORM_ATTESTATION_STATEMENT_V0
	blobHeaderSize      = 28
	blob2HeaderSize     = 32
	// TPM_VERSION_12 and TPM_VERSION_20 of tbs.h.
	platformTPM12 = 1
	platformTPM20 = 2
)

// ParsePlatformClaim reads a platform claim (NCRYPT_CLAIM_PLATFORM), all of it,
// of either form that Windows has. Numbers are little-endian and of 32 bits:
//
//   - What NCryptCreateClaim returns since Windows 10 1809, as ncrypt.h has it
//     (NCRYPT_TPM_PLATFORM_ATTESTATION_STATEMENT): magic, Version 0, pcrAlg,
//     cbSignature, cbQuote, cbPcrs; then a TPMT_SIGNATURE, a TPMS_ATTEST, and the
//     24 PCRs of bank pcrAlg one after the other. Of the magic the header's comment
//     gives both orders of its letters. It should be "TPLA", as the same comment of
//     the statement "KAWA" shows; "ALPT" is read, too.
//   - What Microsoft's PCP tool makes (PCPTool of microsoft/TSS.MSR: TpmAtt.h,
//     AttestationApi.cpp, TPM20.cpp): magic "PADS" or "PAD2", Platform (1 is TPM
//     1.2, which is refused, 2 is TPM 2.0), HeaderSize 28 or 32, cbPcrValues,
//     cbQuote, cbSignature, cbLog and in "PAD2" PcrAlgorithmId; then 24 PCRs, a
//     TPMS_ATTEST, the bare bytes of a signature by RSASSA, and a log. The bank of
//     "PADS" is SHA-1. The signature's hash is not stated, but is the one with
//     which the TPM made the quote's digest of PCRs, whose length tells it.
//
// No claim of a real machine is public. The reader follows the declarations and
// was tested with claims of our own making, around quotes of real TPMs.
func ParsePlatformClaim(raw []byte) (*PlatformClaim, error) {
	r := newReader(raw, maxPlatformClaim, "platform claim")
	magic := string(r.take(4, "platform claim: Magic"))
	if err := r.problem(); err != nil {
		return nil, err
	}
	switch magic {
	case magicStatement, magicBackwards:
		return parseStatement(r)
	case magicBlob:
		return parseBlob(r, "PCP_PLATFORM_ATTESTATION_BLOB", blobHeaderSize)
	case magicBlob2:
		return parseBlob(r, "PCP_PLATFORM_ATTESTATION_BLOB2", blob2HeaderSize)
	default:
		r.fail(evidence.CodeUnsupported, "platform claim: Magic", 0, fmt.Sprintf("% x", magic), `"TPLA", "PADS" or "PAD2"`)
		return nil, r.problem()
	}
}

// parseStatement reads what follows the magic of NCryptCreateClaim's form.
func parseStatement(r *reader) (*PlatformClaim, error) {
	const part = "NCRYPT_TPM_PLATFORM_ATTESTATION_STATEMENT"
	c := &claimReader{reader: r, part: part}
	c.want("Version", statementVersion)
	c.algorithm("pcrAlg")
	cbSignature := c.size("cbSignature", maxSignature)
	cbQuote := c.size("cbQuote", maxAttest)
	cbPcrs := c.size("cbPcrs", pcrCount*maxDigest)
	c.sum(cbSignature, cbQuote, cbPcrs)
	claim := &PlatformClaim{}
	at := r.offset
	signature := r.take(cbSignature, part+": Signature")
	c.quote(claim, cbQuote)
	c.pcrs(r.take(cbPcrs, part+": Pcrs"))
	if err := r.problem(); err != nil {
		return nil, err
	}
	s, err := ParseSignature(signature)
	if err != nil {
		return nil, within(err, at)
	}
	claim.Signature = s
	if err := c.selected(claim); err != nil {
		return nil, err
	}
	return claim, nil
}

// parseBlob reads what follows the magic of the PCP tool's forms.
func parseBlob(r *reader, part string, headerSize uint32) (*PlatformClaim, error) {
	c := &claimReader{reader: r, part: part, bank: SHA1}
	if platform := c.want("Platform", platformTPM20); platform == platformTPM12 {
		r.err.Hint = "TPM 1.2 is not verified here"
	}
	c.want("HeaderSize", headerSize)
	cbPcrs := c.size("cbPcrValues", pcrCount*maxDigest)
	cbQuote := c.size("cbQuote", maxAttest)
	cbSignature := c.size("cbSignature", maxRSABits/8)
	cbLog := c.size("cbLog", maxPlatformClaim)
	if headerSize == blob2HeaderSize {
		c.algorithm("PcrAlgorithmId")
	}
	c.sum(cbPcrs, cbQuote, cbSignature, cbLog)
	claim := &PlatformClaim{}
	c.pcrs(r.take(cbPcrs, part+": PCR values"))
	c.quote(claim, cbQuote)
	signatureAt := r.offset
	signature := r.take(cbSignature, part+": signature")
	if cbLog > 0 {
		claim.Log = r.take(cbLog, part+": log")
	}
	if err := r.problem(); err != nil {
		return nil, err
	}
	if err := c.selected(claim); err != nil {
		return nil, err
	}
	s, err := RawSignature(RSASSA, c.digestHash, signature)
	if err != nil {
		return nil, within(err, signatureAt)
	}
	claim.Signature = s
	return claim, nil
}

// claimReader reads the fields of a claim's header and what they measure.
type claimReader struct {
	*reader
	part   string
	bank   Algorithm
	values []byte // 24 PCRs of bank

	attestAt   int
	digestHash Algorithm // with which the quote's digest was made
}

func (c *claimReader) field(name string) uint32 {
	if b := c.take(4, c.part+": "+name); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// want reads a field that has one value.
func (c *claimReader) want(name string, value uint32) uint32 {
	at := c.offset
	got := c.field(name)
	if got != value {
		c.fail(evidence.CodeUnsupported, c.part+": "+name, at, strconv.FormatUint(uint64(got), 10), strconv.FormatUint(uint64(value), 10))
	}
	return got
}

// algorithm reads the bank of the PCRs.
func (c *claimReader) algorithm(name string) {
	at := c.offset
	id := c.field(name)
	if id > 0xffff || Algorithm(id).size() == 0 {
		c.fail(evidence.CodeUnsupported, c.part+": "+name, at, fmt.Sprintf("0x%04x", id), "SHA1, SHA256, SHA384 or SHA512")
		return
	}
	c.bank = Algorithm(id)
}

// size reads a length and holds it against its bound.
func (c *claimReader) size(name string, most int) int {
	at := c.offset
	n := c.field(name)
	if uint64(n) > uint64(most) { //nolint:gosec // G115: a bound of this package
		c.fail(evidence.CodeTooLarge, c.part+": "+name, at, fmt.Sprintf("%d bytes", n), fmt.Sprintf("at most %d", most))
		return 0
	}
	return int(n)
}

// sum wants the parts to be all that follows the header, which has been read.
func (c *claimReader) sum(parts ...int) {
	total := 0
	for _, n := range parts {
		total += n
	}
	switch rest := len(c.rest); {
	case c.err != nil:
	case total > rest:
		c.fail(evidence.CodeTruncated, c.part, c.offset, fmt.Sprintf("%d bytes after the header", rest), fmt.Sprintf("%d, as its sizes say", total))
	case total < rest:
		c.fail(evidence.CodeTrailingData, c.part, c.offset+total, fmt.Sprintf("%d more bytes", rest-total), "the end")
	}
}

// quote takes the quote.
func (c *claimReader) quote(claim *PlatformClaim, n int) {
	c.attestAt = c.offset
	if n == 0 {
		c.fail(evidence.CodeMissing, c.part+": cbQuote", c.offset, "no quote", "one")
	}
	claim.Quote = c.take(n, c.part+": quote")
}

// pcrs wants the values of all PCRs.
func (c *claimReader) pcrs(values []byte) {
	if want := pcrCount * c.bank.size(); len(values) != want {
		c.fail(evidence.CodeMalformed, c.part+": PCR values", c.offset-len(values), fmt.Sprintf("%d bytes", len(values)), fmt.Sprintf("%d, 24 PCRs of %s", want, c.bank))
	}
	c.values = values
}

// selected reads the quote and picks the PCRs that it selects.
func (c *claimReader) selected(claim *PlatformClaim) error {
	a, err := ParseAttest(claim.Quote)
	if err != nil {
		return within(err, c.attestAt)
	}
	if a.Quote == nil {
		c.fail(evidence.CodeMismatch, "TPMS_ATTEST: type", c.attestAt+4, a.Type.String(), AttestQuote.String())
		return c.problem()
	}
	if n := len(a.Quote.Selection); n != 1 || a.Quote.Selection[0].Bank != c.bank {
		c.fail(evidence.CodeMismatch, "TPML_PCR_SELECTION", c.attestAt, fmt.Sprintf("%v", a.Quote.Selection), "the bank of the claim, "+c.bank.String())
		return c.problem()
	}
	for _, h := range []Algorithm{SHA1, SHA256, SHA384, SHA512} {
		if len(a.Quote.Digest) == h.size() {
			c.digestHash = h
		}
	}
	mask, size := a.Quote.Selection[0].Mask, c.bank.size()
	bank := Bank{Algorithm: c.bank, PCRs: make([]PCR, 0, bits.OnesCount32(mask))}
	for i := range pcrCount {
		if mask&(1<<i) != 0 {
			bank.PCRs = append(bank.PCRs, PCR{Index: i, Digest: c.values[i*size : (i+1)*size : (i+1)*size]})
		}
	}
	claim.Banks = []Bank{bank}
	return nil
}

// within moves the offset of an error in a part to the whole that it is in.
func within(err error, offset int) error {
	if e, ok := errors.AsType[*evidence.Error](err); ok && e.Offset >= 0 {
		e.Offset += offset
	}
	return err
}
