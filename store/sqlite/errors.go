package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/azattest/azattest/store"
)

// failure says what an error of SQLite means to the caller.
func failure(ctx context.Context, action string, err error) error {
	if ended := store.Ended(ctx); ended != nil {
		return ended
	}
	err = fmt.Errorf("store/sqlite: %s: %w", action, err)
	if trouble := troubleOf(err); trouble != "" {
		return &store.UnavailableError{Trouble: trouble, Err: err}
	}
	return err
}

func troubleOf(err error) store.Trouble {
	switch primary(err) {
	case lib.SQLITE_FULL:
		return store.TroubleFull
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return store.TroubleReadOnly
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return store.TroubleCorrupt
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return store.TroubleBusy
	case lib.SQLITE_CANTOPEN, lib.SQLITE_IOERR:
		return store.TroubleUnreachable
	default:
		return ""
	}
}

// primary returns the primary result code of an error, 0 if it is none of
// SQLite's.
func primary(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

func isNotDatabase(err error) bool { return primary(err) == lib.SQLITE_NOTADB }

func isBusy(err error) bool { return troubleOf(err) == store.TroubleBusy }

// commitFailure is failure for the COMMIT itself. When the disk fails while the
// log is forced to it, the commit is not seen now, but may be after a crash.
func commitFailure(ctx context.Context, err error) error {
	if primary(err) == lib.SQLITE_IOERR {
		return &store.UncertainError{Err: fmt.Errorf("store/sqlite: commit: %w", err)}
	}
	return failure(ctx, "commit", err)
}
