package cli

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
)

func readAll(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// written puts bytes into a file of the test.
func written(t *testing.T, raw []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func publicOf(t *testing.T, name string) *tpm.Public {
	t.Helper()
	p, err := tpm.ParsePublic2B(readAll(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// certificateOf issues a certificate for the key of a public area.
func certificateOf(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: testTime, NotAfter: testTime.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, publicOf(t, name).Key, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func aikJWK(t *testing.T, name string) []byte {
	t.Helper()
	text, err := json.Marshal(publicOf(t, name).JWK())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// windowsMachine is a Windows machine of Google's, which quotes its SHA-1 bank
// without qualifying data.
type windowsMachine struct {
	AK    struct{ Public []byte }
	Quote struct{ Quote, Signature []byte }
	Log   struct{ Raw []byte }
}

func newWindowsMachine(t *testing.T) *windowsMachine {
	t.Helper()
	m := new(windowsMachine)
	if err := json.Unmarshal(corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json"), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// windowsLog is the log of a Windows machine (WBCL).
func windowsLog(t *testing.T) string {
	t.Helper()
	return written(t, newWindowsMachine(t).Log.Raw)
}

// windowsQuote are the flags that would verify the machine's quote.
func windowsQuote(t *testing.T) []string {
	t.Helper()
	m := newWindowsMachine(t)
	return []string{
		written(t, m.Quote.Quote), "--signature", written(t, m.Quote.Signature), "--aik", written(t, m.AK.Public),
		"--pcrs", written(t, []byte("sha1:\n")), "--allow-sha1",
	}
}

// quotedMachine is the files of one machine.
type quotedMachine struct {
	aik, log, otherLog string
	quotes             []quoteFiles
}

type quoteFiles struct{ attest, signature, pcrs string }

// googleMachine takes a message of Google's apart.
func googleMachine(t *testing.T) quotedMachine {
	t.Helper()
	message := protobufFields(t, corpus.Read(t, "evidence", "tpm", "gce-cos85-nonce9009", "gce-cos-85-nonce9009.pb"))
	log := message[3][0]
	// In front of the first event's data are its length and its digests, that of
	// SHA-384 last, each after two bytes with its algorithm.
	at := bytes.Index(log, []byte("G\x00C\x00E\x00")) - 5
	other := bytes.Clone(log)
	for _, back := range []int{0, 48 + 2, 48 + 2 + 32 + 2} {
		other[at-back] ^= 1
	}
	m := quotedMachine{aik: written(t, message[1][0]), log: written(t, log), otherLog: written(t, other)}
	for _, raw := range message[2] {
		quote := protobufFields(t, raw)
		pcrs := protobufFields(t, quote[3][0])
		hash, _ := protowire.ConsumeVarint(pcrs[1][0])
		var text strings.Builder
		fmt.Fprintf(&text, "  %s:\n", strings.ToLower(tpm.Algorithm(hash).String()))
		for _, raw := range pcrs[2] {
			entry := protobufFields(t, raw)
			index := uint64(0)
			if len(entry[1]) > 0 {
				index, _ = protowire.ConsumeVarint(entry[1][0])
			}
			fmt.Fprintf(&text, "    %-2d: 0x%X\n", index, entry[2][0])
		}
		m.quotes = append(m.quotes, quoteFiles{written(t, quote[1][0]), written(t, quote[2][0]), written(t, []byte(text.String()))})
	}
	return m
}

// protobufFields splits a message; numbers are their varints.
func protobufFields(t *testing.T, b []byte) map[protowire.Number][][]byte {
	t.Helper()
	fields := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(number, kind, b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		value := b[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b)
		}
		fields[number] = append(fields[number], value)
		b = b[n:]
	}
	return fields
}
