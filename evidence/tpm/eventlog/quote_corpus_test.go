package eventlog_test

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
	"github.com/azattest/azattest/internal/corpus"
)

// fields splits a protobuf message. Numbers are given as bytes of their varint.
func fields(t *testing.T, b []byte) map[protowire.Number][][]byte {
	t.Helper()
	out := map[protowire.Number][][]byte{}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		v := b[:n]
		if typ == protowire.BytesType {
			v, _ = protowire.ConsumeBytes(b)
		}
		out[num] = append(out[num], v)
		b = b[n:]
	}
	return out
}

func varint(t *testing.T, list [][]byte) int {
	t.Helper()
	if len(list) == 0 {
		return 0
	}
	v, n := protowire.ConsumeVarint(list[0])
	if n < 0 {
		t.Fatal(protowire.ParseError(n))
	}
	return int(v)
}

// An attestation of a machine on GCE: a log, and three quotes with all 24 PCRs
// of a bank each.
func TestQuotedPCRsOfThreeBanksProveTheLog(t *testing.T) {
	t.Parallel()
	const quotes, logField, pcrsOfQuote, hash, pcr = 2, 3, 3, 1, 2
	attestation := fields(t, corpus.Read(t, "evidence", "tpm", "gce-cos85-nonce9009", "gce-cos-85-nonce9009.pb"))
	log := parse(t, attestation[logField][0])
	if len(attestation[quotes]) != 3 {
		t.Fatalf("%d quotes", len(attestation[quotes]))
	}
	for _, q := range attestation[quotes] {
		set := fields(t, fields(t, q)[pcrsOfQuote][0])
		bank := eventlog.Bank(varint(t, set[hash]))
		quoted := map[int][]byte{}
		for _, entry := range set[pcr] {
			kv := fields(t, entry)
			quoted[varint(t, kv[1])] = kv[2][0]
		}
		p, err := log.Prove(bank, quoted)
		if err != nil {
			t.Fatalf("%s: %v", bank, err)
		}
		checkProofs(t, p)
		sb, err := p.SecureBoot()
		if err != nil || sb == nil {
			t.Fatalf("%s: Secure Boot %v, %v", bank, sb, err)
		}
		t.Logf("%s: %d PCRs quoted, %d events of %v proven, unexplained %v, Secure Boot %t", bank, len(quoted), len(p.Events), p.PCRs, p.Unexplained, sb.IsEnabled)
		for _, index := range p.PCRs {
			quoted[index][5] ^= 1
			if _, err := log.Prove(bank, quoted); pcrOf(t, err) != index {
				t.Errorf("%s, another PCR %d: %v", bank, index, err)
			}
			quoted[index][5] ^= 1
		}
	}
}
