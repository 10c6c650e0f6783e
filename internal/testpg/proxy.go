package testpg

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Proxy forwards connections to a server until it is told to fail. Everything
// that it does holds for the connections that there are and for new ones, until
// [Proxy.Restore].
type Proxy struct {
	listener net.Listener
	target   string
	moving   sync.WaitGroup

	mu      sync.Mutex
	links   map[*link]bool
	fault   fault
	changed chan struct{} // closed when fault changes
}

// fault is what a proxy does to connections whose client has sent word; the
// empty word is in all of them.
type fault struct {
	kind faultKind
	word string
}

type faultKind int

const (
	none faultKind = iota
	stall
	cut
	cutBefore
	cutAfter
)

// NewProxy returns a proxy to a server's address. It ends with the test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target, links: make(map[*link]bool), changed: make(chan struct{})}
	p.moving.Go(p.accept)
	tb.Cleanup(func() {
		_ = listener.Close()
		p.set(fault{kind: cut})
		p.moving.Wait()
	})
	return p
}

// DSN returns a server's connection string with the proxy's address in it.
func (p *Proxy) DSN(tb testing.TB, dsn string) string {
	tb.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		tb.Fatal("testpg: a connection string that no server of this package has")
	}
	query := u.Query()
	query.Del("host")
	query.Del("port")
	u.Host, u.RawQuery = p.listener.Addr().String(), query.Encode()
	return u.String()
}

// Cut ends connections and refuses new ones.
func (p *Proxy) Cut() { p.set(fault{kind: cut}) }

// CutWhere ends the connections whose clients have sent or will send a word, for
// example LISTEN.
func (p *Proxy) CutWhere(word string) { p.set(fault{cut, word}) }

// CutBefore ends a connection in place of forwarding what holds the word: the
// server never sees it.
func (p *Proxy) CutBefore(word string) { p.set(fault{cutBefore, word}) }

// CutAfter forwards what holds the word and ends the connection in place of
// forwarding the answer.
func (p *Proxy) CutAfter(word string) { p.set(fault{cutAfter, word}) }

// Stall lets nothing pass; connections stay as they are, and new ones are
// accepted, as when packets are lost.
func (p *Proxy) Stall() { p.set(fault{kind: stall}) }

// StallWhere lets nothing pass on connections whose clients have sent a word.
func (p *Proxy) StallWhere(word string) { p.set(fault{stall, word}) }

// Restore lets everything pass again, also what was held back.
func (p *Proxy) Restore() { p.set(fault{}) }

func (p *Proxy) set(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	for l := range p.links {
		if f.kind == cut && l.hasSent(f.word) {
			l.end()
		}
	}
}

// now returns the fault, and a channel that is closed when it changes.
func (p *Proxy) now() (fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server, ended: make(chan struct{})}
		p.mu.Lock()
		p.links[l] = true
		isCut := p.fault == fault{kind: cut}
		p.mu.Unlock()
		if isCut {
			l.end()
		}
		var both sync.WaitGroup
		both.Go(func() { p.move(l, client, server, true) })
		both.Go(func() { p.move(l, server, client, false) })
		p.moving.Go(func() {
			both.Wait()
			p.mu.Lock()
			delete(p.links, l)
			p.mu.Unlock()
		})
	}
}

// move forwards what comes from one end, unless a fault has it otherwise.
func (p *Proxy) move(l *link, from, to net.Conn, isClient bool) {
	defer l.end()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if isClient {
			l.remember(buffer[:n])
		}
		if !p.mayPass(l, buffer[:n], isClient) {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// mayPass waits while the link is stalled, and reports whether it may go on.
func (p *Proxy) mayPass(l *link, piece []byte, isClient bool) bool {
	for {
		f, changed := p.now()
		switch {
		case f.kind == none:
			return true
		case f.kind == cutBefore:
			return !isClient || !bytes.Contains(piece, []byte(f.word))
		case f.kind == cutAfter:
			if isClient && bytes.Contains(piece, []byte(f.word)) {
				l.doom()
			}
			return isClient || !l.isDoomed()
		case !l.hasSent(f.word):
			return true
		case f.kind == cut:
			return false
		}
		select {
		case <-changed:
		case <-l.ended:
			return false
		}
	}
}
