package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// A person waits for the answer.
const (
	// patienceForTry is for one try. An attestation takes a second, and some if the
	// service fetches collateral first.
	patienceForTry = 20 * time.Second
	// patienceInAll is for everything that a command asks a service.
	patienceInAll = time.Minute
	// patienceInSilence is when somebody at a terminal is told what takes so long.
	patienceInSilence = 5 * time.Second
)

// patience bounds the time that all requests of one command take together. It is
// a policy of azcore, and stands before the one that tries again.
type patience struct {
	// w is told of a long wait, nil for nobody.
	w io.Writer

	mu   sync.Mutex
	ends time.Time // zero before the first request
	told bool
}

// Do sends a request.
func (p *patience) Do(req *policy.Request) (*http.Response, error) {
	// Answers are read whole before they come back this way.
	ctx, cancel := context.WithDeadline(req.Raw().Context(), p.end())
	defer cancel()
	defer p.watch(req.Raw().URL.Host)()
	return req.Clone(ctx).Next()
}

func (p *patience) end() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ends.IsZero() {
		p.ends = time.Now().Add(patienceInAll)
	}
	return p.ends
}

// watch tells of a long wait, once. The function that it returns ends the watch:
// nothing is written any more after that.
func (p *patience) watch(host string) func() {
	if p.w == nil {
		return func() {}
	}
	done := make(chan struct{})
	timer := time.AfterFunc(patienceInSilence, func() {
		defer close(done)
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.told {
			p.told = true
			// It is a courtesy: whoever cannot be told waits all the same.
			_, _ = fmt.Fprintf(p.w, "azattest: waiting for %s, for %.0f seconds at most\n", clean(host), time.Until(p.ends).Seconds())
		}
	})
	return func() {
		if !timer.Stop() {
			<-done
		}
	}
}
