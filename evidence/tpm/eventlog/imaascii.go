package eventlog

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// parseIMAASCII reads one entry a line, and makes of it the data that was
// hashed. A file whose name has a line break in it makes a line that is none,
// or one that was never extended: such a log is refused here or by Prove, and
// only the binary log can speak of such a file.
func (l *Log) parseIMAASCII(raw []byte) error {
	l.Banks = []Bank{SHA1}
	r := &reader{rest: raw}
	for len(r.rest) > 0 {
		r.event++
		if r.event > maxEvents {
			return r.fail(CodeTooLarge, "log", "more entries", fmt.Sprintf("at most %d", maxEvents))
		}
		n := bytes.IndexByte(r.rest, '\n')
		if n < 0 {
			return r.fail(CodeTruncated, "line", "no line break", "one after each entry")
		}
		if n > maxData {
			return r.fail(CodeTooLarge, "line", fmt.Sprintf("%d bytes", n), fmt.Sprintf("at most %d", maxData))
		}
		e, err := imaLine(r, r.rest[:n])
		if err != nil {
			return err
		}
		l.Events = append(l.Events, e)
		if _, err := r.take(uint64(n)+1, "line"); err != nil {
			return err
		}
	}
	return nil
}

func imaLine(r *reader, line []byte) (Event, error) {
	e := Event{Number: r.event, Offset: r.offset, Type: IMAMeasurement}
	number, rest, _ := bytes.Cut(bytes.TrimLeft(line, " "), []byte(" "))
	pcr, err := strconv.ParseUint(string(number), 10, 8)
	if err != nil || pcr > maxPCR {
		return e, r.fail(CodeMalformed, "PCR", fmt.Sprintf("%q", number[:min(len(number), maxText)]), fmt.Sprintf("a number up to %d", maxPCR))
	}
	e.PCR = int(pcr)
	digits, rest, _ := bytes.Cut(rest, []byte(" "))
	hash, err := hex.DecodeString(string(digits))
	if err != nil || len(hash) != imaHash {
		return e, r.fail(CodeMalformed, "template hash", fmt.Sprintf("%q", digits[:min(len(digits), maxText)]), "40 hexadecimal digits")
	}
	name, rest, _ := bytes.Cut(rest, []byte(" "))
	for _, split := range []bool{true, false} {
		data, err := imaLineData(r, string(name), rest, split)
		if err != nil {
			return e, err
		}
		e.Data = data
		if SHA1.isSum(hash, data) {
			break
		}
	}
	return e, e.setIMA(r, string(name), hash)
}

// imaLineData makes a template's data of a line's. What follows a name has no
// spaces, and the name may. Kernels differ in whether they print the space
// before a signature that is empty; split says that they do.
func imaLineData(r *reader, template string, rest []byte, split bool) ([]byte, error) {
	digest, name, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		return nil, r.fail(CodeMalformed, "line", "no name", "a digest, a space and a name")
	}
	alg := []byte(nil)
	if i := bytes.LastIndexByte(digest, ':'); i >= 0 {
		alg, digest = digest[:i], digest[i+1:]
	}
	value, err := hex.DecodeString(string(digest))
	if err != nil {
		return nil, r.fail(CodeMalformed, "file digest", fmt.Sprintf("%q", digest[:min(len(digest), maxText)]), "hexadecimal digits")
	}
	var tail []byte
	switch template {
	case "ima":
		if len(value) != imaHash || len(name) >= imaName || bytes.IndexByte(name, 0) >= 0 {
			return nil, r.fail(CodeMalformed, "d and n", fmt.Sprintf("%d and %d bytes", len(value), len(name)), fmt.Sprintf("%d and less than %d, no zero", imaHash, imaName))
		}
		return imaPadded(value, name), nil
	case "ima-ng", "ima-ngv2":
		return imaJoin(alg, value, name), nil
	case "ima-sig", "ima-sigv2", "ima-buf":
		if i := bytes.LastIndexByte(name, ' '); i >= 0 && split {
			tail, err = hex.DecodeString(string(name[i+1:]))
			if err == nil {
				name = name[:i]
			}
		}
		data := imaJoin(alg, value, name)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(tail))) //nolint:gosec // G115: within a line, of 1 MiB at most
		return append(data, tail...), nil
	default:
		return nil, r.fail(CodeUnsupported, "template name", fmt.Sprintf("%q", template[:min(len(template), imaTemplate)]), "ima, ima-ng, ima-sig, ima-buf; others as binary_runtime_measurements")
	}
}

// imaJoin makes the fields d-ng and n-ng.
func imaJoin(alg, digest, name []byte) []byte {
	data := make([]byte, 0, 8+len(alg)+2+len(digest)+len(name)+1)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(alg)+2+len(digest))) //nolint:gosec // G115: within a line, of 1 MiB at most
	data = append(append(append(data, alg...), ":\x00"...), digest...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(name)+1)) //nolint:gosec // G115: as above
	return append(append(data, name...), 0)
}
