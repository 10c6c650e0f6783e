package testtpm_test

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/azattest/azattest/internal/testtpm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// capability asks for TPM_PT_FAMILY_INDICATOR.
var capability = []byte{0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0, 0, 0, 6, 0, 0, 1, 0, 0, 0, 0, 1}

func TestTPMAnswersAndHasAnAuthority(t *testing.T) {
	t.Parallel()
	tpm := testtpm.Start(t)
	for range 2 { // one connection after the other
		answer, err := tpm.Send(capability)
		if err != nil || !bytes.Contains(answer, []byte("2.0\x00")) {
			t.Fatalf("answer %x, %v", answer, err)
		}
	}
	root, intermediate := tpm.Roots(t)
	if err := intermediate.CheckSignatureFrom(root); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(tpm.Socket() + ".ctrl"); err != nil {
		t.Error(err)
	}
	if tool, err := exec.LookPath("tpm2_getrandom"); err == nil {
		command := exec.CommandContext(t.Context(), tool, "--hex", "4") //nolint:gosec // G204: The tool is the one that was looked for.
		command.Env = append(os.Environ(), "TPM2TOOLS_TCTI=swtpm:path="+tpm.Socket())
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func TestTPMThatWasStoppedDoesNotAnswer(t *testing.T) {
	t.Parallel()
	tpm := testtpm.Start(t)
	tpm.Stop()
	tpm.Stop()
	if _, err := tpm.Send(capability); err == nil {
		t.Error("a stopped TPM answers")
	}
	if _, err := os.Stat(tpm.Socket()); err != nil {
		t.Logf("the socket is gone already: %v", err)
	}
}
