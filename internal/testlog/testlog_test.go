package testlog_test

import (
	"bytes"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
	"github.com/azattest/azattest/internal/testlog"
)

// The rewritten log says of the boot what the real one does.
func TestAgile(t *testing.T) {
	t.Parallel()
	raw := testlog.Windows(t, corpus.Read(t, "evidence", "tpm", "goattestation-windows-gcp", "windows_gcp_shielded_vm.json"))
	document := func(raw []byte, bank eventlog.Bank) []byte {
		log, err := eventlog.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		values, err := log.Replay(bank)
		if err != nil {
			t.Fatal(err)
		}
		proven, err := log.Prove(bank, values)
		if err != nil {
			t.Fatal(err)
		}
		return eventlog.Document(proven)
	}
	agile := testlog.Agile(t, raw)
	want := document(raw, eventlog.SHA1)
	for _, bank := range []eventlog.Bank{eventlog.SHA1, eventlog.SHA256} {
		if got := document(agile, bank); !bytes.Equal(got, want) {
			t.Errorf("%s: the documents differ", bank)
		}
	}
}
