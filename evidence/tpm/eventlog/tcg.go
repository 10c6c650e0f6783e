package eventlog

import (
	"bytes"
	"fmt"
	"slices"
)

const (
	// specIDSignature begins the data of a crypto-agile log's header
	// (TCG_EfiSpecIdEvent).
	specIDSignature = "Spec ID Event03\x00"
	// sha1HeaderSize is what precedes the data of a TCG_PCClientPCREvent.
	sha1HeaderSize = 32
	sha1Size       = 20
	// wbclSignature and wbclHeaderSize are of Windows' WBCL_LogHdr.
	wbclSignature  = "WBCL"
	wbclHeaderSize = 16
	// noPCR stands in the place of an index that is none.
	noPCR = 0xffffffff
)

// parseSHA1 reads TCG_PCClientPCREvents to the end.
func (l *Log) parseSHA1(raw []byte) error {
	l.Banks = []Bank{SHA1}
	r := &reader{rest: raw}
	entries := -1
	if bytes.HasPrefix(raw, []byte(wbclSignature)) {
		n, err := wbclHeader(r)
		if err != nil {
			return err
		}
		entries = n
	}
	digests := make([]Digest, 0, roomFor(raw))
	l.Events = make([]Event, 0, roomFor(raw))
	for len(r.rest) > 0 {
		r.event++
		if r.event > maxEvents {
			return r.fail(CodeTooLarge, "log", "more events", fmt.Sprintf("at most %d", maxEvents))
		}
		e, digest, err := sha1Event(r)
		if err != nil {
			return err
		}
		digests = append(digests, Digest{Bank: SHA1, Value: digest})
		// What append moves elsewhere stays as it was for events before.
		e.Digests = digests[len(digests)-1 : len(digests) : len(digests)]
		l.Events = append(l.Events, e)
	}
	if entries >= 0 && entries != len(l.Events) {
		return &Error{Code: CodeMalformed, PCR: -1, Offset: 8, Part: "WBCL_LogHdr.entries", Found: fmt.Sprintf("%d", entries), Expected: fmt.Sprintf("the %d events that follow", len(l.Events))}
	}
	return nil
}

// roomFor guesses how many events a log has, to make room for them at once.
// Real ones take 160 bytes and more; the room is bounded whatever is sent.
func roomFor(raw []byte) int { return min(len(raw)/160, 1024) }

// wbclHeader reads Windows' own header and returns the number of entries.
func wbclHeader(r *reader) (int, error) {
	if _, err := r.take(4, "WBCL_LogHdr.signature"); err != nil {
		return 0, err
	}
	version, err := r.u32("WBCL_LogHdr.version")
	if err != nil {
		return 0, err
	}
	if version != 1 {
		return 0, r.fail(CodeUnsupported, "WBCL_LogHdr.version", fmt.Sprintf("%d", version), "1")
	}
	entries, err := r.u32("WBCL_LogHdr.entries")
	if err != nil {
		return 0, err
	}
	if entries > maxEvents {
		return 0, r.fail(CodeTooLarge, "WBCL_LogHdr.entries", fmt.Sprintf("%d", entries), fmt.Sprintf("at most %d", maxEvents))
	}
	length, err := r.u32("WBCL_LogHdr.length")
	if err != nil {
		return 0, err
	}
	// Whether the length counts the header is not documented.
	if n := uint64(len(r.rest)); uint64(length) != n && uint64(length) != n+wbclHeaderSize {
		return 0, r.fail(CodeMalformed, "WBCL_LogHdr.length", fmt.Sprintf("%d", length), fmt.Sprintf("the %d bytes that follow", n))
	}
	return int(entries), nil
}

func sha1Event(r *reader) (e Event, digest []byte, err error) {
	if e, err = eventHead(r); err != nil {
		return e, nil, err
	}
	if digest, err = r.take(sha1Size, "digest"); err != nil {
		return e, nil, err
	}
	e.Data, err = eventData(r)
	return e, digest, err
}

// eventHead reads what both formats begin with: the PCR and the type.
func eventHead(r *reader) (Event, error) {
	e := Event{Number: r.event, Offset: r.offset}
	pcr, err := r.u32("pcrIndex")
	if err != nil {
		return e, err
	}
	t, err := r.u32("eventType")
	if err != nil {
		return e, err
	}
	e.PCR, e.Type = int(pcr), EventType(t)
	switch {
	case pcr <= maxPCR:
	case pcr == noPCR && e.Type == EvNoAction:
		e.PCR = -1
	default:
		return e, &Error{Code: CodeMalformed, Event: r.event, Offset: e.Offset, PCR: -1, Part: "pcrIndex", Found: fmt.Sprintf("%d", pcr), Expected: fmt.Sprintf("at most %d", maxPCR)}
	}
	return e, nil
}

func eventData(r *reader) ([]byte, error) {
	n, err := r.u32("eventSize")
	if err != nil {
		return nil, err
	}
	return r.within(uint64(n), maxData, "event")
}

// bankSize is an algorithm of the header with the length of its digests.
type bankSize struct {
	bank Bank
	size int
}

// parseAgile reads a header and TCG_PCR_EVENT2s, to the end or, in a CCEL, to
// what pads it.
func (l *Log) parseAgile(raw []byte) error {
	r := &reader{rest: raw}
	sizes, err := l.header(r)
	if err != nil {
		return err
	}
	digests := make([]Digest, 0, roomFor(raw)*len(sizes))
	l.Events = make([]Event, 0, roomFor(raw))
	for len(r.rest) > 0 {
		if l.Format == FormatCCEL && isPadding(r.rest) {
			return nil
		}
		r.event++
		if r.event > maxEvents {
			return r.fail(CodeTooLarge, "log", "more events", fmt.Sprintf("at most %d", maxEvents))
		}
		e, err := eventHead(r)
		if err != nil {
			return err
		}
		first := len(digests)
		if digests, err = agileDigests(r, sizes, digests); err != nil {
			return err
		}
		e.Digests = digests[first:len(digests):len(digests)]
		if e.Data, err = eventData(r); err != nil {
			return err
		}
		l.Events = append(l.Events, e)
	}
	return nil
}

// isPadding says whether nothing more comes in a CCEL, whose area is larger
// than its log: the rest is all ones, or all zeros.
func isPadding(rest []byte) bool {
	c := rest[0]
	if c != 0 && c != 0xff {
		return false
	}
	for _, b := range rest {
		if b != c {
			return false
		}
	}
	return true
}

// agileDigests reads a TPML_DIGEST_VALUES.
func agileDigests(r *reader, sizes []bankSize, digests []Digest) ([]Digest, error) {
	n, err := r.u32("digests.count")
	if err != nil {
		return nil, err
	}
	if uint64(n) > uint64(len(sizes)) {
		return nil, r.fail(CodeMalformed, "digests.count", fmt.Sprintf("%d", n), fmt.Sprintf("at most the %d algorithms of the header", len(sizes)))
	}
	first := len(digests)
	for range n {
		id, err := r.u16("digests.hashAlg")
		if err != nil {
			return nil, err
		}
		bank := Bank(id)
		i := slices.IndexFunc(sizes, func(s bankSize) bool { return s.bank == bank })
		if i < 0 {
			return nil, r.fail(CodeMalformed, "digests.hashAlg", bank.String(), "an algorithm of the header")
		}
		if slices.ContainsFunc(digests[first:], func(d Digest) bool { return d.Bank == bank }) {
			return nil, r.fail(CodeMalformed, "digests.hashAlg", bank.String()+" again", "each algorithm once")
		}
		value, err := r.take(uint64(sizes[i].size), "digests.digest") //nolint:gosec // G115: header saw that it is 1 to 64
		if err != nil {
			return nil, err
		}
		digests = append(digests, Digest{Bank: bank, Value: value})
	}
	return digests, nil
}

// header reads the first event, which says what the others look like.
func (l *Log) header(r *reader) ([]bankSize, error) {
	e, _, err := sha1Event(r)
	if err != nil {
		return nil, err
	}
	if e.Type != EvNoAction {
		return nil, &Error{Code: CodeMalformed, PCR: -1, Offset: 4, Part: "header: eventType", Found: e.Type.String(), Expected: EvNoAction.String()}
	}
	h := &reader{rest: e.Data, offset: sha1HeaderSize}
	signature, err := h.take(16, "header: signature")
	if err != nil {
		return nil, err
	}
	if string(signature) != specIDSignature {
		return nil, h.fail(CodeUnsupported, "header: signature", fmt.Sprintf("%q", signature), fmt.Sprintf("%q", specIDSignature))
	}
	if _, err := h.u32("header: platformClass"); err != nil {
		return nil, err
	}
	version, err := h.take(4, "header: version")
	if err != nil {
		return nil, err
	}
	if minor, major := version[0], version[1]; major != 2 || minor != 0 {
		return nil, h.fail(CodeUnsupported, "header: version", fmt.Sprintf("%d.%d", major, minor), "2.0")
	}
	n, err := h.u32("header: numberOfAlgorithms")
	if err != nil {
		return nil, err
	}
	if n == 0 || n > maxBanks {
		return nil, h.fail(CodeMalformed, "header: numberOfAlgorithms", fmt.Sprintf("%d", n), fmt.Sprintf("1 to %d", maxBanks))
	}
	sizes := make([]bankSize, 0, n)
	for range n {
		s, err := headerBank(h, sizes)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, s)
		l.Banks = append(l.Banks, s.bank)
	}
	vendor, err := h.u8("header: vendorInfoSize")
	if err != nil {
		return nil, err
	}
	if _, err := h.take(uint64(vendor), "header: vendorInfo"); err != nil {
		return nil, err
	}
	return sizes, h.end("header")
}

func headerBank(h *reader, before []bankSize) (bankSize, error) {
	id, err := h.u16("header: algorithmId")
	if err != nil {
		return bankSize{}, err
	}
	size, err := h.u16("header: digestSize")
	if err != nil {
		return bankSize{}, err
	}
	bank := Bank(id)
	if slices.ContainsFunc(before, func(s bankSize) bool { return s.bank == bank }) {
		return bankSize{}, h.fail(CodeMalformed, "header: algorithmId", bank.String()+" again", "each algorithm once")
	}
	if want := bank.Size(); want != 0 && int(size) != want {
		return bankSize{}, h.fail(CodeMalformed, "header: digestSize of "+bank.String(), fmt.Sprintf("%d", size), fmt.Sprintf("%d", want))
	}
	if size == 0 || size > maxDigest {
		return bankSize{}, h.fail(CodeMalformed, "header: digestSize of "+bank.String(), fmt.Sprintf("%d", size), fmt.Sprintf("1 to %d", maxDigest))
	}
	return bankSize{bank: bank, size: int(size)}, nil
}
