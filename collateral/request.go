package collateral

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

var (
	errBrokenOff = errors.New("the answer broke off")
	errTooLarge  = errors.New("the answer is too large")
)

// answer is what a service sent, whole.
type answer struct {
	body   []byte
	header http.Header
	from   string
}

// get fetches a part, again and again if that may help. Errors are *HTTPError.
func (h *HTTP) get(ctx context.Context, p *part, from string) (answer, error) {
	for n := 0; ; n++ {
		a, failed := h.once(ctx, p, from)
		if failed == nil {
			return a, nil
		}
		pause, ok := backOff(n, failed.RetryAfter)
		if n >= h.retries || !ok || !retryable(failed) || ctx.Err() != nil {
			return answer{}, failed
		}
		if err := sleep(ctx, pause); err != nil {
			// What the service said tells more than that nobody waits any longer.
			failed.Err = joined(failed.Err, fmt.Errorf("no time for a retry: %w", err))
			return answer{}, failed
		}
	}
}

// once fetches a part with one request, or with a few if the host redirects
// within itself.
func (h *HTTP) once(caller context.Context, p *part, from string) (answer, *HTTPError) {
	ctx, cancel := context.WithTimeout(caller, h.timeout)
	defer cancel()
	failed := &HTTPError{Part: p.name, URL: from}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		failed.Err = err
		return answer{}, failed
	}
	request.Header.Set("User-Agent", h.userAgent)
	h.authorize(request)
	response, err := h.client.Do(request)
	if err != nil {
		failed.Err = withoutURL(err)
		if caller.Err() == nil {
			failed.Hint = "check the network, the proxy and the service's address; without a network use an archive"
		}
		return answer{}, failed
	}
	defer func() { _ = response.Body.Close() }()
	failed.Status = response.StatusCode
	failed.RequestID = printable(response.Header.Get("Request-ID"))
	if response.StatusCode != http.StatusOK {
		failed.Message = printable(response.Header.Get("Error-Message"))
		failed.RetryAfter = retryAfter(response.Header.Get("Retry-After"), h.clock())
		failed.Hint = hint(p, response)
		return answer{}, failed
	}
	body, err := readBody(response, min(p.limit, h.maxBytes))
	if err != nil {
		failed.Err = err
		return answer{}, failed
	}
	return answer{body: body, header: response.Header, from: from}, nil
}

// readBody reads a body whole and within its limit. net/http sees to it that a
// body shorter than announced is an error.
func readBody(response *http.Response, limit int64) ([]byte, error) {
	if response.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes, want at most %d", errTooLarge, response.ContentLength, limit)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w after %d bytes: %w", errBrokenOff, len(body), err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", errTooLarge, limit)
	}
	return body, nil
}

// hint says what to do about a status.
func hint(p *part, r *http.Response) string {
	switch status := r.StatusCode; {
	case status == http.StatusBadRequest:
		return "the service does not understand the request: check that it speaks version 4 of Intel's API"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return "the service wants a subscription key, or another one"
	case status == http.StatusNotFound && p == rootCRLPart:
		return "configure the URL of the root CRL; Intel's is " + intelRootCRL
	case status == http.StatusNotFound:
		return "the service does not know this platform or number; a PCCS may have to be filled first"
	case status == http.StatusGone:
		return "the service no longer offers this TCB evaluation data number: ask for a higher one, or for the current collateral with 0"
	case status >= 300 && status < 400:
		return fmt.Sprintf("redirects to %q are not followed: configure the URL it leads to", printable(r.Header.Get("Location")))
	case status == http.StatusTooManyRequests:
		return "too many requests: put a cache before the source"
	case status >= 500:
		return "the service is out of order: try again later, or use another service or an archive"
	}
	return ""
}

// sameOrigin lets redirects through that stay on the host, and keeps the answer
// that would lead elsewhere.
func sameOrigin(request *http.Request, via []*http.Request) error {
	first := via[0].URL
	if len(via) > maxRedirects || request.URL.Scheme != first.Scheme || !strings.EqualFold(request.URL.Host, first.Host) {
		return http.ErrUseLastResponse
	}
	return nil
}

// withoutURL takes off the URL that net/http puts before an error: ours stands
// in HTTPError, a redirect's may hold anything.
func withoutURL(err error) error {
	for {
		u, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = u.Err
	}
}
