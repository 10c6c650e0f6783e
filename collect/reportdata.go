package collect

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Where report data stands.
const (
	teeTypeOffset = 4 // in a quote's header, u32: 0 SGX, 0x81 TDX
	teeTDX        = 0x81
	quoteHeader   = 48
	bodyHeader    = 6   // TDX quotes of version 5: type u16, size u32
	sgxReportData = 320 // in the enclave's report (SGX DCAP, A.4)
	tdxReportData = 520 // in the TD's report (TDX DCAP, A.3.2 and A.3.3)
	snpReportData = 0x50
	snpReportSize = 1184 // SEV-SNP ABI, table 23
)

// check refuses evidence that is not of its kind, or that has other report data
// than was asked for: some other program's, because both asked at once.
func (e *Evidence) check(want [ReportDataSize]byte) error {
	offset, err := e.reportDataOffset()
	if err != nil {
		return err
	}
	if len(e.Bytes) < offset+ReportDataSize {
		return fmt.Errorf("%s of %d bytes, want at least %d", e.Kind, len(e.Bytes), offset+ReportDataSize)
	}
	if got := e.Bytes[offset : offset+ReportDataSize]; !bytes.Equal(got, want[:]) {
		return fmt.Errorf("%s with the report data %x, want %x: it answers somebody else", e.Kind, got, want)
	}
	return nil
}

func (e *Evidence) reportDataOffset() (int, error) {
	if e.Kind == SNPReport {
		if len(e.Bytes) != snpReportSize {
			return 0, fmt.Errorf("%s of %d bytes, want %d", e.Kind, len(e.Bytes), snpReportSize)
		}
		return snpReportData, nil
	}
	if len(e.Bytes) < quoteHeader {
		return 0, fmt.Errorf("%s of %d bytes, want at least %d", e.Kind, len(e.Bytes), quoteHeader)
	}
	version, tee := binary.LittleEndian.Uint16(e.Bytes), binary.LittleEndian.Uint32(e.Bytes[teeTypeOffset:])
	switch {
	case e.Kind == SGXQuote && version == 3 && tee == 0:
		return quoteHeader + sgxReportData, nil
	case e.Kind == TDXQuote && version == 4 && tee == teeTDX:
		return quoteHeader + tdxReportData, nil
	case e.Kind == TDXQuote && version == 5 && tee == teeTDX:
		return quoteHeader + bodyHeader + tdxReportData, nil
	}
	return 0, fmt.Errorf("a quote of version %d for the TEE type %#x, which is no %s that is known here", version, tee, e.Kind)
}
