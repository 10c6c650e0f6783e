package config

import "time"

// Config is a whole configuration. Each field is a key of the file; the tag is its
// name there. docs/configuration.md says what each key means and which variable of
// the environment stands in for it.
//
// Paths of files are as they were written: relative ones are relative to the
// working directory of the process.
type Config struct {
	// Listen is the address to listen on, host:port.
	Listen string `yaml:"listen"`
	// DataDir is the folder for what the service keeps.
	DataDir string `yaml:"dataDir"`
	TLS     TLS    `yaml:"tls"`
	// BehindProxy serves plain HTTP, on loopback or to TrustedProxies.
	BehindProxy bool `yaml:"behindProxy"`
	// TrustedProxies are the networks (CIDR) whose X-Forwarded-For is believed.
	TrustedProxies []string   `yaml:"trustedProxies"`
	Store          Store      `yaml:"store"`
	Keys           KeyRing    `yaml:"keys"`
	Collateral     Collateral `yaml:"collateral"`
	TPM            TPM        `yaml:"tpm"`
	Auth           Auth       `yaml:"auth"`
	// Instances are those that the file fixes. More may be in the store.
	Instances []Instance `yaml:"instances"`
	Limits    Limits     `yaml:"limits"`
	Log       Log        `yaml:"log"`
	Audit     Audit      `yaml:"audit"`
	Telemetry Telemetry  `yaml:"telemetry"`
	Errors    Errors     `yaml:"errors"`
	Shutdown  Shutdown   `yaml:"shutdown"`

	origin `yaml:"-"`
}

// TLS is how the service proves who it is, and who may connect.
type TLS struct {
	// CertificateFile and KeyFile are PEM files: the chain, leaf first, and its
	// private key.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
	// ClientCAFile is a PEM file with the authorities of client certificates.
	// Empty: no client is asked for one.
	ClientCAFile string `yaml:"clientCAFile"`
	// MinVersion is "1.2" or "1.3".
	MinVersion string `yaml:"minVersion"`
}

// Store is where policies, instances and keys are kept.
type Store struct {
	// Driver is sqlite, postgres or memory.
	Driver string `yaml:"driver"`
	// Path is the file of sqlite, in a folder that is there. Empty: store.db in
	// DataDir.
	Path string `yaml:"path"`
	// DSN says how to reach postgres, as a URL or as key=value.
	DSN DSN `yaml:"dsn"`
	// DSNFile is a file that holds the DSN.
	DSNFile string `yaml:"dsnFile"`
	// Schema is that of postgres. Empty: azattest.
	Schema string `yaml:"schema"`
	// MaxStaleness is how long a replica serves what it knows without having heard
	// of the store.
	MaxStaleness time.Duration `yaml:"maxStaleness"`
}

// KeyRing is about the keys that sign tokens.
type KeyRing struct {
	// WrappingKeyFile holds the key that encrypts signing keys at rest.
	WrappingKeyFile string `yaml:"wrappingKeyFile"`
	// WrappingKey is the same in place.
	WrappingKey Secret `yaml:"wrappingKey"`
	// PreviousWrappingKeyFiles hold earlier wrapping keys, which still decrypt.
	PreviousWrappingKeyFiles []string `yaml:"previousWrappingKeyFiles"`
	// RotateAfter is the age at which a signing key is followed by another. 0:
	// only by command.
	RotateAfter time.Duration `yaml:"rotateAfter"`
	// Announce is how long a key is published before it signs.
	Announce time.Duration `yaml:"announce"`
	// MaxTokenLifetime is the longest that an instance may let its tokens live: a
	// key stays published that long after it signed last.
	MaxTokenLifetime time.Duration `yaml:"maxTokenLifetime"`
	// Bits is the size of RSA keys that are made: 2048 or 3072.
	Bits int `yaml:"bits"`
	// Report is auto or none: whether signing certificates carry evidence of this
	// machine, if it offers any.
	Report string `yaml:"report"`
	PKCS11 PKCS11 `yaml:"pkcs11"`
}

// PKCS11 is the device that holds the signing key. Empty: none.
type PKCS11 struct {
	// Module is the library of the device's vendor.
	Module string `yaml:"module"`
	// TokenLabel, PINFile and KeyLabel say which token, how to log in to it, and
	// which key of it.
	TokenLabel string `yaml:"tokenLabel"`
	PINFile    string `yaml:"pinFile"`
	KeyLabel   string `yaml:"keyLabel"`
}

// Collateral is what evidence is judged by.
type Collateral struct {
	// Source is a folder, or the URL of Intel's PCS, a PCCS or Azure THIM.
	Source string `yaml:"source"`
	// Update is standard or early, empty for what the service gives by itself.
	Update string `yaml:"update"`
	// Cache is the folder that keeps what was fetched. Empty: collateral in
	// DataDir.
	Cache string `yaml:"cache"`
	// AcceptStale accepts collateral past its nextUpdate.
	AcceptStale bool `yaml:"acceptStale"`
}

// Limits bound what callers can make the service do. 0 is the default of each.
type Limits struct {
	// BodyBytes and HeaderBytes of a request.
	BodyBytes   int64 `yaml:"bodyBytes"`
	HeaderBytes int   `yaml:"headerBytes"`
	// Uploads are large bodies received at once, Concurrent attestations worked on
	// at once.
	Uploads    int `yaml:"uploads"`
	Concurrent int `yaml:"concurrent"`
	// Request is the time for one attestation; ReadHeader, Read and Write are those
	// for header, whole request and answer; Idle is how long a connection may wait.
	Request    time.Duration `yaml:"request"`
	ReadHeader time.Duration `yaml:"readHeader"`
	Read       time.Duration `yaml:"read"`
	Write      time.Duration `yaml:"write"`
	Idle       time.Duration `yaml:"idle"`
	// RatePerCaller and RatePerInstance are requests per second, 0 for no limit.
	// Burst is how many may come at once, 0 for one second's worth.
	RatePerCaller   float64 `yaml:"ratePerCaller"`
	RatePerInstance float64 `yaml:"ratePerInstance"`
	Burst           int     `yaml:"burst"`
}

// Log is the log on stderr.
type Log struct {
	// Format is text or json.
	Format string `yaml:"format"`
	// Level is debug, info, warn or error.
	Level string `yaml:"level"`
}

// Audit is the trail of what happened.
type Audit struct {
	// Dir is the folder of the trail. Empty: none is kept.
	Dir string `yaml:"dir"`
	// Attestations says whether attestations stand in it, beside changes.
	Attestations bool `yaml:"attestations"`
}

// Telemetry is what others may watch.
type Telemetry struct {
	// MetricsListen is the address, host:port, that serves metrics. Empty: none.
	MetricsListen string `yaml:"metricsListen"`
	// OTLPEndpoint is the URL that takes traces. Empty: none are sent.
	OTLPEndpoint string `yaml:"otlpEndpoint"`
	// OTLPHeaders are sent along, name=value separated by commas.
	OTLPHeaders Secret `yaml:"otlpHeaders"`
	// OTLPHeadersFile is a file that holds them.
	OTLPHeadersFile string `yaml:"otlpHeadersFile"`
	// TraceRatio is the part of requests that are traced, from 0 to 1.
	TraceRatio float64 `yaml:"traceRatio"`
}

// Errors is how much clients read of refusals.
type Errors struct {
	// Terse keeps reasons to the log.
	Terse bool `yaml:"terse"`
	// ExplainDenials tells which claims a policy turned down.
	ExplainDenials bool `yaml:"explainDenials"`
}

// Shutdown is how the service ends.
type Shutdown struct {
	// Linger is how long it goes on serving after /readyz has begun to say no.
	Linger time.Duration `yaml:"linger"`
	// Drain is how long requests in flight may go on after that.
	Drain time.Duration `yaml:"drain"`
}
