// Command secure-key-release shows Secure Key Release on one machine: an attestation
// service, a relying party that keeps a secret (a vault), and an enclave that gets it
// because it is attested, while another enclave does not.
//
//	go run ./examples/secure-key-release
//
// It needs Go and nothing else: the enclave is simulated. Everything listens on
// loopback, lives in a temporary folder, and is gone when the command ends. The exit
// code is 0 if all went as told.
package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// keyName is what the secret is called in the vault.
const keyName = "payroll"

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "secure-key-release:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := newStage(ctx)
	if err != nil {
		return err
	}
	err = tell(ctx, s, out)
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err == nil {
		say(out, "all as told", "everything is stopped and removed")
	}
	return err
}

// say prints one line of the story.
func say(out io.Writer, what, details string) {
	_, _ = fmt.Fprintf(out, "%-33s %s\n", what, strings.ReplaceAll(details, "\n", "\n"+strings.Repeat(" ", 34)))
}

// tell does all of it, and says what it does. What is not as told is an error.
func tell(ctx context.Context, s *stage, out io.Writer) error {
	// 1. The attestation service. It knows one simulated platform, that of its folder.
	attestation, err := s.attestationService(ctx, "attestation")
	if err != nil {
		return err
	}
	say(out, "1. start the attestation service", attestation.Endpoint)

	// 2. The relying party. It believes this one attestation service.
	vault, err := s.keyReleaseService(ctx, attestation)
	if err != nil {
		return err
	}
	say(out, "2. start the relying party", vault.Endpoint+", which believes the service of 1")

	// 3. The officer keeps a secret there, for the enclave that is measured so.
	ours := sha256.Sum256([]byte("the payroll program, version 1"))
	policy, err := s.writePolicy("policy.json", attestation, ours)
	if err != nil {
		return err
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	kept, err := s.importSecret(ctx, vault, keyName, secret, policy)
	if err != nil {
		return err
	}
	say(out, "3. the officer keeps a secret", fmt.Sprintf("%s\n%d bytes, SHA-256 %x", kept, len(secret), sha256.Sum256(secret)))
	say(out, "   for this enclave only", fmt.Sprintf("x-ms-sgx-mrenclave = %x", ours))

	// 4. The enclave: makes a key, is attested, asks, verifies the answer, unwraps.
	got, err := s.enclave(ctx, attestation, vault, policy, ours)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("SHA-256 %x", sha256.Sum256(secret)); got.refused != "" || !strings.Contains(got.said, want) {
		return fmt.Errorf("the enclave should have the secret, and it says:\n%s%s", got.said, got.refused)
	}
	say(out, "4. the enclave gets it", strings.TrimSpace(got.said))

	// 5. The same program, one bit of which was changed.
	changed := ours
	changed[0] ^= 1
	got, err = s.enclave(ctx, attestation, vault, policy, changed)
	if err != nil {
		return err
	}
	if !strings.Contains(got.refused, "status 403, Forbidden (AccessDenied)") {
		return fmt.Errorf("the changed enclave should be refused with 403, and it says:\n%s%s", got.said, got.refused)
	}
	say(out, "5. a changed enclave does not", fmt.Sprintf("x-ms-sgx-mrenclave = %x\n%s", changed, strings.TrimSpace(got.refused)))

	// 6. Who asks does not hear why. Who runs the vault does.
	why, err := vault.reason(ctx, got.refused)
	if err != nil {
		return err
	}
	if !strings.Contains(why, fmt.Sprintf("NOT     6:7     x-ms-sgx-mrenclave equals %q: %q", fmt.Sprintf("%x", ours), fmt.Sprintf("%x", changed))) {
		return fmt.Errorf("the vault's log should say that the measurement is another, and says:\n%s", why)
	}
	say(out, "6. the vault's log says why", why)
	return nil
}
