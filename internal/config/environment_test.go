package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEnvironmentStandsOverTheFile(t *testing.T) {
	t.Parallel()
	c, faults := parse(t, "listen: a:1\nlog: {level: debug, format: json}\n",
		"AZATTEST_LISTEN=b:2", "AZATTEST_LOG_LEVEL=", "AZATTEST_BEHIND_PROXY=true", "AZATTEST_KEYS_BITS=3072",
		"AZATTEST_KEYS_WRAPPING_KEY=hunter2", "AZATTEST_STORE_DSN=host=h", "AZATTEST_TLS_CLIENT_CA_FILE=ca.pem",
		"AZATTEST_KEYS_PKCS11_TOKEN_LABEL=t", "AZATTEST_SHUTDOWN_LINGER=5s", "AZATTEST_TELEMETRY_TRACE_RATIO=0.5",
		"AZATTEST_TLS_MIN_VERSION=1.3", "AZATTEST_UNKNOWN=x")
	switch {
	case faults != nil:
		t.Fatal(faults)
	case c.Listen != "b:2" || !c.BehindProxy || c.Keys.Bits != 3072 || c.Keys.WrappingKey.Reveal() != "hunter2":
		t.Errorf("got %+v", c)
	case c.Store.DSN.Reveal() != "host=h" || c.TLS.ClientCAFile != "ca.pem" || c.TLS.MinVersion != "1.3" || c.Keys.PKCS11.TokenLabel != "t":
		t.Errorf("got %+v", c)
	case c.Shutdown.Linger != 5*time.Second || c.Telemetry.TraceRatio != 0.5:
		t.Errorf("got %+v", c)
	case c.Log.Level != "debug" || c.Log.Format != "json":
		t.Errorf("an empty variable counts: %+v", c.Log)
	}
}

func TestEnvironmentIsReadStrictly(t *testing.T) {
	t.Parallel()
	_, faults := parse(t, "lisen: x",
		"AZATTEST_BEHIND_PROXY=1", "AZATTEST_KEYS_BITS=many", "AZATTEST_SHUTDOWN_DRAIN=5", "AZATTEST_DATA_DIR=a\nb", "AZATTEST_LOG_LEVEL=\xff")
	want := []string{
		`f.yaml:1:1: unknown key "lisen", did you mean listen?`,
		`AZATTEST_BEHIND_PROXY: behindProxy: want true or false, found "1"`,
		`AZATTEST_DATA_DIR: dataDir: holds a character that does not show, want a text on one line`,
		`AZATTEST_KEYS_BITS: keys.bits: want a whole number, found "many"`,
		`AZATTEST_LOG_LEVEL: log.level: holds a character that does not show, want a text on one line`,
		`AZATTEST_SHUTDOWN_DRAIN: shutdown.drain: want a duration with its unit such as 90s or 24h, found "5"`,
	}
	if !slices.Equal(faults, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(faults, "\n"), strings.Join(want, "\n"))
	}
}

// What the environment says is blamed on the environment, whatever the file says.
func TestFaultsOfTheEnvironmentNameTheVariable(t *testing.T) {
	t.Parallel()
	c, faults := parse(t, "log: {level: info}\n", "AZATTEST_LOG_LEVEL=loud")
	if faults != nil {
		t.Fatal(faults)
	}
	if got := linesOf(t, c.Validate()); !slices.Contains(got, `AZATTEST_LOG_LEVEL: log.level: "loud", want debug, info, warn or error`) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
