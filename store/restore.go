package store

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	// restoreMarker is the record that stands in a store from the first commit of
	// a restore to the last.
	restoreMarker = "restore/incomplete"

	// maxRestoreBytes bounds the values of one commit of a restore, and so what
	// it holds in memory.
	maxRestoreBytes = 4 << 20
)

// IncompleteError says that a restore was cut short: the store holds a part of
// a backup, and must not be used. Remove it (the file, or the schema), make a new
// one and restore into that.
type IncompleteError struct {
	// Err is what cut the restore short, nil for one that did so earlier.
	Err error
}

func (e *IncompleteError) Error() string {
	const text = "store: incomplete, for a restore was cut short: remove it and restore into a new one"
	if e.Err == nil {
		return text
	}
	return text + ": " + e.Err.Error()
}

func (e *IncompleteError) Unwrap() error { return e.Err }

// NotEmptyError says that there are records where a restore wants none.
type NotEmptyError struct {
	// Key is the first of them.
	Key string
}

func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("store: not empty, it has the record %s: restore into a new one", e.Key)
}

// CheckComplete returns an *[IncompleteError] for a store whose restore was cut
// short or is under way. The stores that many processes share ask it when they
// are opened; who keeps one open while others may restore asks it again.
func CheckComplete(ctx context.Context, s Store) error {
	_, err := s.Get(ctx, restoreMarker)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	default:
		return &IncompleteError{}
	}
}

// Restore puts the records of a backup into an empty store. They get new
// revisions: those of the backup's store mean nothing here.
//
// It reads the backup twice, from where file stands: to verify all of it
// before the first write, and to write it. Then it compares what is in the store
// with the backup once more. From the first commit to the last a marker stands
// among the records, so a restore that was cut short, whether by an error, kill
// -9 or a writer in between, is known by [CheckComplete] and cannot be mistaken
// for a whole one. It cannot be continued.
//
// Errors are *[BackupError] for what is no whole backup and *[NotEmptyError] for a
// store with records, after both of which nothing was written, and
// *[IncompleteError] for a restore that was cut short, now or earlier.
func Restore(ctx context.Context, s Store, file io.ReadSeeker) (Summary, error) {
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return Summary{}, fmt.Errorf("store: restore: %w", err)
	}
	want, err := CheckBackup(file)
	if err != nil {
		return Summary{}, err
	}
	if _, err := file.Seek(start, io.SeekStart); err != nil {
		return Summary{}, fmt.Errorf("store: restore: %w", err)
	}
	if err := checkEmpty(ctx, s); err != nil {
		return Summary{}, err
	}
	marked, err := s.Commit(ctx, Put(restoreMarker, []byte(want.SHA256), 0))
	if err != nil {
		var conflict *ConflictError
		var uncertain *UncertainError
		if errors.As(err, &conflict) || errors.As(err, &uncertain) {
			return Summary{}, &IncompleteError{err}
		}
		return Summary{}, err
	}
	if err := fill(ctx, s, file, want); err != nil {
		return Summary{}, &IncompleteError{err}
	}
	if _, err := s.Commit(ctx, Delete(restoreMarker, marked)); err != nil {
		return Summary{}, &IncompleteError{err}
	}
	return want, nil
}

// checkEmpty returns an error unless there are no records.
func checkEmpty(ctx context.Context, s Store) error {
	// Before Each, whose first record may be another than the marker.
	if err := CheckComplete(ctx, s); err != nil {
		return err
	}
	_, err := s.Each(ctx, "", func(r Record) error { return &NotEmptyError{r.Key} })
	return err
}

// fill writes the records of a backup, and returns an error unless they are
// then all there, and no others.
func fill(ctx context.Context, s Store, file io.Reader, want Summary) error {
	var changes []Change
	size := 0
	flush := func() error {
		if len(changes) == 0 {
			return nil
		}
		_, err := s.Commit(ctx, changes...)
		changes, size = changes[:0], 0
		return err
	}
	again, err := readBackup(file, func(r Record) error {
		changes = append(changes, Put(r.Key, r.Value, 0))
		size += len(r.Value)
		if len(changes) < MaxChanges && size < maxRestoreBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	if err := flush(); err != nil {
		return err
	}
	if again != want {
		return errors.New("store: restore: the backup was changed while it was read")
	}
	return compare(ctx, s, want)
}

// compare returns an error unless the records, but for the marker, are those of
// the backup.
func compare(ctx context.Context, s Store, want Summary) error {
	out := newBackupWriter(io.Discard)
	out.line(backupHeader{Format: backupFormat, Version: backupVersion})
	_, err := s.Each(ctx, "", func(r Record) error {
		if r.Key == restoreMarker {
			return nil
		}
		return out.record(r)
	})
	if err != nil {
		return err
	}
	got, err := out.end(want.Revision)
	if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("store: restore: the store has %d records of %d bytes and not the %d of %d that were written: somebody else wrote meanwhile", got.Records, got.Bytes, want.Records, want.Bytes)
	}
	return nil
}
