package tpm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"testing"

	"github.com/google/go-tpm/tpm2"

	"github.com/azattest/azattest/evidence/tpm"
)

// compareAttest checks that go-tpm reads the same out of a TPMS_ATTEST.
func compareAttest(tb testing.TB, raw []byte) {
	tb.Helper()
	ours, err := tpm.ParseAttest(raw)
	if err != nil {
		tb.Fatal(err)
	}
	theirs, err := tpm2.Unmarshal[tpm2.TPMSAttest](raw)
	if err != nil {
		tb.Fatalf("go-tpm: %v", err)
	}
	clock := tpm.ClockInfo{
		Clock: theirs.ClockInfo.Clock, ResetCount: theirs.ClockInfo.ResetCount, RestartCount: theirs.ClockInfo.RestartCount, IsSafe: theirs.ClockInfo.Safe,
	}
	if uint16(ours.Type) != uint16(theirs.Type) || ours.Clock != clock || ours.FirmwareVersion != theirs.FirmwareVersion ||
		!bytes.Equal(ours.ExtraData, theirs.ExtraData.Buffer) || !bytes.Equal(ours.QualifiedSigner, theirs.QualifiedSigner.Buffer) {
		tb.Errorf("ours %+v, go-tpm's %+v", ours, theirs)
	}
	switch ours.Type {
	case tpm.AttestQuote:
		info, err := theirs.Attested.Quote()
		if err != nil {
			tb.Fatal(err)
		}
		if !bytes.Equal(info.PCRDigest.Buffer, ours.Quote.Digest) || len(info.PCRSelect.PCRSelections) != len(ours.Quote.Selection) {
			tb.Fatalf("ours %+v, go-tpm's %+v", ours.Quote, info)
		}
		for i, s := range info.PCRSelect.PCRSelections {
			var mask uint32
			for j, octet := range s.PCRSelect {
				mask |= uint32(octet) << (8 * j)
			}
			if got := ours.Quote.Selection[i]; uint16(got.Bank) != uint16(s.Hash) || got.Mask != mask {
				tb.Errorf("selection %d: ours %+v, go-tpm's %+v", i, got, s)
			}
		}
	case tpm.AttestCertify:
		info, err := theirs.Attested.Certify()
		if err != nil {
			tb.Fatal(err)
		}
		if !bytes.Equal(info.Name.Buffer, ours.Certify.Name) || !bytes.Equal(info.QualifiedName.Buffer, ours.Certify.QualifiedName) {
			tb.Errorf("ours %+v, go-tpm's %+v", ours.Certify, info)
		}
	case tpm.AttestCreation:
		info, err := theirs.Attested.Creation()
		if err != nil {
			tb.Fatal(err)
		}
		if !bytes.Equal(info.ObjectName.Buffer, ours.Creation.Name) || !bytes.Equal(info.CreationHash.Buffer, ours.Creation.Hash) {
			tb.Errorf("ours %+v, go-tpm's %+v", ours.Creation, info)
		}
	}
}

// comparePublic checks that go-tpm reads the same out of a TPMT_PUBLIC.
func comparePublic(tb testing.TB, raw []byte) {
	tb.Helper()
	ours, err := tpm.ParsePublic(raw)
	if err != nil {
		tb.Fatal(err)
	}
	theirs, err := tpm2.Unmarshal[tpm2.TPMTPublic](raw)
	if err != nil {
		tb.Fatalf("go-tpm: %v", err)
	}
	name, err := tpm2.ObjectName(theirs)
	if err != nil {
		tb.Fatal(err)
	}
	if !bytes.Equal(name.Buffer, ours.Name()) {
		tb.Errorf("name %s, go-tpm's %x", ours.Name(), name.Buffer)
	}
	var attributes [4]byte
	copy(attributes[:], tpm2.Marshal(theirs.ObjectAttributes))
	if got := uint32(ours.Attributes); got != uint32(attributes[0])<<24|uint32(attributes[1])<<16|uint32(attributes[2])<<8|uint32(attributes[3]) {
		tb.Errorf("attributes %s, go-tpm's %x", ours.Attributes, attributes)
	}
	key, err := tpm2.Pub(*theirs)
	if err != nil {
		tb.Fatalf("go-tpm: %v", err)
	}
	switch key := key.(type) {
	case *rsa.PublicKey:
		if !key.Equal(ours.Key) {
			tb.Error("another key than go-tpm's")
		}
	case *ecdsa.PublicKey:
		if !key.Equal(ours.Key) {
			tb.Error("another key than go-tpm's")
		}
	default:
		tb.Errorf("go-tpm's key is a %T", key)
	}
}
