package postgres

import "time"

const (
	// connectTimeout bounds making a connection, where the connection string
	// does not.
	connectTimeout = 3 * time.Second

	// callTimeout bounds what a call waits for one answer of the server, which
	// may hang, as may the network. It is longer than the server's own limits
	// below, whose errors say more.
	callTimeout = 10 * time.Second

	// statementTimeout is after how long the server gives up a statement, and
	// lockTimeout after how long it gives up waiting for the lock of somebody
	// else's commit.
	statementTimeout = 8 * time.Second
	lockTimeout      = 5 * time.Second

	// idleTimeout is after how long the server gives up on a process that hangs
	// in the middle of a commit. It is shorter than lockTimeout, so that those who
	// wait for its lock get it.
	idleTimeout = 3 * time.Second

	// visitTimeout is the same for a visit, which holds no lock: the visitor may
	// be that slow with one page.
	visitTimeout = 5 * time.Minute

	// pageRecords is how many records of a visit are held at once, each up to
	// 1 MiB.
	pageRecords = 64

	// migrationTimeout bounds a migration, also the wait for another process
	// that does the same.
	migrationTimeout = 2 * time.Minute

	// attempts is how often a commit is tried that the server rolled back for
	// the sake of another, or whose connection was gone before the COMMIT.
	attempts = 3

	// pollEvery is how often Wait looks by itself, in case that notifications do
	// not come.
	pollEvery = 300 * time.Millisecond

	// staleAfter is after how long without an answer Wait says so. Before that it
	// asks as often as it can.
	staleAfter = time.Second

	// pollTimeout bounds one look, so that a connection that went silent leaves
	// time to ask on another.
	pollTimeout = 300 * time.Millisecond

	// maxWatchers lets Wait look while another look is stuck.
	maxWatchers = 2

	// listenTimeout bounds every step of listening but the silence, after which
	// the connection is asked whether it is still there.
	listenTimeout = 3 * time.Second
	listenSilence = 15 * time.Second

	// minBackoff and maxBackoff are the shortest and the longest pause between
	// attempts to listen again.
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)
