package collateral

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/azattest/azattest/evidence/dcap"
)

// delivery collects the parts of one set.
type delivery struct {
	mu    sync.Mutex
	parts dcap.CollateralParts
	from  map[*part]string
	err   error
}

func (d *delivery) put(a answer, p *part, body []byte, chainPart *part, chain []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*p.field(&d.parts) = body
	d.from[p] = a.from
	if chainPart != nil {
		*chainPart.field(&d.parts) = chain
		d.from[chainPart] = a.from
	}
}

// fail keeps the first error, for what follows it is most often the end of the
// other requests; but that the platform is unknown explains all others.
func (d *delivery) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil || isUnknown(err) && !isUnknown(d.err) {
		d.err = err
	}
}

// isNotFound reports whether a service answered that it has no such thing.
func isNotFound(err error) bool {
	e, ok := errors.AsType[*HTTPError](err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// isUnknown reports whether a service answered that it does not know the
// platform or the number. Without a revocation list, or at a wrong address, it
// does not work at all; that is another thing.
func isUnknown(err error) bool {
	e, ok := errors.AsType[*HTTPError](err)
	return ok && isNotFound(e) && (e.Part == tcbInfoPart.name || e.Status == http.StatusGone)
}

// fetch fetches the parts with this number, 0 for the configured update. The
// first that fails ends the others, unless the service lacks just that part.
func (h *HTTP) fetch(ctx context.Context, q Query, number int) (Set, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &delivery{from: make(map[*part]string, len(setParts))}
	var group sync.WaitGroup
	for _, fetchPart := range []func() error{
		func() error { return h.tcbInfo(ctx, d, q, number) },
		func() error { return h.qeIdentity(ctx, d, q, number) },
		func() error { return h.pckCRL(ctx, d, q) },
		func() error { return h.rootCACRL(ctx, d) },
	} {
		group.Go(func() {
			if err := fetchPart(); err != nil {
				d.fail(err)
				if !isNotFound(err) {
					cancel()
				}
			}
		})
	}
	group.Wait()
	if d.err != nil {
		return Set{}, h.explain(q, d.err)
	}
	set := describe(dcap.NewCollateral(d.parts), nil)
	if err := d.belongs(&set, q); err != nil {
		return Set{}, h.explain(q, err)
	}
	return set, nil
}

// explain turns "unknown" of a service into "not found" of a source.
func (h *HTTP) explain(q Query, err error) error {
	if isUnknown(err) {
		return &NotFoundError{Query: q, Source: h.base, Err: err}
	}
	return fmt.Errorf("collateral for %s: %w", q.wanted(), err)
}

// belongs checks that every part is there, can be read and is of the platform
// asked for. That is no trust; it keeps a service's mistake from being taken
// for one of the evidence.
func (d *delivery) belongs(s *Set, q Query) error {
	refuse := func(p *part, err error) error {
		return &HTTPError{Part: p.name, URL: d.from[p], Status: http.StatusOK, Err: err, Hint: unusableHint}
	}
	for _, problem := range s.Problems {
		if p, ok := errors.AsType[*partError](problem); ok {
			return refuse(p.part, p.err)
		}
	}
	switch got := s.Platform; {
	case got.TEE != q.Platform.TEE:
		return refuse(tcbInfoPart, fmt.Errorf("TCB info for %s, want %s", got.TEE, q.Platform.TEE))
	case got.FMSPC != q.Platform.FMSPC:
		return refuse(tcbInfoPart, fmt.Errorf("FMSPC %s, want %s", got.FMSPC, q.Platform.FMSPC))
	case got.CA != q.Platform.CA:
		return refuse(pckCRLPart, fmt.Errorf("a list of the %s CA, want one of the %s CA", got.CA, q.Platform.CA))
	}
	return nil
}

func (h *HTTP) tcbInfo(ctx context.Context, d *delivery, q Query, number int) error {
	values := h.selection(number)
	values.Set("fmspc", q.Platform.FMSPC.String())
	return h.document(ctx, d, tcbInfoPart, tcbInfoChainPart, h.teeURL(q)+"/tcb", values, tcbInfoChainHeaders)
}

func (h *HTTP) qeIdentity(ctx context.Context, d *delivery, q Query, number int) error {
	return h.document(ctx, d, qeIdentityPart, qeIdentityChainPart, h.teeURL(q)+"/qe/identity", h.selection(number), qeIdentityChainHeaders)
}

// selection are the parameters that say which of the documents in force is
// wanted. The service takes one of them.
func (h *HTTP) selection(number int) url.Values {
	switch {
	case number > 0:
		return url.Values{"tcbEvaluationDataNumber": {strconv.Itoa(number)}}
	case h.update != "":
		return url.Values{"update": {h.update}}
	}
	return url.Values{}
}

// teeURL is what the URLs of a TEE's documents begin with. Revocation lists are
// the same for both TEEs and stand under sgx.
func (h *HTTP) teeURL(q Query) string {
	if q.Platform.TEE == dcap.TDX {
		return h.base + "/tdx" + apiPath
	}
	return h.base + "/sgx" + apiPath
}

// document fetches TCB info or QE identity, with the chain in the header.
func (h *HTTP) document(ctx context.Context, d *delivery, p, chainPart *part, from string, values url.Values, headers []string) error {
	a, err := h.get(ctx, p, withQuery(from, values))
	if err != nil {
		return err
	}
	chain, err := issuerChain(a.header, headers)
	if err != nil {
		return unusable(p, a, err)
	}
	d.put(a, p, a.body, chainPart, chain)
	return nil
}

// pckCRL fetches the list of the CA that issued the PCK certificate. Some
// services send no issuer chain with it, and none is needed.
func (h *HTTP) pckCRL(ctx context.Context, d *delivery, q Query) error {
	values := url.Values{"ca": {string(q.Platform.CA)}, "encoding": {"der"}}
	a, err := h.get(ctx, pckCRLPart, withQuery(h.base+"/sgx"+apiPath+"/pckcrl", values))
	if err != nil {
		return err
	}
	der, err := derCRL(a.body)
	if err != nil {
		return unusable(pckCRLPart, a, err)
	}
	chain, err := issuerChain(a.header, pckCRLChainHeaders)
	if err != nil && !errors.Is(err, errNoChain) {
		return unusable(pckCRLPart, a, err)
	}
	d.put(a, pckCRLPart, der, pckCRLChainPart, chain)
	return nil
}

// rootCACRL fetches the root's list: from where the configuration says, else
// from the service, else from Intel's distribution point.
func (h *HTTP) rootCACRL(ctx context.Context, d *delivery) error {
	from := h.rootCRL
	if from == "" {
		from = h.base + "/sgx" + apiPath + "/rootcacrl"
	}
	a, err := h.get(ctx, rootCRLPart, from)
	if h.rootCRL == "" && isNotFound(err) {
		a, err = h.get(ctx, rootCRLPart, intelRootCRL)
	}
	if err != nil {
		return err
	}
	der, err := derCRL(a.body)
	if err != nil {
		return unusable(rootCRLPart, a, err)
	}
	d.put(a, rootCRLPart, der, nil, nil)
	return nil
}

const unusableHint = "the service sent something else than was asked for: check its URL, and a proxy on the way"

// unusable says that an answer is not what its part must be.
func unusable(p *part, a answer, err error) error {
	return &HTTPError{
		Part: p.name, URL: a.from, Status: http.StatusOK, RequestID: printable(a.header.Get("Request-ID")), Err: err,
		Hint: unusableHint,
	}
}

func withQuery(base string, values url.Values) string {
	if len(values) == 0 {
		return base
	}
	return base + "?" + values.Encode()
}
