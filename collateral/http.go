package collateral

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// HTTP is a [Source] that asks a provisioning service with version 4 of Intel's
// API ("Intel SGX and Intel TDX Provisioning Certification Service", v4):
// Intel's PCS, a PCCS or Azure THIM. It keeps nothing.
type HTTP struct {
	base       string
	rootCRL    string // empty: rootcacrl of the service
	update     string
	number     int
	timeout    time.Duration
	maxBytes   int64
	retries    int
	userAgent  string
	client     *http.Client
	clock      func() time.Time
	authorize  func(*http.Request) // adds the key; a function, so that no printing of HTTP shows it
	ownsClient bool
}

var _ Source = (*HTTP)(nil)

// apiPath follows /sgx or /tdx.
const apiPath = "/certification/v4"

// NewHTTP returns a source that asks a service. It does not dial out yet.
func NewHTTP(c HTTPConfig) (*HTTP, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	base, err := c.baseURL()
	if err != nil {
		return nil, err
	}
	h := &HTTP{
		base: base, rootCRL: c.RootCRLURL, update: c.Update, number: c.TCBEvaluationDataNumber,
		timeout: c.Timeout, maxBytes: c.MaxBytes, retries: c.Retries, userAgent: c.UserAgent,
		clock: c.Clock, ownsClient: c.Transport == nil,
	}
	if h.rootCRL == "" && base == IntelPCS {
		h.rootCRL = intelRootCRL
	}
	if h.timeout == 0 {
		h.timeout = defaultTimeout
	}
	if h.maxBytes == 0 {
		h.maxBytes = maxCRL
	}
	if h.retries == 0 {
		h.retries = defaultRetries
	}
	if h.userAgent == "" {
		h.userAgent = defaultUserAgent
	}
	if h.clock == nil {
		h.clock = time.Now
	}
	h.client = &http.Client{Transport: c.transport(), CheckRedirect: sameOrigin}
	key := c.SubscriptionKey
	h.authorize = func(r *http.Request) {
		if key != "" && strings.HasPrefix(r.URL.String(), base+"/") {
			r.Header.Set("Ocp-Apim-Subscription-Key", key)
		}
	}
	return h, nil
}

// Close closes idle connections. A transport that was given in the
// configuration is left to its owner.
func (h *HTTP) Close() error {
	if h.ownsClient {
		h.client.CloseIdleConnections()
	}
	return nil
}

// Collateral fetches a set, its parts at the same time. If the query names a TCB
// evaluation data number the service is asked for that one, and if it has it no
// more, or never had, for the current one, which must not be lower.
//
// It returns a *[NotFoundError] if the service does not know the platform or
// the number, and otherwise an *[HTTPError], also if what it sent is not what
// was asked for.
func (h *HTTP) Collateral(ctx context.Context, q Query) (*dcap.Collateral, error) {
	if err := q.validate(); err != nil {
		return nil, err
	}
	number := max(q.TCBEvaluationDataNumber, h.number)
	set, err := h.fetch(ctx, q, number)
	if _, ok := errors.AsType[*NotFoundError](err); ok && number > 0 && h.number == 0 {
		set, err = h.fetch(ctx, q, 0)
	}
	if err != nil {
		return nil, err
	}
	if got := set.TCBEvaluationDataNumber; got < number {
		return nil, &NotFoundError{Query: q, Source: h.base, Reason: fmt.Sprintf("its number for this platform is %d", got)}
	}
	return set.Collateral, nil
}
