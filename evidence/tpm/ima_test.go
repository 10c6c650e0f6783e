package tpm_test

import (
	"crypto/elliptic"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/evidence/tpm"
	"github.com/azattest/azattest/internal/testvbs"
)

// Kernels before 5.8 extend SHA-1 into every bank. What a strong bank proves is then
// as good as SHA-1, and counts where that is accepted.
func TestIMAOfOldKernels(t *testing.T) {
	t.Parallel()
	sized := func(b, content []byte) []byte {
		return append(binary.LittleEndian.AppendUint32(b, uint32(len(content))), content...)
	}
	file := sha256.Sum256([]byte("a program"))
	data := sized(sized(nil, append([]byte("sha256:\x00"), file[:]...)), []byte("/bin/program\x00"))
	short, long := sha1.Sum(data), sha256.Sum256(data)
	ima := sized(sized(append(binary.LittleEndian.AppendUint32(nil, 10), short[:]...), []byte("ima-ng")), data)
	extended := func(digest []byte) []byte {
		pcr := sha256.Sum256(slices.Concat(make([]byte, 32), digest, make([]byte, 32-len(digest))))
		return pcr[:]
	}
	aik, key := ecSoft(t), newECKey(t, elliptic.P256())
	boot := testvbs.New(t, 2048).Boot()[:6+8]
	tests := map[string]struct {
		pcr        []byte
		acceptSHA1 bool
		shown      bool
	}{
		"of today":          {extended(long[:]), false, true},
		"old":               {extended(short[:]), false, false},
		"old, and accepted": {extended(short[:]), true, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDraft(t, aik, key)
			d.current()["logs"] = []any{tcgLog(testvbs.Log(boot...)), map[string]any{"type": "IMA", "log": b64(ima)}}
			bank := bootBank(boot)
			bank.PCRs[10].Digest = test.pcr
			d.requote(t, d.binding(t), bank)
			v := tpm.NewVerifier(tpm.VerifierConfig{AcceptSHA1: test.acceptSHA1})
			result, err := checkRequest(t, v, d.jws(t), evidence.Requirements{PCRs: allPCRMask, Documents: true})
			if err != nil {
				t.Fatal(err)
			}
			events := text(t, result.PolicyOnly, "events")
			if !strings.Contains(events, "IMA_MEASUREMENT_EVENT") || strings.Contains(events, "/bin/program") != test.shown {
				t.Errorf("events %.3000s", events)
			}
		})
	}
}
