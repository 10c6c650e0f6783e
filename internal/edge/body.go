package edge

import (
	"bytes"
	"io"
	"net/http"
)

// ReadBody reads a body of most bytes or fewer; one that announces that it is longer is
// not waited for. One of more than 16 KiB takes one of the places until it is there: who
// sends slowly holds memory, and nearly nobody sends that much.
//
// The error is [ErrBusy] if there was no place; beside others stands what came until
// then: an [*http.MaxBytesError] of a longer body, one that is [os.ErrDeadlineExceeded]
// of a body that did not come in time, any other of one that ended early.
func ReadBody(w http.ResponseWriter, r *http.Request, most int64, uploads Places) ([]byte, error) {
	if r.ContentLength > most {
		return nil, &http.MaxBytesError{Limit: most}
	}
	limited := http.MaxBytesReader(w, r.Body, most)
	body, err := readSome(limited, r.ContentLength)
	if err != nil || len(body) <= smallBody {
		return body, err
	}
	leave, ok := uploads.Take()
	if !ok {
		return nil, ErrBusy
	}
	defer leave()
	rest, err := io.ReadAll(limited)
	return append(body, rest...), err
}

// readSome reads up to smallBody bytes, and one more if there is one. The room for them
// is made at once if the length was announced: to make it grow costs twice as much.
func readSome(r io.Reader, length int64) ([]byte, error) {
	var room bytes.Buffer
	if length > 0 {
		// The buffer grows unless it has room for what does not come any more.
		room.Grow(int(min(length, smallBody+1)) + bytes.MinRead)
	}
	_, err := room.ReadFrom(io.LimitReader(r, smallBody+1))
	return room.Bytes(), err
}
