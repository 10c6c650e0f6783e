package keyring

import (
	"testing"
	"time"

	"github.com/azattest/azattest/token"
)

func TestCertificatesForgetTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	c := newCertificates(2)
	a, b := new(token.Key), new(token.Key)
	c.put("1", "a", a)
	c.put("1", "b", b)
	c.put("1", "a", b) // stays what it is
	if c.get("1", "a") != a {
		t.Error("a certificate was replaced, want the first one kept")
	}
	c.put("2", "a", b)
	if c.get("1", "b") != nil || c.get("1", "a") != a || c.get("2", "a") != b {
		t.Error("want the certificate that nobody asked for forgotten, and the others kept")
	}
	c.keep(map[string]*entry{"1": {record: &record{}}})
	if c.get("2", "a") != nil || c.get("1", "a") != a {
		t.Error("want the certificates of the key that is gone forgotten, and the others kept")
	}
	c.keep(map[string]*entry{"1": {record: (&record{}).revoked(time.Unix(1, 0))}})
	if c.get("1", "a") != nil || len(c.all) != 0 || c.byUse.Len() != 0 {
		t.Error("want the certificates of the revoked key forgotten")
	}
}
