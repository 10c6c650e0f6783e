package tpm_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	for _, name := range []string{running.Name(), "tcp:" + running.ListenTCP(t)} {
		opened := must[*collect.TPM](t)(collect.Open(t.Context(), name))
		if banks := opened.Banks(); !slices.Equal(banks, []tpm.Algorithm{tpm.SHA512, tpm.SHA384, tpm.SHA256, tpm.SHA1}) || opened.String() != name {
			t.Errorf("%s has banks %v", opened, banks)
		}
		newAIK(t, opened, collect.ECC)
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, want := range map[string]string{
		"unix:" + filepath.Join(dir, "nobody"): "is the TPM running there?",
		"tcp:127.0.0.1:1":                      "is the TPM running there?",
		"tcp:nowhere":                          "missing port",
		filepath.Join(dir, "tpmrm0"):           "no such file",
		dir:                                    "not a device",
		"tpm0":                                 "unix:PATH",
	} {
		_, err := collect.Open(t.Context(), name)
		if e, ok := errors.AsType[*collect.Error](err); !ok || !strings.Contains(e.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := collect.Open(t.Context(), filepath.Join(dir, "tpmrm0")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that it does not exist", err)
	}
}

// What a TPM answers is explained, and what is no TPM is told from one.
func TestTPMThatAnswersOtherwise(t *testing.T) {
	t.Parallel()
	running := testtpm.Start(t)
	p := startProxy(t, running, nil)
	for name, test := range map[string]struct {
		answer []byte
		want   string
	}{
		"not started":  {code(tpm2.TPMRCInitialize), "startup-clear"},
		"in failure":   {code(tpm2.TPMRCFailure), "off and on"},
		"locked":       {code(tpm2.TPMRCLockout), "--clear-lockout"},
		"a web server": {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), "this is no TPM"},
		"too short":    {[]byte{0x80, 1, 0, 0}, "EOF"},
		"TPM 1.2":      {code(0x1e), "ask unix:"},
	} {
		p.set(func(tpm2.TPMCC, []byte) []byte { return test.answer })
		_, err := collect.Open(t.Context(), p.name)
		if e, ok := errors.AsType[*collect.Error](err); !ok || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	// A TPM that is busy for a while is waited for.
	left := 5
	p.set(func(tpm2.TPMCC, []byte) []byte {
		if left--; left >= 0 {
			return code([]tpm2.TPMRC{tpm2.TPMRCRetry, tpm2.TPMRCYielded, tpm2.TPMRCTesting, tpm2.TPMRCNVRate}[left%4])
		}
		return nil
	})
	opened := must[*collect.TPM](t)(collect.Open(t.Context(), p.name))
	for rc, want := range map[tpm2.TPMRC]string{
		tpm2.TPMRCHierarchy: "firmware's settings", tpm2.TPMRCObjectMemory: "tpm2_flushcontext -t", tpm2.TPMRCBadAuth | 0x100 | 0x800: "has a password",
		tpm2.TPMRCCommandCode: "does not have the command",
	} {
		p.set(func(cc tpm2.TPMCC, _ []byte) []byte {
			if cc == tpm2.TPMCCCreatePrimary {
				return code(rc)
			}
			return nil
		})
		_, err := opened.NewKey(t.Context(), collect.ECC)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "storage root key") {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// Passwords of hierarchies are used, and shown nowhere.
func TestAuthorize(t *testing.T) {
	t.Parallel()
	running, opened := start(t)
	const password = "of the owner"
	change := tpm2.HierarchyChangeAuth{
		AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(nil)}, NewAuth: tpm2.TPM2BAuth{Buffer: []byte(password)},
	}
	if _, err := change.Execute(running); err != nil {
		t.Fatal(err)
	}
	_, err := opened.NewKey(t.Context(), collect.ECC)
	if err == nil || !strings.Contains(err.Error(), "has a password") {
		t.Errorf("%v, want that there is a password", err)
	}
	a := collect.Authorization{Owner: []byte(password)}
	opened.Authorize(a)
	aik := must[*collect.AIK](t)(opened.AIK(t.Context(), collect.AIKConfig{Handle: 0x81010020, Algorithm: collect.ECC}))
	if aik.Algorithm() != collect.ECC {
		t.Error(aik.Algorithm())
	}
	for _, text := range []string{fmt.Sprint(a), fmt.Sprintf("%+v %#v %v", a, a, &a)} {
		if strings.Contains(text, password) || strings.Contains(text, "111 102 32") { // its first bytes
			t.Errorf("the password in %q", text)
		}
	}
}
