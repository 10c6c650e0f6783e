package dcap

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/azattest/azattest/evidence"
)

// Config is what a [Verifier] trusts.
type Config struct {
	// Roots are the trust anchors; nil means Intel's production root alone.
	Roots []Root
}

// Verifier checks quotes and collateral. It is safe for concurrent use. It
// remembers certificate chains and collateral whose signatures hold, by their
// bytes and up to a bound, so that the next quote of the same platform costs
// two signatures; windows of validity and revocation are checked each time, and
// nothing is remembered of a check that failed.
type Verifier struct {
	roots        []Root
	chains       *remembered[string, *pckChain]
	endorsements *remembered[endorsementKey, *endorsement]
}

// endorsementKey names collateral together with what it was checked against.
type endorsementKey struct {
	collateral [sha256.Size]byte
	root       int
	ca         [sha256.Size]byte
}

// NewVerifier returns a verifier. It returns an error if a root is the zero
// Root.
func NewVerifier(c Config) (*Verifier, error) {
	roots := append([]Root(nil), c.Roots...)
	if roots == nil {
		roots = []Root{IntelRoot()}
	}
	for i, r := range roots {
		if r.key == nil {
			return nil, fmt.Errorf("dcap: root %d is empty, want one of IntelRoot, NewRoot or RootFromPEM", i)
		}
	}
	return &Verifier{
		roots:        roots,
		chains:       newRemembered[string, *pckChain](maxRememberedChains),
		endorsements: newRemembered[endorsementKey, *endorsement](maxRememberedCollateral),
	}, nil
}

// Options is the input of one verification beside the quote.
type Options struct {
	// Collateral for the quote's platform. Required.
	Collateral *Collateral
	// At is the time for which everything must be valid. Required.
	At time.Time
	// TCBEvaluationDataNumber is the lowest number that TCB info and QE identity
	// may have, 0 for any.
	TCBEvaluationDataNumber int
	// AcceptStaleCollateral accepts collateral past its nextUpdate (pinned
	// collateral, or a site cut off from Intel). What was past it is named in
	// the result. Revocations newer than the collateral then go unnoticed.
	AcceptStaleCollateral bool
}

func (o Options) validate() error {
	if o.Collateral == nil {
		return fmt.Errorf("dcap: no collateral given, want the collateral of the quote's platform")
	}
	if o.At.IsZero() {
		return fmt.Errorf("dcap: no time given, want the time for which the quote is verified")
	}
	return nil
}

// Verification is what is true of a quote that is genuine.
type Verification struct {
	// PCK is what Intel certified of the platform. Shared: do not change it.
	PCK *PCK
	// QEReport is the report of the quoting enclave that signed.
	QEReport *EnclaveReport
	// TCB is the state of platform and quoting enclave.
	TCB *evidence.TCB
	// Collateral are the digests of the collateral that judged.
	Collateral CollateralHashes
	// Simulated is true under a simulator's root.
	Simulated bool
}

// Verify checks a quote: the certificate chain to a trusted root key, the
// quoting enclave's report and its binding of the attestation key, the quote's
// signature, the collateral down to the same root, revocation, and the quoting
// enclave's identity. It returns an *[evidence.Error] if anything of it does not
// hold; a bad TCB status is no error.
func (v *Verifier) Verify(ctx context.Context, q *Quote, o Options) (*Verification, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	chain, qe, err := v.signatures(q, o.At)
	if err != nil {
		return nil, err
	}
	e, err := v.endorsement(o.Collateral, chain.issuer)
	if err != nil {
		return nil, err
	}
	if err := e.matches(q.Header.TEE, chain.pck); err != nil {
		return nil, err
	}
	stale, err := e.check(o.At, o.AcceptStaleCollateral)
	if err != nil {
		return nil, err
	}
	if err := e.rootCRL.check(chain.ca); err != nil {
		return nil, err
	}
	if err := e.pckCRL.check(chain.leaf); err != nil {
		return nil, err
	}
	if err := e.isRecent(o.TCBEvaluationDataNumber); err != nil {
		return nil, err
	}
	if err := e.qeIdentity.matches(qe); err != nil {
		return nil, err
	}
	tcb := appraise(e.tcbInfo, chain.pck, e.qeIdentity, qe.ISVSVN)
	tcb.StaleCollateral = stale
	return &Verification{
		PCK: chain.pck, QEReport: qe, TCB: tcb, Collateral: e.hashes, Simulated: v.roots[chain.issuer.root].simulated,
	}, nil
}

func (v *Verifier) pckChain(q *Quote) (*pckChain, error) {
	pemText, err := q.CertificationData.pckChain()
	if err != nil {
		return nil, err
	}
	if chain, ok := v.chains.get(string(pemText)); ok {
		return chain, nil
	}
	chain, err := verifyPCKChain(pemText, v.roots)
	if err != nil {
		return nil, err
	}
	v.chains.put(string(pemText), chain)
	return chain, nil
}

func (v *Verifier) endorsement(c *Collateral, ca issuer) (*endorsement, error) {
	key := endorsementKey{collateral: c.digest, root: ca.root, ca: ca.id}
	if e, ok := v.endorsements.get(key); ok {
		return e, nil
	}
	e, err := verifyCollateral(c, v.roots[ca.root], ca)
	if err != nil {
		return nil, err
	}
	v.endorsements.put(key, e)
	return e, nil
}

// verifyQEReport checks that the platform's PCK signed the quoting enclave's
// report, and that the report binds the attestation key: its report data is
// SHA-256(attestation key ‖ authentication data) and 32 zero bytes.
func verifyQEReport(q *Quote, pck *ecdsa.PublicKey) (*EnclaveReport, error) {
	digest := sha256.Sum256(q.QEReport)
	if !verifyRaw(pck, digest[:], q.QEReportSignature) {
		return nil, &evidence.Error{
			Stage: evidence.StageQE, Code: evidence.CodeBadSignature, Part: "QE report", Offset: -1,
			Found: "the signature does not hold", Expected: "one by the PCK of the chain in the quote",
		}
	}
	report, err := ParseEnclaveReport(q.QEReport)
	if err != nil {
		return nil, err
	}
	h := sha256.New()
	h.Write(q.AttestationKey)
	h.Write(q.QEAuthData)
	var want [64]byte
	h.Sum(want[:0])
	if subtle.ConstantTimeCompare(report.ReportData[:], want[:]) != 1 {
		return nil, &evidence.Error{
			Stage: evidence.StageQE, Code: evidence.CodeMismatch, Part: "QE report: report data", Offset: -1,
			Found: fmt.Sprintf("%x", report.ReportData[:sha256.Size]), Expected: fmt.Sprintf("%x, the hash of attestation key and authentication data", want[:sha256.Size]),
		}
	}
	return report, nil
}

func verifyQuoteSignature(q *Quote) error {
	refuse := func(code evidence.Code, part, found, expected string) error {
		return &evidence.Error{Stage: evidence.StageSignature, Code: code, Part: part, Offset: -1, Found: found, Expected: expected}
	}
	var point [1 + attestationKeySize]byte
	point[0] = 4 // uncompressed
	copy(point[1:], q.AttestationKey)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point[:])
	if err != nil {
		return refuse(evidence.CodeMalformed, "attestation key", "no point on the curve", "a P-256 public key")
	}
	digest := sha256.Sum256(q.signed)
	if !verifyRaw(key, digest[:], q.Signature) {
		return refuse(evidence.CodeBadSignature, "quote", "the signature does not hold", "one by the attestation key over header and body")
	}
	return nil
}

// Platform says which collateral the quote needs. Unlike [Quote.Platform] it
// first checks the quote's certificate chain down to a trusted root, so that
// forged quotes do not make anybody ask for collateral. It returns an
// *[evidence.Error] if the chain does not hold.
func (v *Verifier) Platform(q *Quote) (Platform, error) {
	chain, err := v.pckChain(q)
	if err != nil {
		return Platform{}, err
	}
	return Platform{TEE: q.Header.TEE, FMSPC: chain.pck.FMSPC, CA: chain.pck.CA}, nil
}

// Platform says which collateral the quote needs. It reads the PCK certificate
// without trusting it.
func (q *Quote) Platform() (Platform, error) {
	_, pck, err := q.PCK()
	if err != nil {
		return Platform{}, err
	}
	return Platform{TEE: q.Header.TEE, FMSPC: pck.FMSPC, CA: pck.CA}, nil
}

// PCK reads the PCK certificate that the quote carries, and what it says of its
// platform, without trusting either. It returns an *[evidence.Error] if there is
// none, or if it is no PCK certificate by Intel's profile.
func (q *Quote) PCK() (*x509.Certificate, *PCK, error) {
	pemText, err := q.CertificationData.pckChain()
	if err != nil {
		return nil, nil, err
	}
	certs, err := ParseCertificates(pemText)
	if err != nil {
		return nil, nil, err
	}
	leaf, err := findLeaf(certs)
	if err != nil {
		return nil, nil, err
	}
	pck, err := parsePCK(leaf)
	if err != nil {
		return nil, nil, err
	}
	ca, ok := caNames[leaf.Issuer.CommonName]
	if !ok {
		return nil, nil, profileError(certificatePart(leaf),
			fmt.Sprintf("issuer %q", clip(leaf.Issuer.CommonName)), processorCAName+" or "+platformCAName)
	}
	pck.CA = ca
	return leaf, pck, nil
}
