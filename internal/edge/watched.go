package edge

import "net/http"

// Watched remembers what went out.
type Watched struct {
	http.ResponseWriter
	// Status of the answer, 0 before it begins; Bytes of its body until now.
	Status int
	Bytes  int
}

// WriteHeader begins the answer.
func (w *Watched) WriteHeader(status int) {
	if w.Status == 0 {
		w.Status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *Watched) Write(p []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	written, err := w.ResponseWriter.Write(p)
	w.Bytes += written
	return written, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *Watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
