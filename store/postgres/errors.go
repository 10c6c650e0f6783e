package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/azattest/azattest/store"
)

// The codes of errors that mean something here, from appendix A of PostgreSQL's
// manual.
const (
	codeReadOnly        = "25006" // read_only_sql_transaction
	codeSerialization   = "40001" // serialization_failure
	codeDeadlock        = "40P01" // deadlock_detected
	codeDiskFull        = "53100" // disk_full
	codeLockTimeout     = "55P03" // lock_not_available
	codeQueryCanceled   = "57014" // query_canceled, by statement_timeout
	codeDataCorrupted   = "XX001" // data_corrupted
	codeIndexCorrupted  = "XX002" // index_corrupted
	codeNoPrivilege     = "42501" // insufficient_privilege
	classConnection     = "08"
	classAuthorization  = "28"
	classResources      = "53"
	classIntervention   = "57P" // shutdown, crash, starting up
	codeIdleTransaction = "25P03"
)

// failure says what an error of the server, or of the way to it, means to the
// caller.
func failure(ctx context.Context, action string, err error) error {
	if ended := store.Ended(ctx); ended != nil {
		return ended
	}
	trouble := troubleOf(err)
	err = fmt.Errorf("store/postgres: %s: %w", action, err)
	if trouble != "" {
		return &store.UnavailableError{Trouble: trouble, Err: err}
	}
	return err
}

func troubleOf(err error) store.Trouble {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if isOfTheWay(err) || errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
			return store.TroubleUnreachable
		}
		return ""
	}
	switch e.Code {
	case codeDiskFull:
		return store.TroubleFull
	case codeReadOnly, codeNoPrivilege:
		return store.TroubleReadOnly
	case codeDataCorrupted, codeIndexCorrupted:
		return store.TroubleCorrupt
	case codeLockTimeout, codeQueryCanceled, codeSerialization, codeDeadlock:
		return store.TroubleBusy
	case codeIdleTransaction:
		return store.TroubleUnreachable
	}
	for _, class := range []string{classConnection, classAuthorization, classResources, classIntervention} {
		if strings.HasPrefix(e.Code, class) {
			return store.TroubleUnreachable
		}
	}
	return ""
}

// isUncertain reports whether a COMMIT may have happened though it failed. The
// server's ordinary ERROR says that it did not; a FATAL one ends the connection at
// any moment, and without an answer nobody knows. The driver's SafeToRetry is of
// no use here: pgx 5.12.0 says yes also of a connection that broke after the
// statement was sent, once it has noticed.
func isUncertain(err error) bool {
	var e *pgconn.PgError
	return !errors.As(err, &e) || e.SeverityUnlocalized != "ERROR" && e.Severity != "ERROR" || strings.HasPrefix(e.Code, classConnection)
}

// isWorthAnother reports whether a transaction that failed before its COMMIT
// should be tried again: it lost against another, or its connection was one of
// a server that is gone. Who waited for long already does not wait again.
func isWorthAnother(err error) bool {
	var uncertain *store.UncertainError
	if errors.As(err, &uncertain) || errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) {
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code == codeSerialization || e.Code == codeDeadlock || strings.HasPrefix(e.Code, classIntervention)
	}
	return isOfTheWay(err)
}

// isOfTheWay reports whether the connection failed, and not what was asked. It
// is no word on whether what was asked happened.
func isOfTheWay(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
