package tpm

import (
	"encoding/asn1"
	"fmt"

	"github.com/google/go-tpm/tpm2"
)

// Where certificates of endorsement keys are (EK credential profile, 2.2.1.4 and
// 2.2.1.5).
const (
	nvRSACertificate     tpm2.TPMHandle = 0x01c00002 // of an RSA-2048 key
	nvECCCertificate     tpm2.TPMHandle = 0x01c0000a // of a P-256 key
	nvECCHighCertificate tpm2.TPMHandle = 0x01c00016 // of a P-384 key
	nvChainFirst         tpm2.TPMHandle = 0x01c00100 // their issuers, in one stream
	nvChainLast          tpm2.TPMHandle = 0x01c001ff
)

// nvHandles returns the NV indices from one to another that there are. It is called
// within an operation, as all functions of this file.
func (t *TPM) nvHandles(first, last tpm2.TPMHandle) ([]tpm2.TPMHandle, error) {
	answer, err := tpm2.GetCapability{
		Capability: tpm2.TPMCapHandles, Property: uint32(first), PropertyCount: uint32(last-first) + 1,
	}.Execute(t.device)
	if err != nil {
		return nil, failed("TPM2_GetCapability", err)
	}
	found, err := answer.CapabilityData.Data.Handles()
	if err != nil {
		return nil, failed("TPM2_GetCapability", err)
	}
	var handles []tpm2.TPMHandle
	for _, h := range found.Handle {
		if h >= first && h <= last {
			handles = append(handles, h)
		}
	}
	return handles, nil
}

// nvRead reads a whole NV index, nil if there is none, or nothing in it.
func (t *TPM) nvRead(index tpm2.TPMHandle) ([]byte, error) {
	const op = "TPM2_NV_Read"
	if handles, err := t.nvHandles(index, index); err != nil || len(handles) == 0 {
		return nil, err
	}
	public, err := tpm2.NVReadPublic{NVIndex: index}.Execute(t.device)
	if err != nil {
		return nil, failed("TPM2_NV_ReadPublic", err)
	}
	contents, err := public.NVPublic.Contents()
	if err != nil {
		return nil, failed("TPM2_NV_ReadPublic", err)
	}
	if !contents.Attributes.Written {
		return nil, nil // room that nobody has filled yet
	}
	size := int(contents.DataSize)
	if size > maxNV {
		return nil, &Error{Op: op, Found: fmt.Sprintf("%d bytes at %#08x", size, uint32(index)), Expected: fmt.Sprintf("at most %d", maxNV)}
	}
	// Certificates are for everybody to read, with the index's empty password, but
	// not everywhere.
	reader := tpm2.AuthHandle{Handle: index, Name: public.NVName, Auth: tpm2.PasswordAuth(nil)}
	if !contents.Attributes.AuthRead {
		reader = tpm2.AuthHandle{Handle: tpm2.TPMRHOwner, Auth: tpm2.PasswordAuth(t.auth.Owner)}
	}
	data := make([]byte, 0, size)
	for len(data) < size {
		piece, err := tpm2.NVRead{
			AuthHandle: reader, NVIndex: tpm2.NamedHandle{Handle: index, Name: public.NVName},
			Size: uint16(min(nvPiece, size-len(data))), Offset: uint16(len(data)), //nolint:gosec // G115: Both are below DataSize, which is a uint16.
		}.Execute(t.device)
		if err != nil {
			return nil, failed(op, err)
		}
		if len(piece.Data.Buffer) == 0 {
			return nil, &Error{Op: op, Found: fmt.Sprintf("%d bytes of %d", len(data), size), Expected: "all of them"}
		}
		data = append(data, piece.Data.Buffer...)
	}
	return data, nil
}

// nvChain reads the certificates of the issuers, nil if there are none.
func (t *TPM) nvChain() ([][]byte, error) {
	handles, err := t.nvHandles(nvChainFirst, nvChainLast)
	if err != nil {
		return nil, err
	}
	// The stream goes on from one index to the next.
	var stream []byte
	for _, h := range handles {
		piece, err := t.nvRead(h)
		if err != nil {
			return nil, err
		}
		if stream = append(stream, piece...); len(stream) > maxNV {
			return nil, &Error{Op: "TPM2_NV_Read", Found: "a longer chain of certificates", Expected: fmt.Sprintf("at most %d bytes", maxNV)}
		}
	}
	return splitDER(stream, maxChain), nil
}

// splitDER returns the DER values with which a stream begins. Whatever follows them
// is padding: indices are often larger than what is in them.
func splitDER(stream []byte, most int) [][]byte {
	var values [][]byte
	for len(values) < most && len(stream) > 0 {
		var value asn1.RawValue
		rest, err := asn1.Unmarshal(stream, &value)
		if err != nil || value.Class != asn1.ClassUniversal || value.Tag != asn1.TagSequence {
			break
		}
		values = append(values, value.FullBytes)
		stream = rest
	}
	return values
}
