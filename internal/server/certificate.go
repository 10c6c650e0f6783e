package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// checkEvery is how often the files are looked at, by a handshake that comes
	// after that long. Reading two small files costs less than a handshake.
	checkEvery = 5 * time.Second

	// maxCertificateFile bounds each file: a chain has some KiB, and a bundle of
	// CAs some hundred.
	maxCertificateFile = 1 << 20
)

// CertificateFiles say where the server's certificate is. The files may be
// replaced at any time, one after the other.
type CertificateFiles struct {
	// Certificate is a PEM file with the certificate and the chain above it, Key
	// one with its private key. Required.
	Certificate, Key string
	// ClientCAs is a PEM file with the CAs whose certificates clients may show;
	// empty means that none is asked for. A client without one is served as
	// anybody is; one with another's is not.
	ClientCAs string
	// MinVersion is the oldest version of TLS that is spoken; 0 means TLS 1.2. Older
	// ones are refused.
	MinVersion uint16
	// Clock says when the files are looked at; nil means [time.Now].
	Clock func() time.Time
	// Log is told of new certificates, and of files that make none. Required.
	Log *slog.Logger
}

// Certificate is the server's certificate as its files hold it. It is safe for
// concurrent use.
type Certificate struct {
	files CertificateFiles
	// current is what handshakes use.
	current atomic.Pointer[loadedCertificate]
	// checked is when the files were looked at last, in nanoseconds.
	checked atomic.Int64

	mu sync.Mutex // held while the files are read
	// refused is what of the files was refused last, so that it is said once.
	refused [sha256.Size]byte
}

type loadedCertificate struct {
	sum    [sha256.Size]byte
	config *tls.Config
	leaf   *x509.Certificate
}

// OpenCertificate reads the files. It returns a *[ConfigError] if some are not
// named, and an error that names the file if they make no certificate.
func OpenCertificate(files CertificateFiles) (*Certificate, error) {
	switch {
	case files.Certificate == "":
		return nil, &ConfigError{"CertificateFiles.Certificate", "missing, want a PEM file"}
	case files.Key == "":
		return nil, &ConfigError{"CertificateFiles.Key", "missing, want a PEM file"}
	case files.Log == nil:
		return nil, &ConfigError{"CertificateFiles.Log", "missing, want a logger"}
	case files.MinVersion != 0 && files.MinVersion < tls.VersionTLS12:
		return nil, &ConfigError{"CertificateFiles.MinVersion", tls.VersionName(files.MinVersion) + ", want TLS 1.2 or newer"}
	}
	files.MinVersion = max(files.MinVersion, tls.VersionTLS12)
	if files.Clock == nil {
		files.Clock = time.Now
	}
	c := &Certificate{files: files}
	raw, err := files.read()
	if err != nil {
		return nil, err
	}
	loaded, err := files.load(raw)
	if err != nil {
		return nil, err
	}
	c.use(loaded)
	return c, nil
}

// TLS returns a configuration for [Config.TLS]: the versions that were asked for, with Go's choice
// of cipher suites, and the certificate of the moment.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: c.files.MinVersion,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c.check(hello.Context())
			return c.current.Load().config, nil
		},
	}
}

// Pair returns the certificate of the moment, with its chain and its key.
func (c *Certificate) Pair(ctx context.Context) *tls.Certificate {
	c.check(ctx)
	return &c.current.Load().config.Certificates[0]
}

// Expires returns until when the certificate of the moment holds.
func (c *Certificate) Expires() time.Time { return c.current.Load().leaf.NotAfter }

// Reload reads the files now. If they make no certificate, such as a new one
// beside an old key, the one before stays in use and the error says why.
func (c *Certificate) Reload(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reload(ctx)
}

// check reads the files if that is due and nobody does already. Nobody waits.
func (c *Certificate) check(ctx context.Context) {
	since := c.files.Clock().UnixNano() - c.checked.Load()
	// A clock that went back must not put it off.
	if since >= 0 && since < int64(checkEvery) || !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	// It has said why in the log.
	_ = c.reload(ctx)
}

// reload reads the files. The caller holds the lock.
func (c *Certificate) reload(ctx context.Context) error {
	c.checked.Store(c.files.Clock().UnixNano())
	raw, err := c.files.read()
	if err != nil {
		return c.refuse(ctx, sha256.Sum256([]byte(err.Error())), err)
	}
	sum := raw.sum()
	before := c.current.Load()
	if sum == before.sum {
		c.refused = [sha256.Size]byte{}
		return nil
	}
	loaded, err := c.files.load(raw)
	if err != nil {
		return c.refuse(ctx, sum, err)
	}
	now := c.files.Clock()
	if isValidAt(before.leaf, now) && !isValidAt(loaded.leaf, now) {
		return c.refuse(ctx, sum, fmt.Errorf("certificate %s holds from %s to %s, and the one in use holds now",
			c.files.Certificate, loaded.leaf.NotBefore.UTC().Format(time.RFC3339), loaded.leaf.NotAfter.UTC().Format(time.RFC3339)))
	}
	c.refused = [sha256.Size]byte{}
	c.use(loaded)
	c.files.Log.LogAttrs(ctx, slog.LevelInfo, "certificate loaded",
		slog.String("serial", fmt.Sprintf("%x", loaded.leaf.SerialNumber)), slog.Time("not_after", loaded.leaf.NotAfter))
	return nil
}

func (c *Certificate) use(loaded *loadedCertificate) {
	c.current.Store(loaded)
	c.checked.Store(c.files.Clock().UnixNano())
}

// refuse keeps what is in use, and says so once for each content of the files.
func (c *Certificate) refuse(ctx context.Context, sum [sha256.Size]byte, err error) error {
	if sum != c.refused {
		c.refused = sum
		c.files.Log.LogAttrs(ctx, slog.LevelWarn, "certificate refused, the one before stays in use", slog.String("error", err.Error()))
	}
	return err
}

func isValidAt(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
}

// rawCertificate is what the files hold.
type rawCertificate struct{ certificate, key, clientCAs []byte }

func (r *rawCertificate) sum() [sha256.Size]byte {
	h := sha256.New()
	for _, part := range [][]byte{r.certificate, r.key, r.clientCAs} {
		sum := sha256.Sum256(part)
		h.Write(sum[:])
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (f *CertificateFiles) read() (*rawCertificate, error) {
	r := new(rawCertificate)
	for name, to := range map[string]*[]byte{f.Certificate: &r.certificate, f.Key: &r.key, f.ClientCAs: &r.clientCAs} {
		if name == "" {
			continue
		}
		raw, err := readBounded(name)
		if err != nil {
			return nil, fmt.Errorf("server: certificate: %w", err)
		}
		*to = raw
	}
	return r, nil
}

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	raw, err := io.ReadAll(io.LimitReader(f, maxCertificateFile+1))
	if err == nil && len(raw) > maxCertificateFile {
		err = fmt.Errorf("%s: more than %d bytes, want PEM", name, maxCertificateFile)
	}
	return raw, err
}

// load makes a configuration of what was read.
func (f *CertificateFiles) load(raw *rawCertificate) (*loadedCertificate, error) {
	pair, err := tls.X509KeyPair(raw.certificate, raw.key)
	if err != nil {
		// Of the key it says at most of which kind it is.
		return nil, fmt.Errorf("server: certificate %s with key %s: %w", f.Certificate, f.Key, err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("server: certificate %s: %w", f.Certificate, err)
	}
	config := &tls.Config{
		MinVersion:   f.MinVersion, // that of the server's own configuration does not count
		Certificates: []tls.Certificate{pair},
		Time:         f.Clock,
		// The server sets these for its own configuration, not for this one.
		NextProtos: []string{"h2", "http/1.1"},
	}
	if f.ClientCAs != "" {
		if config.ClientCAs, err = pool(raw.clientCAs); err != nil {
			return nil, fmt.Errorf("server: client CAs %s: %w", f.ClientCAs, err)
		}
		config.ClientAuth = tls.VerifyClientCertIfGiven
		// A session that is resumed shows no certificate again, and its CA may
		// have been removed since.
		config.SessionTicketsDisabled = true
	}
	return &loadedCertificate{sum: raw.sum(), config: config, leaf: leaf}, nil
}

// pool reads certificates and nothing else: a file that was cut must not pass for
// one with fewer of them.
func pool(raw []byte) (*x509.CertPool, error) {
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(raw) {
		return nil, errors.New("no certificates, want PEM")
	}
	if begun, ended := bytes.Count(raw, []byte("-----BEGIN ")), bytes.Count(raw, []byte("-----END ")); begun != ended {
		return nil, fmt.Errorf("%d blocks begin and %d end: the file is not whole", begun, ended)
	}
	return p, nil
}
