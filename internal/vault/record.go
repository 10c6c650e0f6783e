package vault

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

const recordVersion = 1

// record is what the store keeps under a [place].
type record struct {
	Version int `json:"version"`
	// SealedWith names the secret. It is not sealed itself: under another name, or
	// none, the boxes do not open.
	SealedWith string `json:"sealedWith"`
	// Box is the list of versions, or the metadata of one.
	Box []byte `json:"box"`
	// Material is the box of a version's secret. It lies apart, so that reading what
	// is public never decrypts it. Box is bound to it, byte for byte, and it to the
	// version: neither can be combined with that of another version, nor with one
	// that was sealed at another time.
	Material []byte `json:"material,omitempty"`
}

// parseRecord reads a record. It accepts the bytes that encode writes and no
// others. It knows nothing of whether the record is genuine.
func parseRecord(raw []byte) (*record, error) {
	if len(raw) > maxRecord {
		return nil, fmt.Errorf("a record of %d bytes, want at most %d: %w", len(raw), maxRecord, errChanged)
	}
	r := new(record)
	if err := json.Unmarshal(raw, r); err != nil {
		// The decoder's error may quote what it read.
		return nil, fmt.Errorf("no record: %w", errChanged)
	}
	if r.Version != recordVersion {
		return nil, fmt.Errorf("a record of version %d, this program reads version %d: use the program that wrote it, or a newer one", r.Version, recordVersion)
	}
	again, err := json.Marshal(r)
	if err != nil || !bytes.Equal(again, raw) {
		return nil, fmt.Errorf("no record that a program of ours wrote: %w", errChanged)
	}
	if name, err := hex.DecodeString(r.SealedWith); err != nil || len(name) != 8 {
		return nil, fmt.Errorf("the name of no secret: %w", errChanged)
	}
	return r, nil
}

// sealVersion returns the record of a version.
func (s *sealer) sealVersion(p place, m *metadata, material []byte) (*record, error) {
	box, err := s.seal(material, belonging(contentMaterial, p, nil))
	if err != nil {
		return nil, err
	}
	return s.sealMetadata(p, m, box)
}

// sealMetadata returns the record of a version whose secret is sealed already, with
// the first secret.
func (s *sealer) sealMetadata(p place, m *metadata, material []byte) (*record, error) {
	plain, err := m.encode()
	if err != nil {
		return nil, err
	}
	box, err := s.seal(plain, belonging(contentMetadata, p, material))
	if err != nil {
		return nil, err
	}
	return &record{recordVersion, s.first(), box, material}, nil
}

// sealList returns the record of a list of versions.
func (s *sealer) sealList(p place, l *list) (*record, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	box, err := s.seal(plain, belonging(contentVersions, p, nil))
	if err != nil {
		return nil, err
	}
	return &record{recordVersion, s.first(), box, nil}, nil
}

// resealed returns the record with the same contents, sealed with the first secret.
func (s *sealer) resealed(p place, r *record) (*record, error) {
	if p.version == "" {
		l, err := s.openList(p, r)
		if err != nil {
			return nil, err
		}
		return s.sealList(p, l)
	}
	m, err := s.openMetadata(p, r)
	if err != nil {
		return nil, err
	}
	return s.changed(p, r, m)
}

// changed returns the record of a version with other metadata. The box of the secret
// stays as it is if the first secret has sealed it: one secret seals the whole of a
// record.
func (s *sealer) changed(p place, r *record, m *metadata) (*record, error) {
	if r.SealedWith == s.first() {
		return s.sealMetadata(p, m, r.Material)
	}
	material, err := s.openMaterial(p, r)
	if err != nil {
		return nil, err
	}
	defer clear(material)
	return s.sealVersion(p, m, material)
}

func (s *sealer) openMaterial(p place, r *record) ([]byte, error) {
	return s.open(r.SealedWith, r.Material, belonging(contentMaterial, p, nil))
}

func (s *sealer) openMetadata(p place, r *record) (*metadata, error) {
	plain, err := s.open(r.SealedWith, r.Box, belonging(contentMetadata, p, r.Material))
	if err != nil {
		return nil, err
	}
	return parseMetadata(plain)
}

func (s *sealer) openList(p place, r *record) (*list, error) {
	plain, err := s.open(r.SealedWith, r.Box, belonging(contentVersions, p, r.Material))
	if err != nil {
		return nil, err
	}
	return parseList(plain)
}
