package config

import (
	"io"
	"reflect"
	"time"
)

// KeyRelease is a whole configuration of the key release server. Its sections are
// those of [Config] wherever both servers have them.
type KeyRelease struct {
	// Listen is the address to listen on, host:port.
	Listen string `yaml:"listen"`
	// URL is that by which clients know the vault, with which the IDs of its keys
	// begin. It has no path.
	URL string `yaml:"url"`
	// DataDir is the folder for what the server keeps.
	DataDir string `yaml:"dataDir"`
	TLS     TLS    `yaml:"tls"`
	// BehindProxy serves plain HTTP, on loopback or to TrustedProxies.
	BehindProxy bool `yaml:"behindProxy"`
	// TrustedProxies are the networks (CIDR) whose X-Forwarded-For is believed.
	TrustedProxies []string     `yaml:"trustedProxies"`
	Store          KeyStore     `yaml:"store"`
	Keys           WrappingKeys `yaml:"keys"`
	Signing        Signing      `yaml:"signing"`
	// Authorities are the attestation services whose tokens count.
	Authorities []Authority `yaml:"authorities"`
	Release     Release     `yaml:"release"`
	Auth        Auth        `yaml:"auth"`
	Limits      KeyLimits   `yaml:"limits"`
	Log         Log         `yaml:"log"`
	Audit       KeyTrail    `yaml:"audit"`
	Telemetry   KeyNumbers  `yaml:"telemetry"`
	Shutdown    Shutdown    `yaml:"shutdown"`

	origin `yaml:"-"`
}

// KeyStore is where the keys of the vault are kept. It is [Store], but for how old what
// a replica knows may be: a vault asks its store each time.
type KeyStore struct {
	Driver  string `yaml:"driver"`
	Path    string `yaml:"path"`
	DSN     DSN    `yaml:"dsn"`
	DSNFile string `yaml:"dsnFile"`
	Schema  string `yaml:"schema"`
}

// Store is the same as that of the service.
func (s *KeyStore) Store() Store {
	return Store{Driver: s.Driver, Path: s.Path, DSN: s.DSN, DSNFile: s.DSNFile, Schema: s.Schema}
}

// WrappingKeys encrypt the keys of the vault at rest.
type WrappingKeys struct {
	// WrappingKeyFile holds the one that encrypts, WrappingKey is the same in place.
	WrappingKeyFile string `yaml:"wrappingKeyFile"`
	WrappingKey     Secret `yaml:"wrappingKey"`
	// PreviousWrappingKeyFiles hold earlier ones, which still decrypt.
	PreviousWrappingKeyFiles []string `yaml:"previousWrappingKeyFiles"`
}

// Signing is with what released keys are signed. Empty: with the pair of TLS.
type Signing struct {
	// CertificateFile and KeyFile are PEM files: the chain, leaf first, and its
	// private key.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
}

// Authority is an attestation service whose tokens count.
type Authority struct {
	// URL is the issuer of its tokens, and where its signing keys are.
	URL string `yaml:"url"`
	// CAFile is a PEM file with the authorities to trust for TLS to it. Empty: the
	// system's.
	CAFile string `yaml:"caFile"`
	// SigningCertificate is none or report: whether the certificate of the key that
	// signs tokens must carry the report of an enclave.
	SigningCertificate string `yaml:"signingCertificate"`
	// MREnclave and MRSigner say which enclaves, in hexadecimal digits. Where both
	// are given, an enclave must be in both.
	MREnclave []string `yaml:"mrenclave"`
	MRSigner  []string `yaml:"mrsigner"`
}

// Release is what must be true of every token for which a key is released, whatever
// the key's own policy says.
type Release struct {
	// MaxTokenAge is how long ago a token may have been issued. 0: as long as it is
	// valid.
	MaxTokenAge time.Duration `yaml:"maxTokenAge"`
	// RequireNonce refuses requests without a nonce, and tokens without the same one.
	RequireNonce bool `yaml:"requireNonce"`
	// HeldData are the forms in which an enclave's held data may be the key that is
	// encrypted to, for tokens without x-ms-runtime: jwk, pem, raw. Empty: none.
	HeldData []string `yaml:"heldData"`
	// AllowDebuggable releases keys to what can be debugged, too.
	AllowDebuggable bool `yaml:"allowDebuggable"`
	// AttestationTypes are the accepted values of x-ms-attestation-type.
	AttestationTypes []string `yaml:"attestationTypes"`
}

// KeyLimits bound what callers can make the server do. They are those of [Limits],
// as far as they make sense for it; 0 is the default of each.
type KeyLimits struct {
	BodyBytes   int64 `yaml:"bodyBytes"`
	HeaderBytes int   `yaml:"headerBytes"`
	// Concurrent are releases at once, apart from them everything else, and apart from
	// both bodies of more than 16 KiB that are being received.
	Concurrent    int           `yaml:"concurrent"`
	Request       time.Duration `yaml:"request"`
	ReadHeader    time.Duration `yaml:"readHeader"`
	Read          time.Duration `yaml:"read"`
	Write         time.Duration `yaml:"write"`
	Idle          time.Duration `yaml:"idle"`
	RatePerCaller float64       `yaml:"ratePerCaller"`
	Burst         int           `yaml:"burst"`
}

// KeyTrail is the trail of releases and changes. It has no switch: a key that
// went out without a trace is one that nobody can call back.
type KeyTrail struct {
	// Dir is the folder of the trail. Empty: audit in DataDir.
	Dir string `yaml:"dir"`
}

// KeyNumbers are what others may watch. It is [Telemetry] without traces.
type KeyNumbers struct {
	// MetricsListen is the address, host:port, that serves metrics. Empty: none.
	MetricsListen string `yaml:"metricsListen"`
}

// DefaultKeyRelease is the configuration of an empty file. It does not hold by
// itself. Where both servers have a key it has one default, but for those that keep
// them apart on one machine.
func DefaultKeyRelease() *KeyRelease {
	d := Default()
	return &KeyRelease{
		Listen: "127.0.0.1:8444", DataDir: "azattest-keyrelease-data", TLS: d.TLS, Store: KeyStore{Driver: d.Store.Driver},
		Release: Release{AttestationTypes: []string{"sgx", "sevsnpvm", "tdxvm", "azurevm"}},
		Auth:    d.Auth,
		Limits: KeyLimits{
			BodyBytes: d.Limits.BodyBytes, HeaderBytes: d.Limits.HeaderBytes, Concurrent: d.Limits.Concurrent, Request: d.Limits.Request,
			ReadHeader: d.Limits.ReadHeader, Read: d.Limits.Read, Write: d.Limits.Write, Idle: d.Limits.Idle,
		},
		Log: d.Log, Shutdown: d.Shutdown,
	}
}

var _ defaulter = (*Authority)(nil)

func (a *Authority) setDefaults() { *a = Authority{SigningCertificate: signingNone} }

// LoadKeyRelease is [Load] for the key release server.
func LoadKeyRelease(name string, env func(string) string) (*KeyRelease, error) {
	raw, err := readFile(name)
	if err != nil {
		return nil, err
	}
	return ParseKeyRelease(name, raw, env)
}

// ParseKeyRelease is [LoadKeyRelease] for a text. The name only stands in errors.
func ParseKeyRelease(name string, raw []byte, env func(string) string) (*KeyRelease, error) {
	c := DefaultKeyRelease()
	if err := c.read(name, raw, env, c, keyReleasePrefix); err != nil {
		return nil, err
	}
	return c, nil
}

// Print is [Config.Print].
func (c *KeyRelease) Print(w io.Writer, asJSON bool) error {
	return printNode(w, nodeOf(reflect.ValueOf(c).Elem()), asJSON)
}
