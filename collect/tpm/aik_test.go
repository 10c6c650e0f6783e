package tpm_test

import (
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-tpm/tpm2"

	collect "github.com/azattest/azattest/collect/tpm"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testtpm"
)

func TestAIKIsKept(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	dir := filepath.Join(t.TempDir(), "made", "when needed")
	for name, c := range map[string]collect.AIKConfig{
		"in a file":             {File: filepath.Join(dir, "aik.json"), Algorithm: collect.ECCP384},
		"at a handle":           {Handle: 0x81010010, Algorithm: collect.ECC},
		"at a handle, and file": {File: filepath.Join(dir, "handle.json"), Handle: 0x81010011, Algorithm: collect.RSA},
		"of the default":        {File: filepath.Join(dir, "default.json")},
	} {
		made := must[*collect.AIK](t)(opened.AIK(t.Context(), c))
		again := must[*collect.AIK](t)(opened.AIK(t.Context(), c))
		if made.Area().Name().String() != again.Area().Name().String() || c.Algorithm != "" && made.Algorithm() != c.Algorithm {
			t.Errorf("%s: %s, then %s", name, made.Area().Name(), again.Area().Name())
		}
		must[*tpm.AIK](t)(tpm.NewAIK(made.Area()))
		if c.File == "" {
			continue
		}
		if info := must[os.FileInfo](t)(os.Stat(c.File)); info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
		var file map[string]any
		if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(c.File)), &file); err != nil || file["kind"] != "aik" || (file["handle"] != nil) != (c.Handle != 0) || (file["private"] != nil) == (c.Handle != 0) {
			t.Errorf("%s: %v, %v", name, file, err)
		}
	}
	if entries := must[[]os.DirEntry](t)(os.ReadDir(dir)); len(entries) != 3 {
		t.Errorf("files %v", entries)
	}
}

func TestAIKRefuses(t *testing.T) {
	t.Parallel()
	_, opened := start(t)
	running := testtpm.Start(t)
	p := startProxy(t, running, nil)
	other := must[*collect.TPM](t)(collect.Open(t.Context(), p.name))
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) string {
		if err := os.WriteFile(file(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file(name)
	}
	key := must[*collect.Key](t)(opened.NewKey(t.Context(), collect.ECC))
	if err := key.Save(file("key.json")); err != nil {
		t.Fatal(err)
	}
	must[*collect.AIK](t)(opened.AIK(t.Context(), collect.AIKConfig{File: file("aik.json"), Algorithm: collect.ECC}))
	must[*collect.AIK](t)(opened.AIK(t.Context(), collect.AIKConfig{File: file("handle.json"), Handle: 0x81010030, Algorithm: collect.ECC}))
	text := string(must[[]byte](t)(os.ReadFile(file("aik.json"))))
	for name, test := range map[string]struct {
		opened *collect.TPM
		config collect.AIKConfig
		want   string
	}{
		"kept nowhere":          {opened, collect.AIKConfig{}, "where to keep it"},
		"unknown algorithm":     {opened, collect.AIKConfig{File: file("x"), Algorithm: "dsa"}, `"dsa"`},
		"handle of a session":   {opened, collect.AIKConfig{Handle: 0x02000000}, "0x81000000"},
		"another algorithm":     {opened, collect.AIKConfig{File: file("aik.json"), Algorithm: collect.RSA}, "ecc, want rsa"},
		"another handle":        {opened, collect.AIKConfig{File: file("handle.json"), Handle: 0x81010031}, "0x81010030"},
		"a file without one":    {opened, collect.AIKConfig{File: file("aik.json"), Handle: 0x81010031}, "want one at 0x81010031"},
		"key of another kind":   {opened, collect.AIKConfig{File: file("key.json")}, "want an AIK"},
		"an EK at the handle":   {opened, collect.AIKConfig{Handle: 0x81010001}, "something else"},
		"another TPM":           {other, collect.AIKConfig{File: file("aik.json")}, "made by another TPM, or by this one before it was cleared: name a file of this TPM's"},
		"another TPM, the file": {other, collect.AIKConfig{File: file("aik.json")}, "key of " + file("aik.json") + ": TPM2_Load"},
		"another's handle":      {other, collect.AIKConfig{File: file("handle.json")}, "key of " + file("handle.json") + ": handle 0x81010030"},
		"another TPM's handle":  {other, collect.AIKConfig{File: file("handle.json")}, "want that of the file"},
		"no JSON":               {opened, collect.AIKConfig{File: write("no.json", "-----BEGIN")}, "want a JSON object"},
		"another version":       {opened, collect.AIKConfig{File: write("version.json", strings.Replace(text, `"version": 1`, `"version": 2`, 1))}, `version "2", want 1`},
		"another parent":        {opened, collect.AIKConfig{File: write("parent.json", strings.Replace(text, "srk-ecc-p256", "srk-rsa", 1))}, `parent "srk-rsa"`},
		"an unknown member":     {opened, collect.AIKConfig{File: write("more.json", strings.Replace(text, `"kind"`, `"extra": 1, "kind"`, 1))}, `"extra"`},
		"a member twice":        {opened, collect.AIKConfig{File: write("twice.json", strings.Replace(text, `"kind"`, `"kind": "aik", "kind"`, 1))}, "a second time"},
		"a folder":              {opened, collect.AIKConfig{File: dir}, "directory"},
		"a folder that is none": {opened, collect.AIKConfig{File: filepath.Join(file("aik.json"), "aik.json")}, "not a directory"},
	} {
		_, err := test.opened.AIK(t.Context(), test.config)
		if e, ok := errors.AsType[*collect.Error](err); !ok || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := other.LoadKey(t.Context(), file("key.json")); err == nil || !strings.Contains(err.Error(), "key of "+file("key.json")+": TPM2_Load") {
		t.Errorf("%v, want that the file is of another TPM", err)
	}
	// The TPM was cleared: its key can do nothing any more.
	mine := must[*collect.AIK](t)(other.AIK(t.Context(), collect.AIKConfig{File: file("mine.json"), Algorithm: collect.ECC}))
	clearing := tpm2.Clear{AuthHandle: tpm2.AuthHandle{Handle: tpm2.TPMRHLockout, Auth: tpm2.PasswordAuth(nil)}}
	if _, err := clearing.Execute(running); err != nil {
		t.Fatal(err)
	}
	if _, err := other.AIK(t.Context(), collect.AIKConfig{File: file("mine.json")}); err == nil || !strings.Contains(err.Error(), "before it was cleared") {
		t.Errorf("%v, want that the TPM was cleared", err)
	}
	if _, err := mine.WithCertificates([]*x509.Certificate{{}}); err == nil {
		t.Error("a certificate of another key")
	}
}
