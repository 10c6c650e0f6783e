package token

import (
	"errors"
	"strings"
	"testing"
)

func TestURLAccepted(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"https://sharedwus.wus.attest.azure.net",
		"https://contoso.example:8443",
		"https://contoso.example/attest/v1.0",
		"https://192.0.2.7",
		"https://[2001:db8::1]",
		"https://[2001:db8::1]:8443",
		"http://localhost:8080",
		"http://127.0.0.1:8080",
		"http://[::1]:8080",
		"https://localhost",
	} {
		t.Run(raw, func(t *testing.T) {
			t.Parallel()
			if err := checkURL(raw); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestURLRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ raw, want string }{
		{"", "empty"},
		{"contoso.example", "scheme https"},
		{"ftp://contoso.example", "scheme https"},
		{"http://contoso.example", "localhost only"},
		{"http://192.0.2.7", "localhost only"},
		{"http://localhost.contoso.example", "localhost only"},
		{"http://127.0.0.1.contoso.example", "localhost only"},
		{"https://contoso.example/", "ends in a slash"},
		{"https://contoso.example/attest/", "ends in a slash"},
		{"https://contoso.example?x=1", "query"},
		{"https://contoso.example?", "query"},
		{"https://contoso.example#certs", "query or a fragment"},
		{"https://", "slash"},
		{"https:", "host name"},
		{"https:contoso.example", "host name"},
		{"https://:8443", "host name"},
		{"https://Contoso.example", "lower case"},
		{"HTTPS://contoso.example", "plain form"},
		{"https://contoso.example:", "port"},
		{"https://contoso.example:0", "port"},
		{"https://contoso.example:08443", "port"},
		{"https://contoso.example:65536", "port"},
		{"https://contoso.example:port", "not a URL"},
		{"https://[2001:DB8::1]", "lower case"},
		{"https://[2001:db8:0::1]", "lower case"},
		{"https://[fe80::1%25eth0]", "lower case"},
		{"https://[192.0.2.7]", "not a URL"},
		{"https://contoso.example/a//b", "segments"},
		{"https://contoso.example/a/../b", "segments"},
		{"https://contoso.example/a%20b", "segments"},
		{"https://contoso.example/%61", "plain form"},
		{`https://contoso".example`, "host name"},
		{"https://contöso.example", "host name"},
		{"https://contoso.example/\x00", "not a URL"},
		{"https://contoso example", "not a URL"},
		{"https://" + strings.Repeat("a", maxURLLength), "at most 512"},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			t.Parallel()
			err := checkURL(tt.raw)
			if _, ok := errors.AsType[*URLError](err); !ok {
				t.Fatalf("error %v, want a *URLError", err)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want it to speak of %q", err, tt.want)
			}
		})
	}
}

func TestURLErrorKeepsPasswords(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"https://user:hunter2@contoso.example", "https://user:hunter2@[::1", "https://a%zz:hunter2@b/"} {
		err := checkURL(raw)
		if err == nil {
			t.Errorf("%s: accepted", raw)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}
