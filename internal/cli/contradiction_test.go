package cli

import "testing"

// Flags that could not be obeyed are refused rather than passed over, and the hint
// names the command whose flags they are.
func TestContradictionsAreWrongUsage(t *testing.T) {
	t.Parallel()
	const endpoint = "https://attest.example"
	for name, test := range map[string]struct {
		command []string
		flags   []string
		want    string
	}{
		"runtime data that is not there":   {[]string{"attest", "sgx"}, []string{"q", "--endpoint", endpoint, "--runtime-data-json"}, "--runtime-data-json goes with --runtime-data"},
		"init-time data that is not there": {[]string{"attest", "sgx"}, []string{"q", "--endpoint", endpoint, "--init-time-data-json"}, "--init-time-data-json goes with"},
		"a nonce that is no text":          {[]string{"attest", "openenclave"}, []string{"q", "--endpoint", endpoint, "--nonce", "\xff"}, `--nonce "\xff": want UTF-8`},
		"an issuer that is not looked at":  {[]string{"token", "verify"}, []string{"t", "--jwks", "k", "--issuer", endpoint, "--skip", "issuer"}, "--issuer and --skip issuer exclude each other"},
		"a demo of another time":           {[]string{"demo"}, []string{"--at", "2026-01-31"}, "--at goes with --quote"},
		"a demo with other collateral":     {[]string{"demo"}, []string{"--collateral", "folder"}, "--collateral goes with --quote"},
		"a demo with early collateral":     {[]string{"demo"}, []string{"--update", "early"}, "--update goes with --quote"},
		"a demo with data":                 {[]string{"demo"}, []string{"--runtime-data", "d"}, "--runtime-data goes with --quote"},
		"a demo with JSON that is not":     {[]string{"demo"}, []string{"--quote", "q", "--runtime-data-json"}, "--runtime-data-json goes with --runtime-data"},
		"a folder's early collateral":      {[]string{"serve"}, []string{"--dev", "--collateral", "folder", "--update", "early"}, "--update goes with a --collateral URL"},
		"a folder's cache":                 {[]string{"quote", "verify"}, []string{"q", "--collateral", "folder", "--collateral-cache", "c"}, "--collateral-cache goes with"},
		"another kind of collateral":       {[]string{"quote", "verify"}, []string{"q", "--update", "late"}, `--update "late": want standard or early`},
		"early endorsements":               {[]string{"quote", "verify"}, []string{"q", "--endorsements", "e", "--update", "early"}, "--endorsements excludes --update"},
		"an unknown version":               {[]string{"attest", "sgx"}, []string{inFile(t, "q", "\x03"), "--endpoint", endpoint, "--api-version", "2020-10-01", "--nonce", "n"}, "--api-version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command := "azattest"
			for _, word := range test.command {
				command += " " + word
			}
			wantFault(t, runAt(t, testTime, "", append(test.command, test.flags...)...), exitUsage, test.want, "hint: run '"+command+" --help'")
		})
	}
}
