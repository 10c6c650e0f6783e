package simulator

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/azattest/azattest/evidence/dcap"
)

// Values of the quote header (A.4, table 2).
const (
	quoteVersion       = 3
	keyTypeECDSAP256   = 2
	openEnclaveVersion = 1
	openEnclaveRemote  = 2 // report type: remote, that is a quote
)

var (
	// qeVendorID is the UUID of Intel's quoting enclave: quotes of any other
	// vendor have another format.
	qeVendorID = [16]byte{0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07}
	// userData stands in the header where real quotes have the ID of their
	// quoting enclave, so that a dump of the quote says what it is.
	userData = [20]byte([]byte("azattest SIMULATED\x00\x00"))
	// qeAuthData is what Intel's quoting enclave writes there: 0 to 31.
	qeAuthData = func() []byte {
		b := make([]byte, 32)
		for i := range b {
			b[i] = byte(i)
		}
		return b
	}()
)

// quoteDraft is a quote in its parts: the place where faults change it.
type quoteDraft struct {
	platform     *Platform
	header, body []byte
	// report of the quoting enclave. Its report data is set when the draft is
	// bound.
	qe                  Report
	qeAuthData          []byte
	attestationKey      []byte
	certificationType   dcap.CertificationDataType
	certificationData   []byte
	attestation, pck    *ecdsa.PrivateKey // the signers
	qeReport            []byte
	signature, qeSigned []byte
}

// Quote signs a quote of version 3 that says r, with the platform's certificate
// chain in it. The same report gives the same bytes. An error means that the
// cryptography failed, never that the report is odd.
func (p *Platform) Quote(r Report) ([]byte, error) {
	d := p.newQuote(r)
	if hook := p.defect.quote; hook != nil {
		hook(d)
	}
	d.bind()
	if hook := p.defect.boundQuote; hook != nil {
		hook(d)
	}
	if err := d.sign(); err != nil {
		return nil, err
	}
	if hook := p.defect.signedQuote; hook != nil {
		hook(d)
	}
	raw := d.encode()
	if hook := p.defect.quoteBytes; hook != nil {
		raw = hook(raw)
	}
	return raw, nil
}

// OpenEnclaveReport signs a quote as [Platform.Quote] does and puts Open
// Enclave's report header before it: version 1, type 2 (remote), both 32 bits,
// and the length of the quote, 64 bits, little-endian.
func (p *Platform) OpenEnclaveReport(r Report) ([]byte, error) {
	quote, err := p.Quote(r)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 16+len(quote))
	b = binary.LittleEndian.AppendUint32(b, openEnclaveVersion)
	b = binary.LittleEndian.AppendUint32(b, openEnclaveRemote)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(quote)))
	return append(b, quote...), nil
}

func (p *Platform) newQuote(r Report) *quoteDraft {
	c, k := p.config, p.keys
	header := make([]byte, 0, headerSize)
	header = binary.LittleEndian.AppendUint16(header, quoteVersion)
	header = binary.LittleEndian.AppendUint16(header, keyTypeECDSAP256)
	header = binary.LittleEndian.AppendUint32(header, uint32(dcap.SGX))
	header = binary.LittleEndian.AppendUint16(header, c.QESVN)
	header = binary.LittleEndian.AppendUint16(header, c.SVNs.PCESVN)
	header = append(header, qeVendorID[:]...)
	header = append(header, userData[:]...)
	// Real chains are C strings: a NUL follows the last block.
	chain := append(chainPEM(p.quoting.pck, p.quoting.ca, p.quoting.root), 0)
	return &quoteDraft{
		platform: p, header: header, body: r.encode(c.SVNs.Components), qe: quotingEnclave(c.QESVN),
		qeAuthData: slices.Clone(qeAuthData), attestationKey: slices.Clone(k.attestationPoint),
		certificationType: dcap.CertPCKChain, certificationData: chain, attestation: k.attestation, pck: k.pck,
	}
}

// bind has the quoting enclave vouch for the attestation key.
func (d *quoteDraft) bind() {
	h := sha256.New()
	h.Write(d.attestationKey)
	h.Write(d.qeAuthData)
	d.qe.ReportData = [64]byte{}
	h.Sum(d.qe.ReportData[:0])
}

func (d *quoteDraft) sign() error {
	d.qeReport = d.qe.encode(d.platform.config.SVNs.Components)
	var err error
	if d.qeSigned, err = sign(d.pck, d.qeReport); err != nil {
		return err
	}
	d.signature, err = sign(d.attestation, slices.Concat(d.header, d.body))
	return err
}

// encode joins the parts (A.4, tables 1 and 4).
func (d *quoteDraft) encode() []byte {
	data := slices.Concat(d.signature, d.attestationKey, d.qeReport, d.qeSigned)
	data = binary.LittleEndian.AppendUint16(data, uint16(len(d.qeAuthData))) //nolint:gosec // 32 bytes
	data = append(data, d.qeAuthData...)
	data = binary.LittleEndian.AppendUint16(data, uint16(d.certificationType))
	data = binary.LittleEndian.AppendUint32(data, uint32(len(d.certificationData))) //nolint:gosec // a few KiB
	data = append(data, d.certificationData...)
	raw := slices.Concat(d.header, d.body)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(len(data))) //nolint:gosec // a few KiB
	return append(raw, data...)
}
