package config

import "time"

const (
	// maxChallengeLifetime is far more than a TPM takes from one message to the
	// next.
	maxChallengeLifetime = time.Hour
	// minEnrollmentLifetime keeps clients from enrolling all the time, and
	// maxEnrollmentLifetime is beyond the life of a machine.
	minEnrollmentLifetime = time.Hour
	maxEnrollmentLifetime = 20 * 365 * 24 * time.Hour
)

// tpm checks the authorities of TPMs, and the one of this service.
func (k *serviceChecker) tpm() {
	t := &k.TPM
	k.files("tpm.aikRootFiles", t.AIKRootFiles)
	k.files("tpm.aikIntermediateFiles", t.AIKIntermediateFiles)
	k.files("tpm.ekRootFiles", t.EKRootFiles)
	k.files("tpm.ekIntermediateFiles", t.EKIntermediateFiles)
	enrolls := t.Enrollment.CertificateFile != "" || t.Enrollment.KeyFile != ""
	if len(t.AIKIntermediateFiles) > 0 && len(t.AIKRootFiles) == 0 && !enrolls {
		k.fault("tpm.aikIntermediateFiles", "goes with tpm.aikRootFiles: an intermediate certificate is not trusted by itself")
	}
	if len(t.EKIntermediateFiles) > 0 && len(t.EKRootFiles) == 0 {
		k.fault("tpm.ekIntermediateFiles", "goes with tpm.ekRootFiles: an intermediate certificate is not trusted by itself")
	}
	if l := t.ChallengeLifetime; l < time.Second || l > maxChallengeLifetime || l%time.Second != 0 {
		k.fault("tpm.challengeLifetime", "%s, want whole seconds from 1s to %s", durationText(l), durationText(maxChallengeLifetime))
	}
	k.oneOf("tpm.pcrDigests", t.PCRDigests, "base64url", "hex")
	if l := t.Enrollment.Lifetime; l < minEnrollmentLifetime || l > maxEnrollmentLifetime || l%time.Second != 0 {
		k.fault("tpm.enrollment.lifetime", "%s, want whole seconds from %s to %s", durationText(l), durationText(minEnrollmentLifetime), durationText(maxEnrollmentLifetime))
	}
	if !enrolls {
		return
	}
	for path, file := range map[string]string{"tpm.enrollment.certificateFile": t.Enrollment.CertificateFile, "tpm.enrollment.keyFile": t.Enrollment.KeyFile} {
		if file == "" {
			k.fault(path, "missing, want both the certificate of the authority and its key, or neither")
		}
	}
	if len(t.EKRootFiles) == 0 {
		k.fault("tpm.ekRootFiles", "empty, want the authorities of the TPMs that tpm.enrollment may enroll")
	}
}
