package eventlog

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Image is a program that firmware loaded (EFI_IMAGE_LOAD_EVENT). Its digest is
// the program's, and nothing of what stands here is proven.
type Image struct {
	Location, Length, LinkTimeAddress uint64
	// Path is where it came from, as text.
	Path string
}

func (e *Event) image() (*Image, error) {
	r := e.reader()
	m := &Image{}
	var n uint64
	for _, f := range []struct {
		to   *uint64
		part string
	}{
		{&m.Location, "ImageLocationInMemory"},
		{&m.Length, "ImageLengthInMemory"},
		{&m.LinkTimeAddress, "ImageLinkTimeAddress"},
		{&n, "LengthOfDevicePath"},
	} {
		v, err := r.u64(f.part)
		if err != nil {
			return nil, err
		}
		*f.to = v
	}
	path, err := r.within(n, maxData, "DevicePath")
	if err != nil {
		return nil, err
	}
	if err := r.end("EFI_IMAGE_LOAD_EVENT"); err != nil {
		return nil, err
	}
	m.Path, err = DevicePath(path)
	return m, err
}

// GPT is the table of a disk from which was booted (UEFI_GPT_DATA).
type GPT struct {
	Disk       GUID
	Partitions []Partition
}

// Partition is one of a disk's that is in use.
type Partition struct {
	Type, ID    GUID
	First, Last uint64 // blocks
	Attributes  uint64
	Name        string
}

const (
	gptHeader     = 92  // EFI_PARTITION_TABLE_HEADER
	gptDisk       = 56  // DiskGUID in it
	gptEntrySize  = 84  // SizeOfPartitionEntry in it
	gptEntryFixed = 128 // the least size of an entry
)

func (e *Event) gpt() (*GPT, error) {
	r := e.reader()
	head, err := r.take(gptHeader, "UEFIPartitionHeader")
	if err != nil {
		return nil, err
	}
	if string(head[:8]) != "EFI PART" {
		return nil, r.fail(CodeMalformed, "UEFIPartitionHeader: Signature", fmt.Sprintf("%q", head[:8]), `"EFI PART"`)
	}
	size := binary.LittleEndian.Uint32(head[gptEntrySize:])
	if size < gptEntryFixed || size > maxData {
		return nil, r.fail(CodeMalformed, "UEFIPartitionHeader: SizeOfPartitionEntry", fmt.Sprintf("%d", size), fmt.Sprintf("at least %d", gptEntryFixed))
	}
	n, err := r.u64("NumberOfPartitions")
	if err != nil {
		return nil, err
	}
	if n > maxPartitions {
		return nil, r.fail(CodeTooLarge, "NumberOfPartitions", fmt.Sprintf("%d", n), fmt.Sprintf("at most %d", maxPartitions))
	}
	body, err := r.take(n*uint64(size), "Partitions")
	if err != nil {
		return nil, err
	}
	if err := r.end("UEFI_GPT_DATA"); err != nil {
		return nil, err
	}
	t := &GPT{Disk: GUID(head[gptDisk : gptDisk+16]), Partitions: make([]Partition, n)}
	for i := range t.Partitions {
		p := body[i*int(size):]
		t.Partitions[i] = Partition{
			Type: GUID(p[:16]), ID: GUID(p[16:32]), First: le64(p[32:]), Last: le64(p[40:]), Attributes: le64(p[48:]),
			Name: strings.TrimRight(utf16Text(p[56:128]), "\x00"),
		}
	}
	return t, nil
}
