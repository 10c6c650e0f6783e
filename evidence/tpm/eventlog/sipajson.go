package eventlog

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
)

// tagWriter writes tagged events as JSON. It has what is needed in between, for all
// objects of a document.
type tagWriter struct {
	// members are those of the objects that are being written, outer ones first.
	members []member
	copied  []byte
}

// member is a member to be: a tag's name, without the prefix that all have, and
// where its value stands.
type member struct {
	name     string
	order    int
	from, to int
	isList   bool
}

// object writes tagged events that stand beside each other as the object that
// policies read, {"EVENT_…":value}, and more of them, which come last. A tag that
// comes several times with different values becomes an array of them, so that no
// policy takes one for all. Values are written and compared as JSON, which is the
// same for the same values.
func (w *tagWriter) object(b []byte, tags []Tag, more ...*Tag) []byte {
	start, first := len(b), len(w.members)
	add := func(t *Tag) {
		info, _ := tagOf(t.ID)
		m := member{name: t.shortName(), order: len(w.members), from: len(b) - start, isList: info.kind == kindList}
		b = w.value(b, t)
		m.to = len(b) - start
		w.members = append(w.members, m)
	}
	for i := range tags {
		add(&tags[i])
	}
	for _, t := range more {
		add(t)
	}
	members := w.members[first:]
	slices.SortFunc(members, func(x, y member) int { return cmp.Or(cmp.Compare(x.name, y.name), x.order-y.order) })
	w.copied = append(w.copied[:0], b[start:]...)
	b = append(b[:start], '{')
	for i := 0; i < len(members); {
		n := i + 1
		for n < len(members) && members[n].name == members[i].name {
			n++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `"`+tagPrefix...), members[i].name...), `":`...)
		b = w.several(b, members[i:n])
		i = n
	}
	w.members = w.members[:first]
	return append(b, '}')
}

// several writes the values of one name.
func (w *tagWriter) several(b []byte, same []member) []byte {
	value := func(m member) []byte { return w.copied[m.from:m.to] }
	differs := slices.IndexFunc(same, func(m member) bool { return !bytes.Equal(value(m), value(same[0])) })
	switch {
	case same[0].isList:
		differs = 1
	case differs < 0:
		return append(b, value(same[0])...)
	}
	b = append(append(b, '['), value(same[0])...)
	for _, m := range same[min(differs, len(same)):] {
		b = append(append(b, ','), value(m)...)
	}
	return append(b, ']')
}

// value writes the value of a tag.
func (w *tagWriter) value(b []byte, t *Tag) []byte {
	switch v := t.Value().(type) {
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case string:
		return appendText(b, v)
	case Enumerated:
		b = appendText(append(b, `{"String":`...), v.Name)
		return append(strconv.AppendInt(append(b, `,"Value":`...), v.Value, 10), '}')
	case []byte:
		return append(base64.RawURLEncoding.AppendEncode(append(b, `{"RawData":"`...), v), `"}`...)
	default:
		return w.object(b, t.Children)
	}
}
