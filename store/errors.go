package store

import (
	"errors"
	"fmt"
)

// ErrNotFound says that there is no record under a key.
var ErrNotFound = errors.New("store: no such record")

// ErrClosed says that the store was closed before the call or during it. A
// commit that ends with it changed nothing.
var ErrClosed = errors.New("store: closed")

// ConflictError says that somebody else changed a record first.
type ConflictError struct {
	Key string
	// Expected and Found are revisions; 0 stands for no record.
	Expected, Found int64
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("store: record %s has revision %d, want %d: it was changed meanwhile", e.Key, e.Found, e.Expected)
}

// UncertainError says that nobody knows whether a commit happened.
type UncertainError struct{ Err error }

func (e *UncertainError) Error() string {
	return "store: the commit may or may not have happened, read again to find out: " + e.Err.Error()
}

func (e *UncertainError) Unwrap() error { return e.Err }

// LimitError says that a commit is beyond what the store keeps.
type LimitError struct {
	// Part is what is wrong: "key", "value", "changes".
	Part string
	// Problem is what it is, and what would be right.
	Problem string
}

func (e *LimitError) Error() string { return "store: " + e.Part + ": " + e.Problem }

// Trouble is what ails the place where records are kept.
type Trouble string

// The troubles. Each of them is for the operator to end; the store goes on by
// itself when it is over.
const (
	// TroubleFull means that there is no space for another record.
	TroubleFull Trouble = "full"
	// TroubleReadOnly means that nothing may be written there.
	TroubleReadOnly Trouble = "read-only"
	// TroubleCorrupt means that what is there was damaged.
	TroubleCorrupt Trouble = "corrupt"
	// TroubleBusy means that somebody else held a lock, or the database worked,
	// for longer than a call may take.
	TroubleBusy Trouble = "busy"
	// TroubleUnreachable means that there was no answer, or no admittance.
	TroubleUnreachable Trouble = "unreachable"
)

// advice says what to do about a trouble.
func (t Trouble) advice() string {
	switch t {
	case TroubleFull:
		return "no space is left: free some, or allow more"
	case TroubleReadOnly:
		return "it may not be written: check the permissions, and that this is the primary"
	case TroubleCorrupt:
		return "it is damaged: stop the service and restore a backup into a new store"
	case TroubleBusy:
		return "somebody else held it for too long: try again"
	case TroubleUnreachable:
		return "it cannot be reached: check that it runs, and the address and credentials"
	default:
		return "it does not work"
	}
}

// UnavailableError says that a call failed for a reason that lies neither in
// the call nor in the records. A commit that ends with it changed nothing.
type UnavailableError struct {
	Trouble Trouble
	Err     error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("store: %s: %s: %v", e.Trouble, e.Trouble.advice(), e.Err)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// SchemaError says that the tables are of another version than the program.
type SchemaError struct {
	// Found is the version of the tables, Known the one of this program.
	Found, Known int
}

func (e *SchemaError) Error() string {
	if e.Found > e.Known {
		return fmt.Sprintf("store: the tables have version %d, this program knows them up to %d: use the newer program, or let it migrate them back first", e.Found, e.Known)
	}
	return fmt.Sprintf("store: the tables have version %d, this program needs %d: migrate them", e.Found, e.Known)
}
