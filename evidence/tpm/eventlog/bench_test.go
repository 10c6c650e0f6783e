package eventlog_test

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// bootLog is a log of 200 events as a server's boot has them: variables, boot
// loader commands and Windows' tags, of the sizes seen in real logs.
func bootLog() []entry {
	list := append(secureBoot(1), windowsBoot()...)
	list[4].data = variable(securityGUID, "dbx", make([]byte, 3700)...)
	for pcr := range uint32(7) {
		list = append(list, separator(pcr))
	}
	for i := range 50 {
		list = append(list, entry{1, eventlog.EvEFIVariableBoot, variable(globalGUID, fmt.Sprintf("Boot%04X", i), make([]byte, 120)...), make([]byte, 120)})
	}
	for i := len(list); i < 200; i++ {
		text := fmt.Sprintf("linux /boot/vmlinuz-%d root=UUID=f3948fb4-cce7-4193-940a-c50052e93bf3 ro quiet", i)
		list = append(list, entry{8, eventlog.EvIPL, []byte("grub_cmd: " + text + "\x00"), []byte(text)})
	}
	return list
}

func BenchmarkParseAndProve(b *testing.B) {
	raw := agile(bootLog()...)
	log, err := eventlog.Parse(raw)
	if err != nil {
		b.Fatal(err)
	}
	pcrs, err := log.Replay(eventlog.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("log", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			log, err := eventlog.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			if p, err := log.Prove(eventlog.SHA256, pcrs); err != nil || len(p.Events) != 200 {
				b.Fatal(err)
			}
		}
	})
	// What cannot be saved: one extension for each event, and one hash of the data
	// of each.
	b.Run("hashes", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		var pcr [64]byte
		for b.Loop() {
			for i := range log.Events {
				digest := sha256.Sum256(log.Events[i].Data)
				copy(pcr[32:], digest[:])
				next := sha256.Sum256(pcr[:])
				copy(pcr[:], next[:])
			}
		}
	})
	b.Run("log and document", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			log, err := eventlog.Parse(raw)
			if err != nil {
				b.Fatal(err)
			}
			p, err := log.Prove(eventlog.SHA256, pcrs)
			if err != nil {
				b.Fatal(err)
			}
			if len(eventlog.Document(p)) == 0 {
				b.Fatal("no document")
			}
		}
	})
	b.Run("document", func(b *testing.B) {
		p, err := log.Prove(eventlog.SHA256, pcrs)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if len(eventlog.Document(p)) == 0 {
				b.Fatal("no document")
			}
		}
	})
}

// BenchmarkIMA is a busy server's log.
func BenchmarkIMA(b *testing.B) {
	var entries []imaEntry
	for i := range 20_000 {
		e := imaSample[0]
		e.name = fmt.Sprintf("/usr/lib/x86_64-linux-gnu/lib%d.so", i)
		entries = append(entries, e)
	}
	raw := imaBinary(entries...)
	pcr := imaPCR(eventlog.SHA256, false, entries...)
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		log, err := eventlog.Parse(raw)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := log.Prove(eventlog.SHA256, map[int][]byte{10: pcr}); err != nil {
			b.Fatal(err)
		}
	}
}
