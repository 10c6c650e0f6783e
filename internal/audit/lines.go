package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines reads a segment line by line.
type lines struct {
	r *bufio.Reader
	// number is that of the last line, from 1; offset is where it ends.
	number int
	offset int64
}

// newLines reads from r, with the buffer of an earlier reader if there is one.
func newLines(r io.Reader, buffer *bufio.Reader) *lines {
	if buffer == nil {
		// The longest line with its line break, and one byte that is too many.
		buffer = bufio.NewReaderSize(nil, maxLine+2)
	}
	buffer.Reset(r)
	return &lines{r: buffer}
}

// errHalfLine is the end of a segment within a line.
var errHalfLine = errors.New("the file ends within a line")

// errLongLine is a line that no trail has.
var errLongLine = fmt.Errorf("a line of more than %d bytes", maxLine)

// next returns the next line without its line break, which is valid until the
// next call. It returns [io.EOF] at the end of the file, errHalfLine where that is
// no end of a line, and errLongLine.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		l.number++
		return nil, errLongLine
	case errors.Is(err, io.EOF) && len(line) > 0:
		l.number++
		return nil, errHalfLine
	case err != nil:
		return nil, err
	}
	l.number++
	l.offset += int64(len(line))
	return bytes.TrimSuffix(line, []byte("\n")), nil
}
