package collateral

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// NotFoundError says that a source answered and has nothing for a query.
type NotFoundError struct {
	Query Query
	// Source names the source: a URL or a folder.
	Source string
	// Reason says what the source has instead, or what to do.
	Reason string
	// Err is the answer that said so; nil for an archive.
	Err error
}

// Error gives the query, the source, what it has instead and the cause.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no collateral for %s in %s", e.Query.wanted(), e.Source)
	if e.Reason != "" {
		b.WriteString(": " + e.Reason)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

func (e *NotFoundError) Unwrap() error { return e.Err }

// HTTPError says that a provisioning service gave no usable answer.
type HTTPError struct {
	// Part is what was asked for: "TCB info", "QE identity", "PCK CRL", "root CA
	// CRL".
	Part string
	// URL that was asked. It holds no secret.
	URL string
	// Status of the answer, 0 if there was none. It is 200 if the answer was
	// received and is not what was asked for.
	Status int
	// RequestID is Intel's name for the request, for questions to its support.
	RequestID string
	// Message is the server's own explanation (header Error-Message), cut short
	// and free of control characters.
	Message string
	// RetryAfter is how long the server asks to be left alone, 0 if it does not.
	RetryAfter time.Duration
	// Hint says what to do about it; may be empty.
	Hint string
	// Err is the cause, if the status is not the whole of it.
	Err error
}

// Error gives part, URL, status, the server's words, the cause and the hint.
func (e *HTTPError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: GET %s", e.Part, e.URL)
	if e.Status != 0 && (e.Status != http.StatusOK || e.Err == nil) {
		fmt.Fprintf(&b, ": status %d", e.Status)
		if text := http.StatusText(e.Status); text != "" {
			b.WriteString(" (" + text + ")")
		}
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": the server says %q", e.Message)
	}
	if e.RequestID != "" {
		b.WriteString(", request ID " + e.RequestID)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, ", asks to wait %s", e.RetryAfter)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

func (e *HTTPError) Unwrap() error { return e.Err }

// joined wraps all errors that are not nil and puts them into one line.
func joined(errs ...error) error {
	var all error
	for _, err := range errs {
		switch {
		case all == nil:
			all = err
		case err != nil:
			all = fmt.Errorf("%w; %w", all, err)
		}
	}
	return all
}

// printable cuts text that a server chose down to what may stand in one line of
// a log.
func printable(text string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	if len(clean) > maxErrorText {
		clean = clean[:maxErrorText] + "…"
	}
	return strings.TrimSpace(clean)
}
