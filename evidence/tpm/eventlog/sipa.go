package eventlog

import (
	"encoding/binary"
	"fmt"
)

// Tag is a tagged event of Windows (SIPA: wbcl.h of the Windows SDK). Those
// that contain others have Children and no Data.
type Tag struct {
	ID       uint32
	Data     []byte
	Children []Tag
}

const (
	tagAggregation = 0x40000000 // flag: contains others
	tagNonMeasured = 0x80000000 // flag: stands in the log only
	tagTrustBound  = 0x40010001
	tagModules     = 0x40010003
	tagSMM         = 0x000c0002
)

// tags reads an event's data as Windows' tagged events. Data that is none, as
// Linux boot loaders tag theirs, is an error.
func (e *Event) tags() ([]Tag, error) {
	r := e.reader()
	n := 0
	tags, err := readTags(r, 0, &n)
	if err != nil {
		return nil, err
	}
	if len(tags) == 0 {
		return nil, r.fail(CodeMalformed, "EV_EVENT_TAG", "no tagged event", "one")
	}
	for _, t := range tags {
		if !isSIPA(t.ID) {
			return nil, r.fail(CodeUnsupported, "EventID", fmt.Sprintf("0x%08x", t.ID), "a tag of Windows")
		}
	}
	return tags, nil
}

// isSIPA says whether an ID is one of Windows': flags, and a category from
// container to DRTM.
func isSIPA(id uint32) bool {
	category := id &^ (tagAggregation | tagNonMeasured) >> 16
	return 1 <= category && category <= 0xc
}

func readTags(r *reader, depth int, n *int) ([]Tag, error) {
	if depth == maxTagDepth {
		return nil, r.fail(CodeTooLarge, "EV_EVENT_TAG", "deeper nesting", fmt.Sprintf("at most %d", maxTagDepth))
	}
	tags := make([]Tag, 0, countTags(r.rest))
	for len(r.rest) > 0 {
		if *n++; *n > maxTags {
			return nil, r.fail(CodeTooLarge, "EV_EVENT_TAG", "more tagged events", fmt.Sprintf("at most %d", maxTags))
		}
		id, err := r.u32("EventID")
		if err != nil {
			return nil, err
		}
		size, err := r.u32("EventDataSize")
		if err != nil {
			return nil, err
		}
		data, err := r.take(uint64(size), "EventData")
		if err != nil {
			return nil, err
		}
		t := Tag{ID: id, Data: data}
		if isSIPA(id) && id&tagAggregation != 0 {
			in := &reader{rest: data, offset: r.offset - len(data), event: r.event, log: r.log}
			t.Data = nil
			if t.Children, err = readTags(in, depth+1, n); err != nil {
				return nil, err
			}
		}
		tags = append(tags, t)
	}
	return tags, nil
}

// countTags counts the tagged events that stand beside each other, as far as they are
// ones, so that there is room for all of them at once.
func countTags(data []byte) int {
	n := 0
	for len(data) >= 8 && n < maxTags {
		size := uint64(binary.LittleEndian.Uint32(data[4:])) + 8
		if size > uint64(len(data)) {
			break
		}
		data = data[size:]
		n++
	}
	return n
}

// Name is the tag's name as policies read it: "EVENT_BOOTDEBUGGING".
func (t *Tag) Name() string {
	return tagPrefix + t.shortName()
}

// tagPrefix begins the names of all tags.
const tagPrefix = "EVENT_"

func (t *Tag) shortName() string {
	if d, ok := tagOf(t.ID); ok {
		return d.name
	}
	return fmt.Sprintf("0x%08X", t.ID)
}

// tagKind is how the data of a tag is read.
type tagKind int

const (
	kindRaw    tagKind = iota // {RawData}
	kindBool                  // one byte, or a number of 2, 4 or 8, that is 0 or 1
	kindNumber                // little endian, up to 8 bytes
	kindEnum                  // a number with a name: {String, Value}
	kindText                  // UTF-16 with a zero at the end
	kindList                  // contains others, or is given as an array always
)

// tagInfo is what is known of a tag.
type tagInfo struct {
	name string
	kind tagKind
}

func tagOf(id uint32) (tagInfo, bool) {
	switch id &^ (tagAggregation | tagNonMeasured) >> 16 {
	case 1:
		return containerTag(id)
	case 2, 3, 4:
		return informationTag(id)
	case 5:
		return osTag(id)
	case 6, 7:
		return moduleTag(id)
	default:
		return otherTag(id)
	}
}

func containerTag(id uint32) (tagInfo, bool) {
	switch id {
	case tagTrustBound:
		return tagInfo{"TRUSTBOUNDARY", kindRaw}, true
	case 0x40010002:
		return tagInfo{"ELAM_AGGREGATION", kindList}, true
	case tagModules:
		return tagInfo{"LOADEDMODULE_AGGREGATION", kindList}, true
	case 0xc0010004:
		return tagInfo{"TRUSTPOINT_AGGREGATION", kindList}, true
	case 0x40010005:
		return tagInfo{"KSR_AGGREGATION", kindList}, true
	case 0x40010006:
		return tagInfo{"KSR_SIGNED_MEASUREMENT_AGGREGATION", kindList}, true
	}
	return tagInfo{}, false
}

func informationTag(id uint32) (tagInfo, bool) {
	switch id {
	case 0x00020001:
		return tagInfo{"INFORMATION", kindRaw}, true
	case 0x00020002:
		return tagInfo{"BOOTCOUNTER", kindNumber}, true
	case 0x00020003:
		return tagInfo{"TRANSFER_CONTROL", kindEnum}, true
	case 0x00020004:
		return tagInfo{"APPLICATION_RETURN", kindNumber}, true
	case 0x00020005:
		return tagInfo{"BITLOCKER_UNLOCK", kindEnum}, true
	case 0x00020006:
		return tagInfo{"EVENTCOUNTER", kindNumber}, true
	case 0x00020007:
		return tagInfo{"COUNTERID", kindNumber}, true
	case 0x00020008:
		return tagInfo{"MORBIT_NOT_CANCELABLE", kindBool}, true
	case 0x00020009:
		return tagInfo{"APPLICATION_SVN", kindNumber}, true
	case 0x0002000a:
		return tagInfo{"SVN_CHAIN_STATUS", kindNumber}, true
	case 0x0002000b:
		return tagInfo{"MORBIT_API_STATUS", kindNumber}, true
	case 0x0002000c:
		return tagInfo{"IDK_GENERATION_STATUS", kindNumber}, true
	case 0x00030001:
		return tagInfo{"FIRMWAREFAILURE", kindRaw}, true
	case 0x80030002:
		return tagInfo{"TPMFAILURE", kindRaw}, true
	case 0x00030003:
		return tagInfo{"INTERNALFAILURE", kindRaw}, true
	case 0x80030004:
		return tagInfo{"KSRFAILURE", kindRaw}, true
	case 0x00030005:
		return tagInfo{"HYPERVISORFAILURE", kindRaw}, true
	case 0x00040001:
		return tagInfo{"BOOTDEBUGGING", kindBool}, true
	case 0x00040002:
		return tagInfo{"BOOT_REVOCATION_LIST", kindRaw}, true
	}
	return tagInfo{}, false
}
