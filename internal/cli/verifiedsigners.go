package cli

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/relyingparty"
)

// verifiedSigners is what signers verify --json prints.
type verifiedSigners struct {
	// Verified says that there are certificates with a report and that all of those
	// hold.
	Verified bool      `json:"verified"`
	Endpoint string    `json:"endpoint,omitempty"`
	At       time.Time `json:"at"`
	// TCBJudged says whether there was collateral to judge platforms by,
	// IdentityDemanded whether it mattered whose enclave it is.
	TCBJudged        bool             `json:"tcbJudged"`
	IdentityDemanded bool             `json:"identityDemanded"`
	Holding          int              `json:"holding"`
	Failed           int              `json:"failed"`
	Unsupported      int              `json:"unsupported"`
	WithoutReport    int              `json:"withoutReport"`
	Signers          []verifiedSigner `json:"signers"`
}

// verifiedSigner is one key and what is true of it.
type verifiedSigner struct {
	shownSigner
	Verified bool `json:"verified"`
	// Identity is there as soon as the report is known to be genuine.
	Identity        *shownIdentity     `json:"identity,omitempty"`
	TCBStatus       evidence.TCBStatus `json:"tcbStatus,omitempty"`
	AdvisoryIDs     []string           `json:"advisoryIds,omitempty"`
	StaleCollateral []string           `json:"staleCollateral,omitempty"`
	Simulated       bool               `json:"simulated,omitempty"`
	Error           *signerReason      `json:"error,omitempty"`
}

// shownIdentity is who an enclave is.
type shownIdentity struct {
	MRENCLAVE string `json:"mrenclave"`
	MRSIGNER  string `json:"mrsigner"`
	ProductID uint16 `json:"isvProdId"`
	SVN       uint16 `json:"isvSvn"`
	Debug     bool   `json:"debug"`
}

// signerReason says why a certificate's report was refused.
type signerReason struct {
	Check    relyingparty.Check `json:"check"`
	Message  string             `json:"message"`
	Expected string             `json:"expected,omitempty"`
	Found    string             `json:"found,omitempty"`
	// Evidence is the reason in the evidence, if it was at fault.
	Evidence      *reason `json:"evidence,omitempty"`
	isUnsupported bool
}

// signerReasonOf returns the reason of a refusal; ok is false for an error that
// decides nothing.
func signerReasonOf(err error) (*signerReason, bool) {
	if isUndecided(err) {
		return nil, false
	}
	inner, isEvidence := reasonOf(err)
	e, ok := errors.AsType[*relyingparty.SigningCertificateError](err)
	switch {
	case ok:
		return &signerReason{
			Check: e.Check, Message: e.Error(), Expected: e.Expected, Found: e.Found, Evidence: inner,
			isUnsupported: errors.Is(err, errors.ErrUnsupported),
		}, true
	case isEvidence:
		return &signerReason{Check: relyingparty.CheckQuote, Message: inner.Message, Evidence: inner}, true
	}
	return nil, false
}

func (v *verifiedSigner) fill(r *relyingparty.SigningCertificateResult) {
	v.Identity = &shownIdentity{
		MRENCLAVE: hex.EncodeToString(r.Identity.MRENCLAVE[:]), MRSIGNER: hex.EncodeToString(r.Identity.MRSIGNER[:]),
		ProductID: r.Identity.ProductID, SVN: r.Identity.SVN, Debug: r.Identity.Debug,
	}
	v.Simulated = r.Simulated
	if r.TCB != nil {
		v.TCBStatus, v.AdvisoryIDs, v.StaleCollateral = r.TCB.Status, r.TCB.Advisories, r.TCB.StaleCollateral
	}
}

func (v *verifiedSigners) count() {
	for i := range v.Signers {
		switch k := &v.Signers[i]; {
		case k.Report == nil:
			v.WithoutReport++
		case k.Verified:
			v.Holding++
		case k.Error != nil && k.Error.isUnsupported:
			v.Unsupported++
		default:
			v.Failed++
		}
	}
	v.Verified = v.Holding > 0 && v.Failed == 0 && v.Unsupported == 0
}

// conclude prints what is true and returns the verdict.
func (v *verifiedSigners) conclude(s Streams, asJSON bool) error {
	verdict := v.verdict()
	if !asJSON {
		return errors.Join(v.print(s.Out), verdict)
	}
	if err := printJSON(s.Out, v); err != nil {
		return err
	}
	if verdict != nil {
		return &reportedError{verdict}
	}
	return nil
}

func (v *verifiedSigners) verdict() error {
	switch {
	case v.Failed > 0:
		return &refusedError{fmt.Errorf("%s of %d with a report fail", counted(v.Failed, "signing certificate"), v.Holding+v.Failed+v.Unsupported)}
	case v.Unsupported > 0:
		return fmt.Errorf("%s with a report of AMD SEV-SNP, which is not verified here", counted(v.Unsupported, "signing certificate"))
	case v.Holding == 0:
		return &refusedError{errors.New("no signing certificate carries an enclave's report: nothing shows that a key lives in an enclave")}
	}
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// print writes a table for each key, and what was not checked.
func (v *verifiedSigners) print(w io.Writer) error {
	t := newTable(w)
	for i := range v.Signers {
		k := &v.Signers[i]
		k.rows(t)
		t.row("verdict", k.inWords())
		k.findings(t)
		t.gap()
	}
	if err := t.flush(); err != nil {
		return err
	}
	notes := []string{fmt.Sprintf("as of %s: %d hold, %d fail, %d carry no report and nothing vouches for them",
		v.At.Format(time.RFC3339), v.Holding, v.Failed+v.Unsupported, v.WithoutReport)}
	if v.Holding > 0 && !v.TCBJudged {
		notes = append(notes, "NOT JUDGED: the TCB of the platforms, nor whether one was revoked (give --collateral)")
	}
	if v.Holding > 0 && !v.IdentityDemanded {
		notes = append(notes, "ANY ENCLAVE PASSED: nobody said whose it must be (give --mrsigner or --mrenclave)")
	}
	if _, err := fmt.Fprintf(w, "%s\n", strings.Join(notes, "\n")); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func (v *verifiedSigner) inWords() string {
	switch {
	case v.Report == nil:
		return "nothing vouches for it"
	case v.Verified && v.Simulated:
		return "holds, SIMULATED: it proves nothing about hardware"
	case v.Verified:
		return "holds"
	}
	return "FAILS"
}

func (v *verifiedSigner) findings(t *table) {
	if v.Error != nil {
		t.row("failed check", string(v.Error.Check))
		t.row("reason", clean(v.Error.Message))
		if inner := v.Error.Evidence; inner != nil && inner.Hint != "" {
			t.row("hint", clean(inner.Hint))
		}
	}
	if id := v.Identity; id != nil {
		t.row("MRENCLAVE", id.MRENCLAVE)
		t.row("MRSIGNER", id.MRSIGNER)
		t.row("product ID, SVN", fmt.Sprintf("%d, %d", id.ProductID, id.SVN))
		t.row("debuggable", yesNo(id.Debug))
	}
	if v.TCBStatus != "" {
		t.row("TCB status", string(v.TCBStatus))
	}
	t.rows("advisory", v.AdvisoryIDs)
	t.rows("STALE COLLATERAL", v.StaleCollateral)
}

func yesNo(is bool) string {
	if is {
		return "YES: its memory can be read from outside"
	}
	return "no"
}
