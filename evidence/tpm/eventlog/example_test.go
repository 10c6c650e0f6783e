package eventlog_test

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// A log of one measurement into PCR 8, and the PCR as a TPM quoted it.
func Example() {
	raw := old(entry{8, eventlog.EvIPL, []byte("grub_cmd: linux /vmlinuz ro\x00"), []byte("linux /vmlinuz ro")})
	log, err := eventlog.Parse(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(log.Format)
	for _, e := range log.Events {
		fmt.Println(eventlog.Describe(&e))
	}

	quoted, _ := hex.DecodeString("b33c1f081aa855f22a9c4009881a85d1007d614c")
	proven, err := log.Prove(eventlog.SHA1, map[int][]byte{8: quoted})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("proven:", proven.Events[0].Proof)
	fmt.Println(string(eventlog.Document(proven)))

	quoted[0] ^= 1
	_, err = log.Prove(eventlog.SHA1, map[int][]byte{8: quoted})
	if wrong, ok := errors.AsType[*eventlog.Error](err); ok {
		fmt.Println(wrong.Code, "in PCR", wrong.PCR)
	}
	// Output:
	// TCG SHA-1
	// 1 PCR 8 EV_IPL: grub_cmd: linux /vmlinuz ro
	// proven: text after the prefix
	// {"Events":[{"EventSeq":1,"EventType":13,"EventTypeString":"EV_IPL","PcrIndex":8,"ProcessedData":{"String":"linux /vmlinuz ro"}}]}
	// mismatch in PCR 8
}
