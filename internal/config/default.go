package config

import "time"

// The values that several places name.
const (
	driverSQLite   = "sqlite"
	driverPostgres = "postgres"
	driverMemory   = "memory"

	modeAAD      = "aad"
	modeIsolated = "isolated"
	modeShared   = "shared"

	reportAuto = "auto"
)

// Default is the configuration of an empty file. It does not hold by itself: it
// has no certificate and no wrapping key.
func Default() *Config {
	return &Config{
		Listen:     "127.0.0.1:8443",
		DataDir:    "azattest-data",
		TLS:        TLS{MinVersion: "1.2"},
		Store:      Store{Driver: driverSQLite, MaxStaleness: 10 * time.Second},
		Keys:       KeyRing{RotateAfter: 90 * 24 * time.Hour, Announce: 24 * time.Hour, MaxTokenLifetime: 24 * time.Hour, Bits: 2048, Report: reportAuto},
		Collateral: Collateral{Source: "https://api.trustedservices.intel.com"},
		TPM:        TPM{ChallengeLifetime: 5 * time.Minute, PCRDigests: "base64url", Enrollment: Enrollment{Lifetime: 365 * 24 * time.Hour}},
		Auth:       Auth{Leeway: time.Minute},
		Limits: Limits{
			BodyBytes: 1 << 20, HeaderBytes: 32 << 10, Uploads: 512, Concurrent: 256,
			Request: 30 * time.Second, ReadHeader: 10 * time.Second, Read: 20 * time.Second,
			Write: time.Minute, Idle: 2 * time.Minute,
		},
		Log:       Log{Format: "text", Level: "info"},
		Audit:     Audit{Attestations: true},
		Telemetry: Telemetry{TraceRatio: 1},
		Shutdown:  Shutdown{Drain: 15 * time.Second},
	}
}

// defaulter is an element of a list that has defaults of its own.
type defaulter interface{ setDefaults() }

var (
	_ defaulter = (*Instance)(nil)
	_ defaulter = (*Entra)(nil)
)

func (i *Instance) setDefaults() {
	*i = Instance{
		Mode:          modeAAD,
		Types:         []string{"SgxEnclave", "OpenEnclave", "Tpm"},
		AcceptedTCB:   []string{"UpToDate", "SWHardeningNeeded"},
		Algorithm:     "RS256",
		TokenLifetime: 8 * time.Hour,
		AttestRole:    "none",
	}
}

func (e *Entra) setDefaults() { *e = Entra{Name: "entra", Cloud: "public"} }
