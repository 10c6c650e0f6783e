package openenclave

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/dcap"
)

// Values of serialized endorsements (bits/attestation.h): four u32 (version,
// enclave type, size of the buffer, number of items), then the buffer: one u32
// offset for each item, counted from the end of the offsets, and the items.
const (
	endorsementsHeaderSize = 16
	endorsementsVersion    = 1
	enclaveTypeSGX         = 2
	endorsementsItems      = 9
)

// Items of SGX endorsements, in their order.
const (
	itemVersion = iota
	itemTCBInfo
	itemTCBInfoChain
	itemPCKCRL
	itemRootCRL
	itemPCKCRLChain
	itemQEIdentity
	itemQEIdentityChain
)

// ParseEndorsements reads the endorsements that oe_get_evidence returns beside
// the evidence, with or without the 28-byte header. They are collateral like any
// other: nothing in them is trusted before a verification. Errors are
// *[evidence.Error] of stage parse.
func ParseEndorsements(raw []byte) (*dcap.Collateral, error) {
	if len(raw) > maxEndorsements {
		return nil, refuse(evidence.CodeTooLarge, "endorsements", -1, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprintf("at most %d", maxEndorsements))
	}
	if len(raw) >= evidenceHeaderSize && binary.LittleEndian.Uint32(raw) == evidenceVersion {
		if err := checkFormat("endorsements header: format", raw[4:20]); err != nil {
			return nil, err
		}
		var err error
		if raw, err = content(raw, evidenceHeaderSize, "endorsements header: size"); err != nil {
			return nil, err
		}
	}
	items, err := endorsementItems(raw)
	if err != nil {
		return nil, err
	}
	if v := items[itemVersion]; len(v) != 4 || binary.LittleEndian.Uint32(v) != endorsementsVersion {
		return nil, refuse(evidence.CodeUnsupported, "endorsements: version item", -1, fmt.Sprintf("%x", v), "version 1")
	}
	return dcap.NewCollateral(dcap.CollateralParts{
		TCBInfo:               text(items[itemTCBInfo]),
		TCBInfoIssuerChain:    text(items[itemTCBInfoChain]),
		PCKCRL:                items[itemPCKCRL],
		RootCACRL:             items[itemRootCRL],
		PCKCRLIssuerChain:     text(items[itemPCKCRLChain]),
		QEIdentity:            text(items[itemQEIdentity]),
		QEIdentityIssuerChain: text(items[itemQEIdentityChain]),
	}), nil
}

func endorsementItems(raw []byte) ([][]byte, error) {
	const part = "endorsements header"
	if len(raw) < endorsementsHeaderSize {
		return nil, refuse(evidence.CodeTruncated, part, 0, fmt.Sprintf("%d bytes", len(raw)), fmt.Sprint(endorsementsHeaderSize))
	}
	for _, f := range []struct {
		name   string
		offset int
		want   uint32
	}{{"version", 0, endorsementsVersion}, {"enclave type", 4, enclaveTypeSGX}, {"number of items", 12, endorsementsItems}} {
		if got := binary.LittleEndian.Uint32(raw[f.offset:]); got != f.want {
			return nil, refuse(evidence.CodeUnsupported, part+": "+f.name, f.offset, fmt.Sprint(got), fmt.Sprint(f.want))
		}
	}
	buffer := raw[endorsementsHeaderSize:]
	if size := binary.LittleEndian.Uint32(raw[8:]); uint64(size) != uint64(len(buffer)) || size < 4*endorsementsItems {
		return nil, refuse(evidence.CodeMalformed, part+": size", 8, fmt.Sprint(size), fmt.Sprintf("%d, the bytes that follow", len(buffer)))
	}
	data := buffer[4*endorsementsItems:]
	items := make([][]byte, endorsementsItems)
	end := uint32(len(data)) //nolint:gosec // at most maxEndorsements
	for i := endorsementsItems - 1; i >= 0; i-- {
		start := binary.LittleEndian.Uint32(buffer[4*i:])
		if start > end {
			return nil, refuse(evidence.CodeMalformed, fmt.Sprintf("endorsements: offset of item %d", i), endorsementsHeaderSize+4*i,
				fmt.Sprint(start), fmt.Sprintf("at most %d", end))
		}
		items[i], end = data[start:end], start
	}
	return items, nil
}

// text drops the NUL that ends a C string.
func text(b []byte) []byte { return bytes.TrimRight(b, "\x00") }
