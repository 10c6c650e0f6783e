package eventlog_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/azattest/azattest/evidence/tpm/eventlog"
)

// The kernel hashes an entry's fields and not what they are called, so that root can
// send an entry under the name of another template whose fields are as long.
func TestIMAEntriesUnderAnotherTemplate(t *testing.T) {
	t.Parallel()
	version := imaEntry{"ima-buf", "sha256", "kernel_version", digestOf([]byte("6.1.0")), []byte("6.1.0"), false}
	show := func(measured, shown imaEntry) (string, error) {
		log, err := eventlog.Parse(imaBinary(shown))
		if err != nil {
			return "", err
		}
		p, err := log.Prove(eventlog.SHA256, map[int][]byte{10: imaPCR(eventlog.SHA256, false, measured)})
		if err != nil {
			t.Fatal(err)
		}
		return string(eventlog.Document(p)), nil
	}
	if text, err := show(version, version); err != nil || !strings.Contains(text, `"KernelVersion":"6.1.0"`) {
		t.Errorf("%s, %v", text, err)
	}
	// A buffer is hidden: policies look for keys by what only buffers say.
	hidden := version
	hidden.template = "ima-sig"
	if _, err := show(version, hidden); asError(t, err).Part != "sig" {
		t.Error(err)
	}
	// A file's signature poses as a buffer.
	file := imaEntry{"ima-sig", "sha256", "kernel_version", digestOf([]byte("a program")), []byte("\x03forged"), false}
	forged := file
	forged.template = "ima-buf"
	if text, err := show(file, forged); err != nil || strings.Contains(text, "KernelVersion") {
		t.Errorf("%s, %v", text, err)
	}
	// A program whose path makes the entry as long as one of template "ima".
	long := imaEntry{"ima-ng", "sha256", "/" + strings.Repeat("x", 226), digestOf([]byte("evil")), nil, false}
	data := long.hashed()
	if len(data) != 20+256 {
		t.Fatalf("%d bytes", len(data))
	}
	old := append(le.AppendUint32(nil, 10), long.hash()...)
	old = append(sized(old, []byte("ima")), data[:20]...)
	old = sized(old, bytes.TrimRight(data[20:], "\x00"))
	if _, err := eventlog.Parse(old); asError(t, err).Part != "n" {
		t.Error(err)
	}
	line := fmt.Sprintf("10 %x ima %x %s\n", long.hash(), data[:20], bytes.TrimRight(data[20:], "\x00"))
	if _, err := eventlog.Parse([]byte(line)); asError(t, err).Part != "d and n" {
		t.Error(err)
	}
}
