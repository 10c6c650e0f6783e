package cli

import (
	"encoding/hex"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// tpmQuoteOptions are the flags of tpm show-quote.
type tpmQuoteOptions struct {
	signature, aik, pcrs, certified, log string
	qualifyingData                       string
	allowSHA1                            bool
	asJSON                               *bool
}

func newTPMShowQuote(s Streams) *cobra.Command {
	o := new(tpmQuoteOptions)
	cmd := &cobra.Command{
		Use:   "show-quote FILE",
		Short: "Show what a TPM signed, and verify it with what is given",
		Long: `show-quote takes a TPMS_ATTEST apart, which is what a TPM signs: a quote, the
certification of a key, or that of a key's creation. The file holds it as bytes,
or as hexadecimal or base64 text. - is standard input.

With --signature, --aik and --pcrs it verifies a quote: signature and PCR values,
the qualifying data if --qualifying-data says what it must be, and the log that
--log names. With --signature, --aik and --certified it verifies a certification.
A creation is shown only. What was not verified is listed as such.

--aik is a TPMT_PUBLIC, a TPM2B_PUBLIC, a public key in PEM, a JWK or a
certificate (PEM or DER). --pcrs is what tpm2_quote --pcr or tpm2_pcrread writes.
PCRs in it that are not quoted are passed over.

What is given and does not hold ends with exit code 1.`,
		Example: `  azattest tpm show-quote quote.attest
  azattest tpm show-quote quote.attest --signature quote.sig --aik ak.pub --pcrs quote.pcrs --qualifying-data 00112233445566778899aabbccddeeff
  azattest tpm show-quote quote.attest --signature quote.sig --aik ak.pub --pcrs quote.pcrs --log binary_bios_measurements --json
  azattest tpm show-quote certify.attest --signature certify.sig --aik ak.pub --certified key.pub`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	f := cmd.Flags()
	f.StringVar(&o.signature, "signature", "", "file with the signature, a TPMT_SIGNATURE")
	f.StringVar(&o.aik, "aik", "", "file with the key that must have signed")
	f.StringVar(&o.pcrs, "pcrs", "", "file with the values of the quoted PCRs")
	f.StringVar(&o.certified, "certified", "", "file with the public area of the certified key, a TPMT_PUBLIC or TPM2B_PUBLIC")
	f.StringVar(&o.qualifyingData, "qualifying-data", "", "hexadecimal bytes that must be signed as qualifying data: the challenge")
	f.StringVar(&o.log, "log", "", "file with the log of what was measured into the quoted PCRs (see 'azattest tpm show-log')")
	f.BoolVar(&o.allowSHA1, "allow-sha1", false, "accept signatures with SHA-1 and PCRs of the SHA-1 bank, which can be forged by who chooses what is measured")
	o.asJSON = jsonFlag(cmd)
	mustTakeText(cmd, "qualifying-data")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		want, err := o.check(cmd)
		if err != nil {
			return err
		}
		return o.run(cmd, s, args[0], want)
	}
	return cmd
}

// check refuses flags that would have no effect: nothing that an attestation says
// means anything before its signature holds.
func (o *tpmQuoteOptions) check(cmd *cobra.Command) (tpm.Requirements, error) {
	want := tpm.Requirements{AllowSHA1Signatures: o.allowSHA1, AllowSHA1Banks: o.allowSHA1}
	command := cmd.CommandPath()
	if (o.signature == "") != (o.aik == "") {
		return want, usage(command, "--signature and --aik go together: one verifies the other")
	}
	if o.signature == "" {
		for _, flag := range []string{"pcrs", "certified", "qualifying-data", "log", "allow-sha1"} {
			if cmd.Flags().Changed(flag) {
				return want, usage(command, "--%s without --signature and --aik: nothing is verified before the signature", flag)
			}
		}
	}
	if o.log != "" && o.pcrs == "" {
		return want, usage(command, "--log without --pcrs: a log is held against the values of PCRs")
	}
	if o.pcrs != "" && o.certified != "" {
		return want, usage(command, "--pcrs and --certified exclude each other: a quote has PCRs, a certification has a key")
	}
	if o.signature != "" && o.pcrs == "" && o.certified == "" {
		return want, usage(command, "--pcrs or --certified is missing: a quote is verified with its PCR values, a certification with the public area of its key")
	}
	data, err := hex.DecodeString(o.qualifyingData)
	if err != nil {
		return want, usage(command, "--qualifying-data: want hexadecimal digits: %v", err)
	}
	want.QualifyingData = data
	return want, nil
}

func (o *tpmQuoteOptions) run(cmd *cobra.Command, s Streams, name string, want tpm.Requirements) error {
	input, err := readInput(s, name)
	if err != nil {
		return err
	}
	raw, err := decodeEvidence(input)
	if err != nil {
		return err
	}
	attest, err := tpm.ParseAttest(raw)
	if err != nil {
		return err
	}
	shown := newShownAttest(attest)
	if err := o.fits(cmd, attest); err != nil {
		return err
	}
	refused := o.verify(s, raw, attest, want, shown)
	if refused != nil {
		r, ok := reasonOf(refused)
		if !ok {
			return refused
		}
		shown.refuse(r, o.isGiven)
	}
	if *o.asJSON {
		err = printJSON(s.Out, shown)
	} else {
		err = shown.print(s.Out)
	}
	if err == nil && refused != nil {
		err = &reportedError{&refusedError{refused}}
	}
	return err
}

// isGiven says whether a thing that is checked was given.
func (o *tpmQuoteOptions) isGiven(check string) bool {
	switch check {
	case checkedSignature, checkedAIK:
		return o.signature != ""
	case checkedData:
		return o.qualifyingData != ""
	case checkedPCRs:
		return o.pcrs != ""
	case checkedKey:
		return o.certified != ""
	case checkedLog:
		return o.log != ""
	}
	return false
}

// fits refuses flags that are for another type than the file's.
func (o *tpmQuoteOptions) fits(cmd *cobra.Command, attest *tpm.Attest) error {
	wrong := func(flag, of string) error {
		return &refusedError{&evidence.Error{
			Stage: evidence.StageParse, Code: evidence.CodeMismatch, Part: "TPMS_ATTEST: type", Offset: -1,
			Found: attest.Type.String(), Expected: of + ", as " + flag + " has it", Hint: "run '" + cmd.CommandPath() + " --help'",
		}}
	}
	switch {
	case o.pcrs != "" && attest.Quote == nil:
		return wrong("--pcrs", tpm.AttestQuote.String())
	case o.certified != "" && attest.Certify == nil:
		return wrong("--certified", tpm.AttestCertify.String())
	}
	return nil
}

// verify checks what can be, and writes down what holds. Its error is that of the
// first thing that does not.
func (o *tpmQuoteOptions) verify(s Streams, raw []byte, attest *tpm.Attest, want tpm.Requirements, shown *shownAttest) error {
	if o.signature == "" {
		return nil
	}
	isDataGiven := len(want.QualifyingData) > 0
	if !isDataGiven {
		// Whatever is signed, then: the verdict says that it was not checked.
		want.QualifyingData = attest.ExtraData
	}
	if len(want.QualifyingData) == 0 {
		return &evidence.Error{
			Stage: tpm.StageQuote, Code: evidence.CodeMissing, Part: "TPMS_ATTEST: extraData", Offset: -1, Found: "none",
			Expected: "qualifying data", Hint: "without it nothing ties what was signed to a question, and it is not verified here",
		}
	}
	aik, err := loadAIK(s, o.aik)
	if err != nil {
		return err
	}
	signature, err := loadSignature(s, o.signature)
	if err != nil {
		return err
	}
	if attest.Certify != nil {
		public, err := loadPublic(s, o.certified)
		if err != nil {
			return err
		}
		c, err := aik.VerifyCertification(public, raw, signature, want)
		if err != nil {
			return err
		}
		shown.holds(aik, signature, isDataGiven)
		shown.certified(c)
		return nil
	}
	banks, err := loadPCRs(s, o.pcrs, attest.Quote.Selection)
	if err != nil {
		return err
	}
	q, err := aik.VerifyQuote(raw, signature, banks, want)
	if err != nil {
		return err
	}
	shown.holds(aik, signature, isDataGiven)
	shown.quoted(q)
	return o.verifyLog(s, q, shown)
}

func loadSignature(s Streams, name string) (*tpm.Signature, error) {
	input, err := readInput(s, name)
	if err != nil {
		return nil, err
	}
	raw, err := decodeEvidence(input)
	if err != nil {
		return nil, err
	}
	return tpm.ParseSignature(raw)
}

func (o *tpmQuoteOptions) verifyLog(s Streams, q *tpm.Quote, shown *shownAttest) error {
	if o.log == "" {
		return nil
	}
	l, err := loadLog(s, o.log)
	if err != nil {
		return err
	}
	if l.Format == eventlog.FormatCCEL {
		// Its numbers are of other registers, and other rules are for its events.
		return &evidence.Error{
			Stage: tpm.StageLog, Code: evidence.CodeUnsupported, Part: "log", Offset: -1,
			Found: "the CCEL of a trust domain", Expected: "the log of a TPM",
		}
	}
	proven, err := proveLog(l, q)
	if err != nil {
		return logError(tpm.StageLog, err)
	}
	shown.proven(proven, l)
	return nil
}

// proveLog holds a log against every bank that is quoted and that the log has. One
// there must be; of IMA, which logs a SHA-1 alone, it is each.
func proveLog(l *eventlog.Log, q *tpm.Quote) ([]*eventlog.Proven, error) {
	var (
		all     []*eventlog.Proven
		missing error
	)
	for _, bank := range q.Banks {
		values := map[int][]byte{}
		for _, p := range bank.PCRs {
			values[p.Index] = p.Digest
		}
		p, err := l.Prove(eventlog.Bank(bank.Algorithm), values)
		if e, ok := errors.AsType[*eventlog.Error](err); ok && e.Code == eventlog.CodeMissing && e.PCR < 0 {
			missing = err
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	if len(all) == 0 {
		return nil, missing
	}
	if !slices.ContainsFunc(all, func(p *eventlog.Proven) bool { return len(p.Events) > 0 }) {
		return nil, &evidence.Error{
			Stage: tpm.StageLog, Code: evidence.CodeMissing, Part: "log", Offset: -1,
			Found: "no event of a quoted PCR", Expected: "one or more", Hint: "quote the PCRs that the log extends: " + numbers(l.PCRs()),
		}
	}
	return all, nil
}
