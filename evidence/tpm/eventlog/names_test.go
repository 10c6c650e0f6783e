package eventlog_test

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-attestation/attest"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

func TestTypesHaveTheNamesOfTheOracle(t *testing.T) {
	t.Parallel()
	seen := map[string]uint32{}
	n := 0
	for _, base := range []uint32{0, 0x400, 0x80000000} {
		for id := base; id < base+0x100; id++ {
			ours, theirs := eventlog.EventType(id).String(), attest.EventType(id).String()
			if !strings.HasPrefix(theirs, "EventType(") {
				n++
				if ours != theirs {
					t.Errorf("0x%08x is %s, the oracle's %s", id, ours, theirs)
				}
			}
			if before, ok := seen[ours]; ok {
				t.Errorf("0x%08x and 0x%08x are both %s", before, id, ours)
			}
			seen[ours] = id
		}
	}
	if n < 30 {
		t.Errorf("the oracle knows %d types only", n)
	}
}

func TestTagsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	seen := map[string]uint32{}
	known := 0
	for _, flags := range []uint32{0, 0x40000000, 0x80000000, 0xc0000000} {
		for category := range uint32(16) {
			for n := range uint32(0x50) {
				tag := &eventlog.Tag{ID: flags | category<<16 | n, Data: []byte{1}}
				name := tag.Name()
				if before, ok := seen[name]; ok {
					t.Errorf("0x%08x and 0x%08x are both %s", before, tag.ID, name)
				}
				seen[name] = tag.ID
				if !strings.HasPrefix(name, "EVENT_0x") {
					known++
				}
				_ = tag.Value()
			}
		}
	}
	if known != 108 {
		t.Errorf("%d tags are known", known)
	}
	for name, id := range map[string]uint32{
		"EVENT_TRUSTBOUNDARY": 0x40010001, "EVENT_TRUSTPOINT_AGGREGATION": 0xc0010004, "EVENT_AIKID": 0x80080003,
		"EVENT_HYPERVISOR_BOOT_DMA_PROTECTION": 0x00050030, "EVENT_DRTM_STATE_AUTH": 0x000c0001,
	} {
		if seen[name] != id {
			t.Errorf("%s is 0x%08x, want 0x%08x", name, seen[name], id)
		}
	}
}

func TestFormatsBanksAndProofsHaveNames(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 6 {
		names = append(names, eventlog.Format(i).String(), eventlog.Proof(i).String())
	}
	for _, b := range []eventlog.Bank{eventlog.SHA1, eventlog.SHA256, eventlog.SHA384, eventlog.SHA512, eventlog.SM3, eventlog.SHA3256, eventlog.SHA3384, eventlog.SHA3512, 0} {
		names = append(names, b.String())
		if (b.Size() == 0) != (b == 0) {
			t.Errorf("%s has digests of %d bytes", b, b.Size())
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) || slices.Contains(names, "") {
		t.Errorf("%q", names)
	}
}

// A log of a SHA-512 bank alone, and a CCEL that leaves out a register.
func TestOtherBanksAndRegisters(t *testing.T) {
	t.Parallel()
	spec := append([]byte("Spec ID Event03\x00"), 0, 0, 0, 0, 0, 2, 0, 2, 1, 0, 0, 0, 0x0d, 0, 64, 0, 0)
	for _, pcr := range []uint32{0, 1} {
		digest := sha512.Sum512([]byte("x"))
		raw := sized(append(head(pcr, eventlog.EvNoAction), make([]byte, 20)...), spec)
		raw = append(raw, head(pcr, eventlog.EvAction)...)
		raw = append(raw, 1, 0, 0, 0, 0x0d, 0)
		raw = sized(append(raw, digest[:]...), []byte("x"))
		log := parse(t, raw)
		value := extendWith(eventlog.SHA512, make([]byte, 64), digest[:])
		p, err := log.Prove(eventlog.SHA512, map[int][]byte{int(pcr): value})
		if err != nil || len(p.Events) != 1 || !p.Events[0].DataProven || !slices.Equal(log.PCRs(), []int{int(pcr)}) {
			t.Fatalf("%s: %v", log.Format, err)
		}
		other := bytes.Repeat([]byte{5}, 64)
		if _, err := log.Prove(eventlog.SHA512, map[int][]byte{3: other}); pcrOf(t, err) != 3 {
			t.Error(err)
		}
		p, err = log.Prove(eventlog.SHA512, map[int][]byte{int(pcr): value, 4: other})
		if log.Format == eventlog.FormatCCEL && (err != nil || !slices.Equal(p.Unexplained, []int{4})) {
			t.Errorf("RTMR 3 is free to use: %v", err)
		}
	}
}
