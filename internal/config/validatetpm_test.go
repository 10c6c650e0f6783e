package config_test

import (
	"testing"
	"time"

	"github.com/azattest/azattest/internal/config"
)

// tpms changes the section about TPMs of a configuration that holds.
func tpms(change func(*config.TPM)) func(*config.Config) {
	return func(c *config.Config) { change(&c.TPM) }
}

func TestValidateAcceptsTPMs(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*config.TPM){
		"AIKs of others": func(p *config.TPM) { p.AIKRootFiles, p.AIKIntermediateFiles = []string{"a"}, []string{"b", "c"} },
		"EKs alone":      func(p *config.TPM) { p.EKRootFiles, p.EKIntermediateFiles = []string{"a"}, []string{"b"} },
		"an authority": func(p *config.TPM) {
			p.EKRootFiles, p.AIKIntermediateFiles = []string{"a"}, []string{"b"}
			p.Enrollment = config.Enrollment{CertificateFile: "c", KeyFile: "k", Lifetime: time.Hour}
		},
		"the shortest challenge": func(p *config.TPM) { p.ChallengeLifetime = time.Second },
		"the longest challenge":  func(p *config.TPM) { p.ChallengeLifetime = time.Hour },
		"hexadecimal":            func(p *config.TPM) { p.PCRDigests = "hex" },
	} {
		c := valid()
		change(&c.TPM)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: refused:\n%v", name, err)
		}
	}
}

func TestValidateRefusesTPMs(t *testing.T) {
	t.Parallel()
	wantFaults(t, map[string]one{
		"no file":          {tpms(func(p *config.TPM) { p.AIKRootFiles = []string{""} }), []string{`tpm.aikRootFiles[0]: empty, want the name of a file`}},
		"a file twice":     {tpms(func(p *config.TPM) { p.EKRootFiles = []string{"a", "a"} }), []string{`tpm.ekRootFiles[1]: "a" stands twice`}},
		"AIKs of no root":  {tpms(func(p *config.TPM) { p.AIKIntermediateFiles = []string{"a"} }), []string{`tpm.aikIntermediateFiles: goes with tpm.aikRootFiles`}},
		"EKs of no root":   {tpms(func(p *config.TPM) { p.EKIntermediateFiles = []string{"a"} }), []string{`tpm.ekIntermediateFiles: goes with tpm.ekRootFiles`}},
		"no time":          {tpms(func(p *config.TPM) { p.ChallengeLifetime = 0 }), []string{`tpm.challengeLifetime: 0s, want whole seconds from 1s to 1h`}},
		"half a second":    {tpms(func(p *config.TPM) { p.ChallengeLifetime = 1500 * time.Millisecond }), []string{`tpm.challengeLifetime: 1.5s, want`}},
		"a day":            {tpms(func(p *config.TPM) { p.ChallengeLifetime = 24 * time.Hour }), []string{`tpm.challengeLifetime: 24h, want`}},
		"another encoding": {tpms(func(p *config.TPM) { p.PCRDigests = "base64" }), []string{`tpm.pcrDigests: "base64", want base64url or hex`}},
		"a moment's certificate": {
			tpms(func(p *config.TPM) { p.Enrollment.Lifetime = time.Minute }),
			[]string{`tpm.enrollment.lifetime: 1m, want whole seconds from 1h to 175200h`},
		},
		"an eternal certificate": {
			tpms(func(p *config.TPM) { p.Enrollment.Lifetime = 200000 * time.Hour }),
			[]string{`tpm.enrollment.lifetime: 200000h, want`},
		},
		"an authority without a key": {
			tpms(func(p *config.TPM) { p.EKRootFiles, p.Enrollment.CertificateFile = []string{"a"}, "c" }),
			[]string{`tpm.enrollment.keyFile: missing, want both`},
		},
		"a key without an authority": {
			tpms(func(p *config.TPM) { p.EKRootFiles, p.Enrollment.KeyFile = []string{"a"}, "c" }),
			[]string{`tpm.enrollment.certificateFile: missing, want both`},
		},
		"an authority over nobody": {
			tpms(func(p *config.TPM) { p.Enrollment.CertificateFile, p.Enrollment.KeyFile = "c", "k" }),
			[]string{`tpm.ekRootFiles: empty, want the authorities of the TPMs that tpm.enrollment may enroll`},
		},
	})
}
