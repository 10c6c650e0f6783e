package keyring

import (
	"bytes"
	"testing"
	"time"

	"github.com/azattest/azattest/token"
)

// FuzzParseRecord: what is read is what was written, to the byte, and the seal
// covers the whole of it.
func FuzzParseRecord(f *testing.F) {
	k := &Keyring{config: Config{AllowPlain: true, Clock: time.Now}}
	d, err := k.draft(f.Context(), new(view), token.ES256, k.seconds())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(d.raw)
	revoked, err := d.revoked(k.seconds()).encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(revoked)
	f.Add([]byte(`{"version":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRecord(raw)
		if err != nil {
			return
		}
		again, err := r.encode()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(again, raw) {
			t.Errorf("read %q and wrote %q", raw, again)
		}
		key, err := recordKey(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := idOf(key); !ok || id != r.ID {
			t.Errorf("stored under %s, which stands for %q, want %q", key, id, r.ID)
		}
		sealed, err := r.associated()
		if err != nil {
			t.Fatal(err)
		}
		r.ActiveFrom = r.ActiveFrom.Add(time.Second)
		other, err := r.associated()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(sealed, other) {
			t.Error("the seal does not cover when the key begins")
		}
	})
}
