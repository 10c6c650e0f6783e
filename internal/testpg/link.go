package testpg

import (
	"bytes"
	"net"
	"sync"
)

// link is one connection through a proxy.
type link struct {
	client, server net.Conn
	ended          chan struct{}
	once           sync.Once

	mu     sync.Mutex
	sent   []byte // what the client sent, but for the middle of very much
	doomed bool   // nothing more may come back
}

// end closes both ends.
func (l *link) end() {
	l.once.Do(func() {
		close(l.ended)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

func (l *link) remember(piece []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Words that matter come early or were just sent.
	if len(l.sent) > 256<<10 {
		l.sent = append(l.sent[:64<<10], l.sent[len(l.sent)-64<<10:]...)
	}
	l.sent = append(l.sent, piece...)
}

func (l *link) hasSent(word string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.sent, []byte(word))
}

func (l *link) doom() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doomed = true
}

func (l *link) isDoomed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.doomed
}
