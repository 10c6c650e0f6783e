package audit

// misplaced says why a line has another sequence than the one that is due: it
// was moved, or others are missing before it.
func (v *verifier) misplaced(files []segment, i int, at place, got int64) error {
	due := v.head.Sequence + 1
	if got < due {
		return at.broken(Reordered, "sequence %d again, want %d", got, due)
	}
	if found, ok := v.find(files[i:], due); ok {
		return at.broken(Reordered, "sequence %d, want %d, which stands in line %d of %s", got, due, found.line, found.file)
	}
	if at.line == 1 && due == 1 {
		return at.broken(Missing, "the trail begins with sequence %d, want 1, or the hash of the line before", got)
	}
	return at.broken(Missing, "sequence %d, want %d: %d records are missing", got, due, got-due)
}

// find looks for the line with a sequence.
func (v *verifier) find(files []segment, sequence int64) (place, bool) {
	for _, s := range files {
		if at, ok := v.findIn(s, sequence); ok {
			return at, true
		}
	}
	return place{}, false
}

// findIn passes over whatever is no line: the trail is known to be broken.
func (v *verifier) findIn(s segment, sequence int64) (place, bool) {
	f, err := openSegment(v.dir, s)
	if err != nil {
		return place{}, false
	}
	defer f.Close() //nolint:errcheck // nothing was written
	for l := newLines(f, nil); ; {
		line, err := l.next()
		if err != nil {
			return place{}, false
		}
		if got, err := readLink(line); err == nil && got.Sequence == sequence {
			return place{s.name, l.number}, true
		}
	}
}
