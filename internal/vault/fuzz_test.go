package vault

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzRecord: what is read of a record, and of what lies in its boxes, is what was
// written, to the byte; and nothing opens but what was sealed.
func FuzzRecord(f *testing.F) {
	s, err := newSealer([][]byte{bytes.Repeat([]byte("A secret"), 4)})
	if err != nil {
		f.Fatal(err)
	}
	p, _ := placeOf("key", "0123456789abcdef0123456789abcdef")
	sealedMetadata, sealedMaterial := &metadata{Type: "oct", Bytes: 32, Created: 1, Updated: 1}, bytes.Repeat([]byte("material"), 4)
	sealedList := &list{"Key", []string{p.version}}
	version, err := s.sealVersion(p, sealedMetadata, sealedMaterial)
	if err != nil {
		f.Fatal(err)
	}
	listed, err := s.sealList(p.of(""), sealedList)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range []*record{version, listed} {
		raw, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	made, err := kind{base: ecType}.generate()
	if err != nil {
		f.Fatal(err)
	}
	m, err := metadataOf("EC-HSM", made)
	if err != nil {
		f.Fatal(err)
	}
	m.Exportable, m.Policy = true, []byte(`{"version":"1.0.0","anyOf":[{"authority":"https://attest.example","allOf":[{"claim":"a","equals":1}]}]}`)
	m.Operations, m.Tags = []string{"sign"}, map[string]string{"<a>": "b"}
	plain, err := m.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add(append(bytes.Clone(plain), '\n'))
	f.Add([]byte(`{"name":"Key","versions":["0123456789abcdef0123456789abcdef"]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := parseRecord(raw); err == nil {
			again, err := json.Marshal(r)
			if err != nil || !bytes.Equal(again, raw) {
				t.Errorf("read %q and wrote %q, %v", raw, again, err)
			}
			// Another process has sealed the same with another salt.
			if m, err := s.openMetadata(p, r); err == nil && !reflect.DeepEqual(m, sealedMetadata) {
				t.Errorf("%q opens as %+v", raw, m)
			}
			if material, err := s.openMaterial(p, r); err == nil && !bytes.Equal(material, sealedMaterial) {
				t.Errorf("%q opens as %q", raw, material)
			}
			if l, err := s.openList(p.of(""), r); err == nil && !reflect.DeepEqual(l, sealedList) {
				t.Errorf("%q opens as %+v", raw, l)
			}
		}
		if m, err := parseMetadata(raw); err == nil {
			again, err := m.encode()
			if err != nil || !bytes.Equal(again, raw) {
				t.Errorf("read %q and wrote %q, %v", raw, again, err)
			}
			if m.kind().base == "" || (m.policy == nil) != (len(m.Policy) == 0) {
				t.Errorf("read %q without knowing what it is", raw)
			}
		}
		if l, err := parseList(raw); err == nil {
			again, err := json.Marshal(l)
			if err != nil || !bytes.Equal(again, raw) || !isVersion(l.current()) {
				t.Errorf("read %q and wrote %q, %v", raw, again, err)
			}
		}
	})
}
