package audit

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// disk is where the lines of a trail go. It is for one goroutine at a time.
type disk struct {
	dir   string
	clock func() time.Time
	limit int64
	open  opener

	current segment
	file    file // nil if there is no current segment
	// size is how much of the file is certain to be on the disk. What lies behind
	// was written by an attempt that failed, and is written again.
	size int64
	// isNamed says that the file's name is on the disk, too; isDirty that an
	// attempt has failed since the last one that did not.
	isNamed, isDirty bool
}

// write makes a batch of whole lines durable, of which the first has the sequence
// start. It goes into one segment, a new one if that is due. After an error the
// same batch may be tried again: it is written to the same place. A sync that
// failed proves nothing about what was written before it, so nothing is taken for
// durable until a whole attempt went well.
func (d *disk) write(batch []byte, start int64) error {
	now := d.clock()
	if d.file == nil || d.size > 0 && (d.size >= d.limit || d.current.day != dayOf(now)) {
		if err := d.begin(start, now); err != nil {
			return err
		}
	}
	return d.put(batch)
}

// put makes a batch durable at the end of the current segment.
func (d *disk) put(batch []byte) error {
	d.isDirty = true
	if _, err := d.file.WriteAt(batch, d.size); err != nil {
		return fmt.Errorf("write %s: %w", d.current.name, err)
	}
	if err := d.file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", d.current.name, err)
	}
	if !d.isNamed {
		if err := syncDir(d.dir); err != nil {
			return fmt.Errorf("sync %s: %w", d.dir, err)
		}
	}
	d.size += int64(len(batch))
	d.isNamed, d.isDirty = true, false
	return nil
}

// begin puts a new segment into the place of the current one. Of an attempt that
// failed there nothing may stay: it goes into the new one.
func (d *disk) begin(start int64, now time.Time) error {
	if d.isDirty {
		if err := errors.Join(d.file.Truncate(d.size), d.file.Sync()); err != nil {
			return fmt.Errorf("cut %s: %w", d.current.name, err)
		}
		d.isDirty = false
	}
	name := segmentName(start, now)
	f, err := d.open(filepath.Join(d.dir, name))
	if err != nil {
		return fmt.Errorf("begin %s: %w", name, err)
	}
	// What it held is on the disk, so nothing can be lost by closing it.
	_ = d.close()
	d.file, d.size, d.isNamed = f, 0, false
	d.current = segment{name: name, start: start, day: dayOf(now)}
	return nil
}

// close closes the current segment. What an attempt that failed left behind the
// last durable line stays: whole lines are worth keeping, and the next Open cuts
// off half a line.
func (d *disk) close() error {
	if d.file == nil {
		return nil
	}
	err := d.file.Close()
	d.file = nil
	return err
}
