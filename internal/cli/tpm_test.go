package cli

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
)

const swtpmChallenge = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee01"

// swtpm is a file of the corpus' case that was made with a swtpm.
func swtpm(t *testing.T, name string) string {
	t.Helper()
	return inCorpus(t, "tpm", "swtpm-a", name)
}

// showAttest runs tpm show-quote --json.
func showAttest(t *testing.T, args ...string) (outcome, shownAttest) {
	t.Helper()
	got := runAt(t, testTime, "", append([]string{"tpm", "show-quote", "--json"}, args...)...)
	var shown shownAttest
	if err := json.Unmarshal([]byte(got.stdout), &shown); err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, got.stdout, got.stderr)
	}
	return got, shown
}

// ofECDSA are the flags that verify the corpus' quote by an ECDSA key.
func ofECDSA(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{
		swtpm(t, "quote-ecdsa-p256.attest"), "--signature", swtpm(t, "quote-ecdsa-p256.sig"),
		"--aik", swtpm(t, "ecc-p256.ak.pub.tpm2b"), "--pcrs", swtpm(t, "quote-ecdsa-p256.pcrs"),
	}, more...)
}

func holding(a shownAttest) string {
	var names []string
	for _, c := range a.Checks {
		if c.Holds {
			names = append(names, c.Check)
		}
	}
	return strings.Join(names, ", ")
}

func TestQuoteThatHolds(t *testing.T) {
	t.Parallel()
	certificate := certificateOf(t, swtpm(t, "ecc-p256.ak.pub.tpm2b"))
	for name, test := range map[string]struct {
		args    []string
		holding string
	}{
		"ECDSA":              {ofECDSA(t, "--qualifying-data", swtpmChallenge), "signature, qualifying data, PCR values"},
		"no qualifying data": {ofECDSA(t), "signature, PCR values"},
		"PCRs as text":       {ofECDSA(t, "--pcrs", swtpm(t, "pcrs.txt")), "signature, PCR values"},
		"bare key":           {ofECDSA(t, "--aik", swtpm(t, "ecc-p256.ak.pub.pem")), "signature, PCR values"},
		"TPMT_PUBLIC":        {ofECDSA(t, "--aik", written(t, readAll(t, swtpm(t, "ecc-p256.ak.pub.tpm2b"))[2:])), "signature, PCR values"},
		"certificate":        {ofECDSA(t, "--aik", written(t, certificate)), "signature, PCR values"},
		"certificate in PEM": {ofECDSA(t, "--aik", written(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))), "signature, PCR values"},
		"JWK":                {ofECDSA(t, "--aik", written(t, aikJWK(t, swtpm(t, "ecc-p256.ak.pub.tpm2b")))), "signature, PCR values"},
		"RSASSA": {[]string{
			swtpm(t, "quote-rsassa-sha256-pcr0-7.attest"), "--signature", swtpm(t, "quote-rsassa-sha256-pcr0-7.sig"), "--aik", swtpm(t, "rsa2048-rsassa.ak.pub.tpm2b"),
			"--pcrs", swtpm(t, "quote-rsassa-sha256-pcr0-7.pcrs"), "--qualifying-data", swtpmChallenge,
		}, "signature, qualifying data, PCR values"},
		"certification": {[]string{
			swtpm(t, "certify-appkey.attest"), "--signature", swtpm(t, "certify-appkey.sig"), "--aik", swtpm(t, "rsa2048-rsassa.ak.pub.tpm2b"),
			"--certified", swtpm(t, "certify-appkey.pub.tpm2b"), "--qualifying-data", "00ff55aa",
		}, "signature, qualifying data, certified key"},
		"nothing given": {[]string{swtpm(t, "quote-ecdsa-p256.attest")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, shown := showAttest(t, test.args...)
			if got.code != exitDone || got.stderr != "" || shown.Error != nil {
				t.Errorf("exit code %d, %s%v", got.code, got.stderr, shown.Error)
			}
			if holds := holding(shown); holds != test.holding || shown.Verified != (test.holding != "") {
				t.Errorf("verified %t, %q hold, want %q", shown.Verified, holds, test.holding)
			}
		})
	}
}

func TestQuoteThatDoesNotHold(t *testing.T) {
	t.Parallel()
	attest, signature := readAll(t, swtpm(t, "quote-ecdsa-p256.attest")), readAll(t, swtpm(t, "quote-ecdsa-p256.sig"))
	pcrs, text := readAll(t, swtpm(t, "quote-ecdsa-p256.pcrs")), string(readAll(t, swtpm(t, "pcrs.txt")))
	changed := func(raw []byte, i int) string {
		raw = bytes.Clone(raw)
		raw[(i+len(raw))%len(raw)] ^= 1
		return written(t, raw)
	}
	other := func(name string, args ...string) []string {
		return append([]string{name}, append(ofECDSA(t)[1:], args...)...)
	}
	for name, test := range map[string]struct {
		args        []string
		stage, code string
	}{
		"another challenge":      {ofECDSA(t, "--qualifying-data", "00"), "quote", "mismatch"},
		"another firmware":       {other(changed(attest, -60)), "signature", "bad-signature"},
		"another signature":      {ofECDSA(t, "--signature", changed(signature, -1)), "signature", "bad-signature"},
		"another key":            {ofECDSA(t, "--aik", swtpm(t, "rsa2048-rsassa.ak.pub.tpm2b")), "signature", "mismatch"},
		"unrestricted key":       {ofECDSA(t, "--aik", swtpm(t, "certify-appkey.pub.tpm2b")), "key", "mismatch"},
		"another PCR":            {ofECDSA(t, "--pcrs", changed(pcrs, 0x8e)), "quote", "mismatch"},
		"a PCR is missing":       {ofECDSA(t, "--pcrs", written(t, []byte(strings.Replace(text, "    1 :", "    #1 :", 1)))), "parse", "malformed"},
		"no PCR":                 {ofECDSA(t, "--pcrs", written(t, []byte("sha256:\n"))), "quote", "missing"},
		"a PCR twice":            {ofECDSA(t, "--pcrs", written(t, []byte(text+text))), "parse", "malformed"},
		"PCRs cut off":           {ofECDSA(t, "--pcrs", written(t, pcrs[:len(pcrs)-1])), "parse", "malformed"},
		"PCRs of a few bytes":    {ofECDSA(t, "--pcrs", written(t, pcrs[:9])), "parse", "truncated"},
		"a list of 65,535 PCRs":  {ofECDSA(t, "--pcrs", written(t, slices.Concat(pcrs[:0x88], []byte{0xff, 0xff}, pcrs[0x8a:]))), "parse", "malformed"},
		"fewer PCRs than named":  {ofECDSA(t, "--pcrs", written(t, slices.Concat(pcrs[:0x88], []byte{7}, pcrs[0x89:]))), "parse", "missing"},
		"more PCRs than named":   {ofECDSA(t, "--pcrs", written(t, slices.Concat(pcrs[:7], []byte{1}, pcrs[8:]))), "parse", "trailing-data"},
		"a key that is none":     {ofECDSA(t, "--aik", swtpm(t, "quote-ecdsa-p256.sig")), "parse", ""},
		"a private key":          {ofECDSA(t, "--aik", written(t, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))), "parse", "malformed"},
		"a signature is none":    {ofECDSA(t, "--signature", swtpm(t, "quote-ecdsa-p256.attest")), "parse", ""},
		"a log of another boot":  {ofECDSA(t, "--log", inCorpus(t, "tpm-eventlog", "gotpmtools", "rhel8-uefi.bin")), "log", "mismatch"},
		"a log without the bank": {ofECDSA(t, "--log", inCorpus(t, "tpm-eventlog", "gotpmtools", "debian-10.bin")), "log", "missing"},
		"a log of a TD":          {ofECDSA(t, "--log", inCorpus(t, "tpm-eventlog", "ccel-trustee", "CCEL_data_grub")), "log", "unsupported"},
		"a log of other PCRs":    {ofECDSA(t, "--log", written(t, []byte("10 3b40dc33b288a454824ce87d036b3773dc44f041 ima-ng sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 boot_aggregate\n"))), "log", "missing"},
		"no qualifying data":     {windowsQuote(t), "quote", "missing"},
		"a log that is none":     {ofECDSA(t, "--log", swtpm(t, "pcrs.txt")), "parse", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, shown := showAttest(t, test.args...)
			if got.code != exitRefused || shown.Verified || shown.Error == nil {
				t.Fatalf("exit code %d, verified %t, error %v", got.code, shown.Verified, shown.Error)
			}
			if string(shown.Error.Stage) != test.stage || test.code != "" && string(shown.Error.Code) != test.code {
				t.Errorf("%+v, want stage %s, code %s", *shown.Error, test.stage, test.code)
			}
			if holds := holding(shown); test.stage != "log" && !slices.Contains(test.args, "--log") && holds != "" {
				t.Errorf("%s hold", holds)
			}
			text := runAt(t, testTime, "", append([]string{"tpm", "show-quote"}, test.args...)...)
			if text.code != exitRefused || !strings.Contains(text.stdout, "DOES NOT HOLD: ") || strings.Contains(text.stdout, "verified as far") {
				t.Errorf("exit code %d\n%s", text.code, text.stdout)
			}
		})
	}
}

// What cannot be read decides nothing.
func TestQuoteWithFilesThatAreMissing(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for _, flag := range []string{"--signature", "--aik", "--pcrs", "--log"} {
		got := runAt(t, testTime, "", append([]string{"tpm", "show-quote"}, ofECDSA(t, flag, missing)...)...)
		wantFault(t, got, exitFailed, "open "+missing)
	}
	for _, args := range [][]string{
		{swtpm(t, "certify-appkey.attest"), "--signature", swtpm(t, "certify-appkey.sig"), "--aik", swtpm(t, "rsa2048-rsassa.ak.pub.tpm2b"), "--pcrs", swtpm(t, "pcrs.txt")},
		{swtpm(t, "quote-ecdsa-p256.attest"), "--signature", swtpm(t, "quote-ecdsa-p256.sig"), "--aik", swtpm(t, "ecc-p256.ak.pub.tpm2b"), "--certified", swtpm(t, "certify-appkey.pub.tpm2b")},
	} {
		wantFault(t, runAt(t, testTime, "", append([]string{"tpm", "show-quote"}, args...)...), exitRefused, "TPMS_ATTEST: type")
	}
}

// A machine of Google's: its log, and a quote of each bank.
func TestQuoteProvesLog(t *testing.T) {
	t.Parallel()
	machine := googleMachine(t)
	for i, q := range machine.quotes {
		args := []string{q.attest, "--signature", q.signature, "--aik", machine.aik, "--pcrs", q.pcrs, "--qualifying-data", "9009", "--log", machine.log}
		if i == 0 { // SHA-1
			got, shown := showAttest(t, args...)
			if got.code != exitRefused || shown.Error.Code != "unsupported" {
				t.Errorf("SHA-1: exit code %d, %+v", got.code, shown.Error)
			}
		}
		got, shown := showAttest(t, append(args, "--allow-sha1")...)
		if got.code != exitDone || len(shown.Logs) != 1 || shown.Logs[0].Events < 20 || shown.Logs[0].DataProven == 0 {
			t.Errorf("%d: exit code %d\n%s", i, got.code, got.stdout)
		}
		if want := "signature, qualifying data, PCR values, log"; holding(shown) != want {
			t.Errorf("%s hold, want %s", holding(shown), want)
		}
		text := runAt(t, testTime, "", append([]string{"tpm", "show-quote", "--allow-sha1"}, args...)...)
		if text.code != exitDone || !strings.Contains(text.stdout, "\nlog              holds: ") || !strings.Contains(text.stdout, "\nAIK              NOT VERIFIED: ") {
			t.Errorf("exit code %d\n%s", text.code, text.stdout)
		}
		// With another digest it is another log.
		got, shown = showAttest(t, append(args, "--allow-sha1", "--log", machine.otherLog)...)
		if got.code != exitRefused || shown.Verified || shown.Error.Stage != tpm.StageLog || holding(shown) != "signature, qualifying data, PCR values" {
			t.Errorf("exit code %d, %+v, %s hold", got.code, shown.Error, holding(shown))
		}
	}
}

// Every log of the corpus is shown, whole and by PCR.
func TestLogsOfTheCorpus(t *testing.T) {
	t.Parallel()
	windows := windowsLog(t)
	for name, format := range map[string]string{
		"goattestation/ebs_event_missing_eventlog":   "TCG SHA-1",
		"goattestation/sb_cert_eventlog":             "TCG crypto-agile",
		"goattestation/short_no_action_eventlog":     "TCG SHA-1",
		"gotpmtools/arch-linux-workstation.bin":      "TCG crypto-agile",
		"gotpmtools/cos-101-amd-sev.bin":             "TCG crypto-agile",
		"gotpmtools/debian-10.bin":                   "TCG SHA-1",
		"gotpmtools/rhel8-uefi.bin":                  "TCG crypto-agile",
		"gotpmtools/ubuntu-2104-no-secure-boot.bin":  "TCG crypto-agile",
		"ccel-trustee/CCEL_data_grub":                "CCEL",
		"ccel-trustee/CCEL_data_ovmf":                "CCEL",
		"../tpm/goattestation-windows-gcp (windows)": "TCG SHA-1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := inCorpus(t, append([]string{"tpm-eventlog"}, strings.Split(name, "/")...)...)
			if strings.HasSuffix(name, "(windows)") {
				file = windows
			}
			shown := wantDone[shownLog](t, runAt(t, testTime, "", "tpm", "show-log", file, "--pcrs", "--json"))
			if shown.Verified || shown.Format != format || len(shown.Events) == 0 || len(shown.Values) == 0 {
				t.Errorf("verified %t, %s, %d events, %d banks; want %s", shown.Verified, shown.Format, len(shown.Events), len(shown.Values), format)
			}
			hashed := 0
			for _, e := range shown.Events {
				if e.Hashed == "yes" {
					hashed++
				}
			}
			if hashed == 0 && len(shown.Events) > 1 {
				t.Error("of no event the data was hashed")
			}
			seven := wantDone[shownLog](t, runAt(t, testTime, "", "tpm", "show-log", file, "--pcr", "7", "--json"))
			for _, e := range seven.Events {
				if e.PCR == nil || *e.PCR != 7 {
					t.Errorf("event %d of another PCR", e.Number)
				}
			}
			text := runAt(t, testTime, "", "tpm", "show-log", file)
			if text.code != exitDone || !strings.HasPrefix(text.stdout, format+" log, NOT VERIFIED") || strings.Count(text.stdout, "\n") < len(shown.Events)+3 {
				t.Errorf("exit code %d\n%.200s", text.code, text.stdout)
			}
			if strings.ContainsAny(text.stdout, "\x1b\x00\r") {
				t.Error("control characters reach the terminal")
			}
		})
	}
}

// A log that is broken anywhere ends in a verdict, and so does whatever else is
// taken for one.
func TestBrokenLogs(t *testing.T) {
	t.Parallel()
	raw := corpus.Read(t, "evidence", "tpm-eventlog", "gotpmtools", "cos-101-amd-sev.bin")
	for _, broken := range [][]byte{raw[:len(raw)-1], append(bytes.Clone(raw), 1), raw[:40], raw[7:], []byte("\x1b[2J"), {0}} {
		got := runAt(t, testTime, string(broken), "tpm", "show-log", "-")
		wantFault(t, got, exitRefused, "parse: ")
	}
}
