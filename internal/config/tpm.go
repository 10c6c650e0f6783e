package config

import "time"

// TPM is about attestation by TPMs, and about the keys with which they attest.
type TPM struct {
	// AIKRootFiles are PEM files with the authorities of AIK certificates. The
	// authority in Enrollment is one of them by itself.
	AIKRootFiles []string `yaml:"aikRootFiles"`
	// AIKIntermediateFiles hold certificates below them that clients need not send.
	AIKIntermediateFiles []string `yaml:"aikIntermediateFiles"`
	// EKRootFiles are PEM files with the TPM vendors' authorities of EK
	// certificates: whose chips may enroll.
	EKRootFiles []string `yaml:"ekRootFiles"`
	// EKIntermediateFiles hold certificates below them that clients need not send.
	EKIntermediateFiles []string `yaml:"ekIntermediateFiles"`
	// ChallengeLifetime is how long a client may take to answer a challenge.
	ChallengeLifetime time.Duration `yaml:"challengeLifetime"`
	// AcceptSHA1 lets SHA-1 PCR banks and signatures by SHA-1 prove events.
	AcceptSHA1 bool `yaml:"acceptSHA1"`
	// RefuseVersion1 refuses requests of version 1 of the protocol, which bind neither
	// key nor relying party's data to the TPM.
	RefuseVersion1 bool `yaml:"refuseVersion1"`
	// PCRDigests is base64url or hex: how the claim pcrs writes digests.
	PCRDigests string     `yaml:"pcrDigests"`
	Enrollment Enrollment `yaml:"enrollment"`
}

// Enrollment is the authority that gives AIKs their certificates. Empty: nobody is
// enrolled.
type Enrollment struct {
	// CertificateFile and KeyFile are PEM files: the authority's certificate with
	// its chain, leaf first, and its private key.
	CertificateFile string `yaml:"certificateFile"`
	KeyFile         string `yaml:"keyFile"`
	// Lifetime is that of the certificates that it issues.
	Lifetime time.Duration `yaml:"lifetime"`
}
