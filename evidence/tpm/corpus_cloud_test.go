package tpm_test

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/corpus"
)

// A Windows VM's quote of the SHA-1 bank, signed with SHA-1.
func TestCorpusWindows(t *testing.T) {
	t.Parallel()
	var doc struct {
		AK    struct{ Public, CreateAttestation, CreateSignature []byte }
		Quote struct{ Nonce, Quote, Signature []byte }
		Log   struct {
			PCRs []struct {
				Index  int
				Digest []byte
			}
		}
	}
	if err := json.Unmarshal(corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json"), &doc); err != nil {
		t.Fatal(err)
	}
	public, err := tpm.ParsePublic(doc.AK.Public)
	if err != nil {
		t.Fatal(err)
	}
	comparePublic(t, doc.AK.Public)
	aik, err := tpm.NewAIK(public)
	if err != nil {
		t.Fatal(err)
	}
	bank := tpm.Bank{Algorithm: tpm.SHA1}
	for _, p := range doc.Log.PCRs {
		bank.PCRs = append(bank.PCRs, tpm.PCR{Index: p.Index, Digest: p.Digest})
	}
	// The nonce is empty, with which nothing is ever verified here. The rest of it
	// is looked at without.
	signature := signatureOf(t, doc.Quote.Signature)
	_, err = aik.VerifyQuote(doc.Quote.Quote, signature, []tpm.Bank{bank}, tpm.Requirements{AllowSHA1Banks: true, AllowSHA1Signatures: true})
	wantRefusal(t, err, tpm.StageQuote, evidence.CodeMissing)
	_, err = aik.VerifyQuote(doc.Quote.Quote, signature, []tpm.Bank{bank}, tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true, AllowSHA1Signatures: true})
	wantRefusal(t, err, tpm.StageQuote, evidence.CodeMismatch) // past the signature
	_, err = aik.VerifyQuote(doc.Quote.Quote, signature, []tpm.Bank{bank}, tpm.Requirements{QualifyingData: challenge, AllowSHA1Banks: true})
	wantRefusal(t, err, evidence.StageSignature, evidence.CodeUnsupported)
	compareAttest(t, doc.Quote.Quote)

	compareAttest(t, doc.AK.CreateAttestation)
	created, err := tpm.ParseAttest(doc.AK.CreateAttestation)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(created.Creation.Name, public.Name()) {
		t.Errorf("created %s, want %s", created.Creation.Name, public.Name())
	}
}

// Three quotes of a Google VM, one for each bank; protobuf fields are read by hand.
func TestCorpusGoogle(t *testing.T) {
	t.Parallel()
	fields := protobuf(t, corpus.Read(t, "evidence", "tpm", "gce-cos85-nonce9009", "gce-cos-85-nonce9009.pb"))
	public, err := tpm.ParsePublic(fields[1][0])
	if err != nil {
		t.Fatal(err)
	}
	aik, err := tpm.NewAIK(public)
	if err != nil {
		t.Fatal(err)
	}
	if len(fields[2]) != 3 {
		t.Fatalf("%d quotes, want 3", len(fields[2]))
	}
	want := tpm.Requirements{QualifyingData: []byte{0x90, 0x09}, AllowSHA1Banks: true}
	for _, raw := range fields[2] {
		quote := protobuf(t, raw)
		pcrs := protobuf(t, quote[3][0])
		bank := tpm.Bank{Algorithm: tpm.Algorithm(binary.BigEndian.Uint64(pcrs[1][0]))}
		for _, raw := range pcrs[2] {
			entry := protobuf(t, raw)
			index := 0
			if v := entry[1]; len(v) > 0 {
				index = int(binary.BigEndian.Uint64(v[0]))
			}
			bank.PCRs = append(bank.PCRs, tpm.PCR{Index: index, Digest: entry[2][0]})
		}
		compareAttest(t, quote[1][0])
		if _, err := aik.VerifyQuote(quote[1][0], signatureOf(t, quote[2][0]), []tpm.Bank{bank}, want); err != nil {
			t.Errorf("%s: %v", bank.Algorithm, err)
		}
	}
	// The certificate is for an EK, as Google has it, and so not an AIK's here.
	leaf := pemCertificate(t, fields[6][0])
	root := pemCertificate(t, corpus.Read(t, "evidence", "trust-anchors", "google-tpm", "tpm_ek_root_1.cer"))
	var intermediates []*x509.Certificate
	for _, name := range []string{"tpm_ek_intermediate_2.crt", "tpm_ek_intermediate_3.crt"} {
		intermediates = append(intermediates, pemCertificate(t, corpus.Read(t, "evidence", "trust-anchors", "google-tpm", name)))
	}
	authorities, err := tpm.NewAuthorities(tpm.Config{Roots: []*x509.Certificate{root}, Intermediates: intermediates})
	if err != nil {
		t.Fatal(err)
	}
	_, err = authorities.VerifyAIK(leaf, nil, leaf.NotBefore.Add(time.Hour))
	wantRefusal(t, err, evidence.StageChain, evidence.CodeMismatch)
	// Nor is it an EK's: it signs.
	if _, err = authorities.VerifyEK(leaf, nil, leaf.NotBefore.Add(time.Hour)); err == nil {
		t.Error("a signing key was taken for an EK")
	}
}

// protobuf splits a message into its fields; varints as eight bytes.
func protobuf(tb testing.TB, b []byte) map[uint64][][]byte {
	tb.Helper()
	fields := map[uint64][][]byte{}
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		b = b[n:]
		value, n := binary.Uvarint(b)
		b = b[n:]
		switch tag & 7 {
		case 0:
			fields[tag>>3] = append(fields[tag>>3], binary.BigEndian.AppendUint64(nil, value))
		case 2:
			fields[tag>>3] = append(fields[tag>>3], b[:value])
			b = b[value:]
		default:
			tb.Fatalf("wire type %d", tag&7)
		}
	}
	return fields
}
