package tpm_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testtpm"
)

// claimOf is a platform claim to write. No claim of a real machine is public, so
// that reader and writer share one understanding of Microsoft's declarations.
type claimOf struct {
	bank      tpm.Algorithm
	pcrs      []byte // all 24
	quote     []byte
	signature []byte // TPMT_SIGNATURE
	log       []byte
}

// statement writes what NCryptCreateClaim returns.
func (c claimOf) statement() []byte {
	b := put32([]byte("TPLA"), 0, uint32(c.bank), uint32(len(c.signature)), uint32(len(c.quote)), uint32(len(c.pcrs)))
	return append(append(append(b, c.signature...), c.quote...), c.pcrs...)
}

// blob writes what the PCP tool makes: the newer form, or the older of SHA-1.
func (c claimOf) blob(isNew bool) []byte {
	magic, header := "PADS", uint32(28)
	if isNew {
		magic, header = "PAD2", 32
	}
	const bare = 6 // sigAlg, hash and size of a TPMT_SIGNATURE by RSA
	signature := c.signature[min(bare, len(c.signature)):]
	b := put32([]byte(magic), 2, header, uint32(len(c.pcrs)), uint32(len(c.quote)), uint32(len(signature)), uint32(len(c.log)))
	if isNew {
		b = put32(b, uint32(c.bank))
	}
	return append(append(append(append(b, c.pcrs...), c.quote...), signature...), c.log...)
}

func digestsOf(b tpm.Bank) []byte {
	var all []byte
	for _, p := range b.PCRs {
		all = append(all, p.Digest...)
	}
	return all
}

// pickOf are some PCRs of a bank of 24.
func pickOf(b tpm.Bank, pcrs ...int) tpm.Bank {
	picked := tpm.Bank{Algorithm: b.Algorithm}
	for _, i := range pcrs {
		picked.PCRs = append(picked.PCRs, b.PCRs[i])
	}
	return picked
}

func parseClaim(tb testing.TB, raw []byte) *tpm.PlatformClaim {
	tb.Helper()
	c, err := tpm.ParsePlatformClaim(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestPlatformClaimsOfARealTPM(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	var all []uint
	for i := range uint(24) {
		all = append(all, i)
	}
	// Not in parallel: a TPM does one thing after the other.
	for _, test := range []struct {
		kind int // of aiks
		bank tpm.Algorithm
		pcrs []uint
	}{
		{0, tpm.SHA256, all}, {0, tpm.SHA256, []uint{0, 7, 11, 23}}, {1, tpm.SHA1, all}, {2, tpm.SHA384, all}, {4, tpm.SHA256, all}, {5, tpm.SHA512, all},
	} {
		t.Run(aiks[test.kind].name, func(t *testing.T) {
			d := device{running, t}
			loaded := d.primary(tpm2.TPMRHEndorsement, aiks[test.kind].template)
			q := must[*tpm2.QuoteResponse](t)(tpm2.Quote{
				SignHandle: loaded.auth(), QualifyingData: tpm2.TPM2BData{Buffer: challenge}, InScheme: tpm2.TPMTSigScheme{Scheme: tpm2.TPMAlgNull},
				PCRSelect: selection(map[tpm.Algorithm][]uint{test.bank: test.pcrs}, test.bank),
			}.Execute(d))
			made := claimOf{bank: test.bank, pcrs: digestsOf(d.values(test.bank, all...)), quote: q.Quoted.Bytes(), signature: tpm2.Marshal(q.Signature), log: []byte("a log")}
			proveClaims(t, must[*tpm.AIK](t)(tpm.NewAIK(loaded.public)), made, test.pcrs)
		})
	}
}

// proveClaims verifies a claim in all forms that can hold it.
func proveClaims(t *testing.T, aik *tpm.AIK, made claimOf, quoted []uint) {
	t.Helper()
	claims := [][]byte{made.statement()}
	if bytes.HasPrefix(made.signature, put16(nil, uint16(tpm.RSASSA))) {
		claims = append(claims, made.blob(true))
	}
	if made.bank == tpm.SHA1 {
		claims = append(claims, made.blob(false))
	}
	want := tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true, AllowSHA1Signatures: true}
	for i, raw := range claims {
		c := parseClaim(t, raw)
		quote, err := aik.VerifyQuote(c.Quote, c.Signature, c.Banks, want)
		if err != nil || len(quote.Banks[0].PCRs) != len(quoted) {
			t.Errorf("%s: %v", raw[:4], err)
		}
		if isBlob := i > 0; isBlob != (string(c.Log) == "a log") || !isBlob && c.Log != nil {
			t.Errorf("%s: log %q", raw[:4], c.Log)
		}
		// What the TPM did not sign is refused.
		raw[bytes.Index(raw, made.pcrs)+int(quoted[1])*len(made.pcrs)/24] ^= 1
		c = parseClaim(t, raw)
		_, err = aik.VerifyQuote(c.Quote, c.Signature, c.Banks, want)
		wantRefusal(t, err, tpm.StageQuote, evidence.CodeMismatch)
	}
}

func TestPlatformClaimsAroundQuotesOfTheCorpus(t *testing.T) {
	t.Parallel()
	var all []int
	for i := range 24 {
		all = append(all, i)
	}
	want := tpm.Requirements{QualifyingData: unhex(t, swtpmNonce)}
	for name, aik := range map[string]string{"quote-ecdsa-p256": "ecc-p256", "quote-rsassa-sha256-pcr0-7": "rsa2048-rsassa"} {
		made := claimOf{
			bank: tpm.SHA256, pcrs: digestsOf(swtpmBank(t, all...)), quote: swtpmFile(t, name+".attest"), signature: swtpmFile(t, name+".sig"),
		}
		claims := [][]byte{made.statement(), bytes.Replace(made.statement(), []byte("TPLA"), []byte("ALPT"), 1)}
		if aik != "ecc-p256" {
			claims = append(claims, made.blob(true))
		}
		for _, raw := range claims {
			c := parseClaim(t, raw)
			if _, err := swtpmAIK(t, aik).VerifyQuote(c.Quote, c.Signature, c.Banks, want); err != nil {
				t.Errorf("%s in %s: %v", name, raw[:4], err)
			}
		}
	}
}

// The quote of a Windows VM, in the form that Windows' own tool had for it. Its
// nonce is empty, which is refused after the signature has held.
func TestPlatformClaimAroundAQuoteOfWindows(t *testing.T) {
	t.Parallel()
	var doc struct {
		AK    struct{ Public []byte }
		Quote struct{ Quote, Signature []byte }
		Log   struct {
			PCRs []struct{ Digest []byte }
		}
	}
	if err := json.Unmarshal(corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json"), &doc); err != nil {
		t.Fatal(err)
	}
	made := claimOf{bank: tpm.SHA1, quote: doc.Quote.Quote, signature: doc.Quote.Signature}
	for _, p := range doc.Log.PCRs {
		made.pcrs = append(made.pcrs, p.Digest...)
	}
	public, err := tpm.ParsePublic(doc.AK.Public)
	if err != nil {
		t.Fatal(err)
	}
	aik, err := tpm.NewAIK(public)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range [][]byte{made.statement(), made.blob(false)} {
		c := parseClaim(t, raw)
		_, err := aik.VerifyQuote(c.Quote, c.Signature, c.Banks, tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true, AllowSHA1Signatures: true})
		wantRefusal(t, err, tpm.StageQuote, evidence.CodeMismatch)
	}
}

// softClaim is a claim of a key in software: bank SHA-256, PCRs 0 to 23.
func softClaim(tb testing.TB) claimOf {
	tb.Helper()
	s := newSoft(tb, rsaKey(), tpm.RSASSA, tpm.SHA256)
	bank := bankOf(tpm.SHA256, allPCRs()...)
	quote := s.quote(challenge, bank)
	return claimOf{bank: tpm.SHA256, pcrs: digestsOf(bank), quote: quote, signature: s.sign(tb, quote), log: []byte("a log")}
}

func TestParsePlatformClaimRefuses(t *testing.T) {
	t.Parallel()
	good := softClaim(t)
	statement, blob := good.statement(), good.blob(true)
	patch := func(raw []byte, at int, value uint32) []byte {
		raw = bytes.Clone(raw)
		binary.LittleEndian.PutUint32(raw[at:], value)
		return raw
	}
	with := func(change func(c *claimOf)) claimOf {
		c := good
		change(&c)
		return c
	}
	s := newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256)
	two := s.quote(challenge, bankOf(tpm.SHA256, 0), bankOf(tpm.SHA1, 0))
	other := s.quote(challenge, bankOf(tpm.SHA384, 0))
	certification := s.certify(challenge, s.public)
	quoteAt, signatureAt := 24+len(good.signature), 24
	for name, test := range map[string]struct {
		raw    []byte
		code   evidence.Code
		offset int
	}{
		"nothing":                       {nil, evidence.CodeTruncated, 0},
		"another magic":                 {append([]byte("KADS"), statement[4:]...), evidence.CodeUnsupported, 0},
		"too large":                     {make([]byte, 3<<20), evidence.CodeTooLarge, 0},
		"version":                       {patch(statement, 4, 1), evidence.CodeUnsupported, 4},
		"bank of SM3":                   {patch(statement, 8, 0x12), evidence.CodeUnsupported, 8},
		"bank beyond 16 bits":           {patch(statement, 8, 0x1000b), evidence.CodeUnsupported, 8},
		"another bank":                  {patch(statement, 8, 4), evidence.CodeMalformed, quoteAt + len(good.quote)},
		"huge signature":                {patch(statement, 12, 0xffffffff), evidence.CodeTooLarge, 12},
		"huge quote":                    {patch(statement, 16, 0xfffffff0), evidence.CodeTooLarge, 16},
		"huge PCRs":                     {patch(statement, 20, 0x10000), evidence.CodeTooLarge, 20},
		"longer signature":              {patch(statement, 12, uint32(len(good.signature)+1)), evidence.CodeTruncated, 24},
		"shorter signature":             {patch(statement, 12, uint32(len(good.signature)-1)), evidence.CodeTrailingData, len(statement) - 1},
		"a byte more":                   {append(bytes.Clone(statement), 0), evidence.CodeTrailingData, len(statement)},
		"sizes that are swapped":        {patch(patch(statement, 12, uint32(len(good.signature)-1)), 16, uint32(len(good.quote)+1)), evidence.CodeTruncated, signatureAt + 6},
		"no quote":                      {with(func(c *claimOf) { c.quote = nil }).statement(), evidence.CodeMissing, quoteAt},
		"no signature":                  {with(func(c *claimOf) { c.signature = nil }).statement(), evidence.CodeTruncated, 24},
		"a bare signature":              {with(func(c *claimOf) { c.signature = c.signature[6:] }).statement(), "", 24},
		"23 PCRs":                       {with(func(c *claimOf) { c.pcrs = c.pcrs[32:] }).statement(), evidence.CodeMalformed, quoteAt + len(good.quote)},
		"a quote of two banks":          {with(func(c *claimOf) { c.quote = two }).statement(), evidence.CodeMismatch, quoteAt},
		"a quote of another bank":       {with(func(c *claimOf) { c.quote = other }).statement(), evidence.CodeMismatch, quoteAt},
		"a certification":               {with(func(c *claimOf) { c.quote = certification }).statement(), evidence.CodeMismatch, quoteAt + 4},
		"what no TPM made":              {with(func(c *claimOf) { c.quote = append([]byte{0xfe}, c.quote[1:]...) }).statement(), evidence.CodeMalformed, quoteAt},
		"TPM 1.2":                       {patch(blob, 4, 1), evidence.CodeUnsupported, 4},
		"TPM 3":                         {patch(blob, 4, 3), evidence.CodeUnsupported, 4},
		"old header of the new form":    {patch(blob, 8, 28), evidence.CodeUnsupported, 8},
		"huge header":                   {patch(blob, 8, 0xffffffff), evidence.CodeUnsupported, 8},
		"PCRs that hide the quote":      {patch(blob, 12, 24*64), evidence.CodeTruncated, 32},
		"huge log":                      {patch(blob, 24, 0xffffffff), evidence.CodeTooLarge, 24},
		"sizes that wrap":               {patch(patch(blob, 24, 0xffffffff), 20, 2), evidence.CodeTooLarge, 24},
		"shorter log":                   {patch(blob, 24, 4), evidence.CodeTrailingData, len(blob) - 1},
		"a bank that the tool has not":  {patch(blob, 28, 0), evidence.CodeUnsupported, 28},
		"SHA-256 in the old form":       {good.blob(false), evidence.CodeMalformed, 28},
		"an attestation without a sign": {with(func(c *claimOf) { c.quote, c.signature = nil, nil }).blob(true), evidence.CodeMissing, 32 + 24*32},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := tpm.ParsePlatformClaim(test.raw)
			e, ok := err.(*evidence.Error) //nolint:errorlint // See wantRefusal.
			if !ok || c != nil || e.Stage != evidence.StageParse || test.code != "" && e.Code != test.code || e.Offset != test.offset {
				t.Fatalf("%#v, want %s at byte %d", err, test.code, test.offset)
			}
		})
	}
	for _, raw := range [][]byte{statement, blob} {
		for n := range raw {
			if _, err := tpm.ParsePlatformClaim(raw[:n]); err == nil {
				t.Fatalf("%s cut at %d: not refused", raw[:4], n)
			}
		}
	}
}

// Values that the quote does not select come out nowhere.
func TestPlatformClaimHasQuotedPCRsOnly(t *testing.T) {
	t.Parallel()
	s := newSoft(t, rsaKey(), tpm.RSASSA, tpm.SHA256)
	all := bankOf(tpm.SHA256, allPCRs()...)
	made := claimOf{bank: tpm.SHA256, pcrs: digestsOf(all), quote: s.quote(challenge, pickOf(all, 7, 12))}
	made.signature = s.sign(t, made.quote)
	c := parseClaim(t, made.statement())
	if len(c.Banks) != 1 || c.Banks[0].Mask() != 1<<7|1<<12 || c.Banks[0].PCRs[1].Digest[0] != 12 {
		t.Errorf("%+v", c.Banks)
	}
}
