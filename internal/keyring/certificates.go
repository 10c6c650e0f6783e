package keyring

import (
	"container/list"
	"sync"

	"github.com/azattest/azattest/token"
)

// certificates remembers keys that were certified for a URL. The least recently
// used are forgotten beyond a number.
type certificates struct {
	most int

	mu    sync.Mutex
	byUse list.List // of *certified, the latest first
	all   map[certified]*list.Element
}

// certified names a key and a URL in the map, where key is nil, and holds the
// certified key in the list.
type certified struct {
	id, url string
	key     *token.Key
}

func newCertificates(most int) *certificates {
	return &certificates{most: most, all: map[certified]*list.Element{}}
}

func (c *certificates) get(id, url string) *token.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	element := c.all[certified{id: id, url: url}]
	if element == nil {
		return nil
	}
	c.byUse.MoveToFront(element)
	return valueOf(element).key
}

func (c *certificates) put(id, url string, key *token.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := certified{id: id, url: url}
	if element := c.all[name]; element != nil {
		c.byUse.MoveToFront(element)
		return
	}
	if c.byUse.Len() >= c.most {
		c.forget(c.byUse.Back())
	}
	c.all[name] = c.byUse.PushFront(&certified{id: id, url: url, key: key})
}

// keep forgets the certificates of all keys but those given that are not revoked,
// and with them their private keys.
func (c *certificates) keep(entries map[string]*entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for element := c.byUse.Front(); element != nil; {
		next := element.Next()
		if e := entries[valueOf(element).id]; e == nil || e.isRevoked() {
			c.forget(element)
		}
		element = next
	}
}

// forget is called with the lock held.
func (c *certificates) forget(element *list.Element) {
	v := valueOf(element)
	delete(c.all, certified{id: v.id, url: v.url})
	c.byUse.Remove(element)
}

func valueOf(element *list.Element) *certified {
	return element.Value.(*certified) //nolint:errcheck // nothing else is put into the list
}
