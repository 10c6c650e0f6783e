package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

const (
	platformFile        = "platform.json"
	platformFileVersion = 1
	platformFileWarning = "A SIMULATED platform and its secret seed. Whoever holds this file can forge its quotes."
)

// CorruptError says that a file does not hold a platform as [Platform.Save]
// wrote it.
type CorruptError struct {
	Path   string
	Reason string
	// Err is the cause, if any.
	Err error
}

// Error gives path, reason, cause and what to do.
func (e *CorruptError) Error() string {
	text := fmt.Sprintf("simulator: %s: %s", e.Path, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + " (remove the file to get a new platform)"
}

func (e *CorruptError) Unwrap() error { return e.Err }

// record is what a platform is made of, as it stands in the file.
type record struct {
	Warning    string    `json:"warning"`
	Version    int       `json:"version"`
	Seed       string    `json:"seed"` // hexadecimal
	Now        time.Time `json:"now"`
	Validity   int64     `json:"validitySeconds"`
	FMSPC      string    `json:"fmspc"`
	CA         dcap.CA   `json:"ca"`
	PCEID      [2]uint8  `json:"pceId"`
	Components [16]uint8 `json:"components"`
	PCESVN     uint16    `json:"pcesvn"`
	QESVN      uint16    `json:"qesvn"`
	// Checksum is the SHA-256 of the file without it, in hexadecimal.
	Checksum string `json:"checksum"`
}

// Save keeps the platform in a folder, which is made if need be: one file,
// platform.json, readable by its owner only, for it holds the seed. A fault is
// not kept. Saving the same platform again changes nothing; a folder with
// another platform is an error that wraps [fs.ErrExist]. The file appears whole
// or not at all.
func (p *Platform) Save(dir string) error {
	raw, err := p.record().encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("simulator: making the folder of a platform: %w", err)
	}
	path := filepath.Join(dir, platformFile)
	err = writeNew(path, raw)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	present, err := readPlatformFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(present, raw) {
		return fmt.Errorf("simulator: %s holds another platform, want an empty folder: %w", path, fs.ErrExist)
	}
	return nil
}

// Load returns the platform that a folder keeps. It returns an error that wraps
// [fs.ErrNotExist] if there is none, and a *[CorruptError] if the file is not as
// [Platform.Save] wrote it.
func Load(dir string) (*Platform, error) {
	path := filepath.Join(dir, platformFile)
	raw, err := readPlatformFile(path)
	if err != nil {
		return nil, err
	}
	c, err := decodeRecord(path, raw)
	if err != nil {
		return nil, err
	}
	p, err := New(c)
	if err != nil {
		return nil, &CorruptError{Path: path, Reason: "no valid configuration", Err: err}
	}
	return p, nil
}

// Open loads the platform that a folder keeps, or makes one of c and keeps it
// there. Of two processes that open an empty folder at once, both get the same
// platform.
func Open(dir string, c Config) (*Platform, error) {
	p, err := Load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	if p, err = New(c); err != nil {
		return nil, err
	}
	if err := p.Save(dir); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return Load(dir)
		}
		return nil, err
	}
	return p, nil
}

func (p *Platform) record() record {
	c := p.config
	return record{
		Warning: platformFileWarning, Version: platformFileVersion, Seed: hex.EncodeToString(c.Seed), Now: c.Now,
		Validity: int64(c.Validity / time.Second), FMSPC: c.FMSPC.String(), CA: c.CA, PCEID: c.PCEID,
		Components: c.SVNs.Components, PCESVN: c.SVNs.PCESVN, QESVN: c.QESVN,
	}
}

func (r record) checksum() (string, error) {
	r.Checksum = ""
	raw, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("simulator: encoding a platform: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

func (r record) encode() ([]byte, error) {
	var err error
	if r.Checksum, err = r.checksum(); err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("simulator: encoding a platform: %w", err)
	}
	return append(raw, '\n'), nil
}

// decodeRecord reads a file without ever showing the seed in an error.
func decodeRecord(path string, raw []byte) (Config, error) {
	corrupt := func(reason string, err error) (Config, error) {
		return Config{}, &CorruptError{Path: path, Reason: reason, Err: err}
	}
	var r record
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return corrupt("no platform", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return corrupt("more than a platform", nil)
	}
	if r.Version != platformFileVersion {
		return corrupt(fmt.Sprintf("version %d, want %d", r.Version, platformFileVersion), nil)
	}
	if sum, err := r.checksum(); err != nil || sum != r.Checksum {
		return corrupt("the checksum does not match: the file was changed", err)
	}
	seed, err := hex.DecodeString(r.Seed)
	if err != nil || len(seed) == 0 {
		return corrupt("the seed is not hexadecimal", nil)
	}
	fmspc, err := dcap.ParseFMSPC(r.FMSPC)
	if err != nil {
		return corrupt("no valid configuration", err)
	}
	if r.Validity <= 0 || r.Validity > int64(maxValidity/time.Second) {
		return corrupt(fmt.Sprintf("validity of %d seconds", r.Validity), nil)
	}
	return Config{
		Seed: seed, Now: r.Now, Validity: time.Duration(r.Validity) * time.Second, FMSPC: fmspc, CA: r.CA, PCEID: r.PCEID,
		SVNs: SVNs{Components: r.Components, PCESVN: r.PCESVN}, QESVN: r.QESVN,
	}, nil
}

// readPlatformFile reads a file up to the bound.
func readPlatformFile(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the caller chooses the folder
	if err != nil {
		return nil, fmt.Errorf("simulator: reading a platform: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	raw, err := io.ReadAll(io.LimitReader(f, maxPlatformFile+1))
	if err != nil {
		return nil, fmt.Errorf("simulator: reading a platform: %w", err)
	}
	if len(raw) > maxPlatformFile {
		return nil, &CorruptError{Path: path, Reason: fmt.Sprintf("more than %d bytes", maxPlatformFile)}
	}
	return raw, nil
}

// writeNew makes a file that only its owner can read. Linking a finished
// temporary file makes it appear at once, and fails if there is one already.
func writeNew(path string, raw []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), platformFile+".*")
	if err != nil {
		return fmt.Errorf("simulator: keeping a platform: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // at worst a copy stays behind, as private as the file
	_, err = f.Write(raw)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("simulator: keeping a platform: %w", err)
	}
	if err := os.Link(f.Name(), path); err != nil {
		return fmt.Errorf("simulator: keeping a platform: %w", err)
	}
	return nil
}
