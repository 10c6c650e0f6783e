package token

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"slices"
)

// oidReport is the extension that holds the report of the enclave in which the
// key lives. The real service's certificates have it since April 2021.
var oidReport = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 105, 1}

// The two headers before what a report says. All integers are little-endian.
const (
	reportHeaderSize = 16 // Open Enclave: version u32, type u32, size u64
	reportVersion    = 1
	reportTypeRemote = 2
	quoteVersion     = 3 // Intel SGX DCAP quote, A.4, u16 at its start
	// quoteReportData is where the report data stands in a quote: its header has
	// 48 bytes, and 320 bytes of the enclave's report come before.
	quoteReportData = 48 + 320
	quoteMinSize    = quoteReportData + 64
)

// ReportData returns what an enclave puts into its quote to vouch for a key: the
// SHA-256 of the public key as PEM SubjectPublicKeyInfo with one NUL after it,
// which is also the key ID, then 32 zero bytes. It returns a *[KeyError] for a
// key that cannot be encoded.
func ReportData(pub crypto.PublicKey) ([64]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return [64]byte{}, &KeyError{Part: "public key", Problem: "cannot be encoded", Err: err}
	}
	return reportData(der), nil
}

// reportData is ReportData of a SubjectPublicKeyInfo in DER. The NUL is the one
// that ends a C string.
func reportData(spki []byte) [64]byte {
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	sum := sha256.Sum256(append(text, 0))
	var data [64]byte
	copy(data[:], sum[:])
	return data
}

// OpenEnclaveReport wraps an SGX quote as Open Enclave does, in the form that
// [KeyConfig] takes: version 1 and type 2 (remote), 32 bits each, and the length
// of the quote, 64 bits, little-endian, then the quote.
func OpenEnclaveReport(quote []byte) []byte {
	report := make([]byte, 0, reportHeaderSize+len(quote))
	report = binary.LittleEndian.AppendUint32(report, reportVersion)
	report = binary.LittleEndian.AppendUint32(report, reportTypeRemote)
	report = binary.LittleEndian.AppendUint64(report, uint64(len(quote)))
	return append(report, quote...)
}

// checkReport refuses a report that says nothing about the key: whoever verifies
// the certificate would refuse it too, but only once it has been handed out.
// Whether the quote is genuine is not looked at. Its maker knows, and a verifier
// here would tie signing to one kind of evidence.
func checkReport(report, spki []byte) error {
	refuse := func(format string, args ...any) error {
		return &KeyError{Part: "report", Problem: fmt.Sprintf(format, args...)}
	}
	if len(report) > maxReport {
		return refuse("%d bytes, want at most %d", len(report), maxReport)
	}
	if len(report) < reportHeaderSize+quoteMinSize {
		return refuse("%d bytes, want at least %d: an Open Enclave report with an SGX quote", len(report), reportHeaderSize+quoteMinSize)
	}
	version, kind := binary.LittleEndian.Uint32(report), binary.LittleEndian.Uint32(report[4:])
	if version != reportVersion || kind != reportTypeRemote {
		return refuse("version %d and type %d, want %d and %d: wrap a bare quote with OpenEnclaveReport", version, kind, reportVersion, reportTypeRemote)
	}
	quote := report[reportHeaderSize:]
	if size := binary.LittleEndian.Uint64(report[8:]); size != uint64(len(quote)) {
		return refuse("says that its quote has %d bytes, but %d follow", size, len(quote))
	}
	if v := binary.LittleEndian.Uint16(quote); v != quoteVersion {
		return refuse("holds a quote of version %d, want %d: only SGX quotes go into certificates", v, quoteVersion)
	}
	want := reportData(spki)
	if got := quote[quoteReportData:quoteMinSize]; !bytes.Equal(got, want[:]) {
		return refuse("bound to something else: report data %x, want %x, the hash of the key", got, want)
	}
	return nil
}

// reportOf returns the report in a certificate, nil if there is none. A second
// extension of the kind is refused by the parser of certificates.
func reportOf(c *x509.Certificate) []byte {
	for _, e := range c.Extensions {
		if e.Id.Equal(oidReport) {
			return slices.Clip(e.Value)
		}
	}
	return nil
}
