package testpg_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/azattest/azattest/internal/testpg"
)

// server is for all tests that do not stop it.
var server testpg.Server

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(testpg.Main{M: m, Server: &server})
}

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

// ask runs a query with one number as its answer.
func ask(conn *pgx.Conn, query string, patience time.Duration) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var n int
	// In one message, so that a proxy cuts before or after all of it.
	err := conn.QueryRow(ctx, query, pgx.QueryExecModeSimpleProtocol).Scan(&n)
	return n, err
}

func do(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func mustAsk(t *testing.T, conn *pgx.Conn, query string, want int) {
	t.Helper()
	if n, err := ask(conn, query, 10*time.Second); err != nil || n != want {
		t.Fatalf("%s: %d, %v, want %d", query, n, err, want)
	}
}

func TestEveryDSNIsADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, two := server.DSN(t), server.DSN(t)
	if one == two {
		t.Fatal("two tests got the same database")
	}
	do(t, connect(t, one), "CREATE TABLE a ()")
	mustAsk(t, connect(t, two), "SELECT count(*)::int FROM pg_tables WHERE tablename = 'a'", 0)
}

func TestCommitsAreForcedToDisk(t *testing.T) {
	t.Parallel()
	conn := connect(t, server.DSN(t))
	mustAsk(t, conn, "SELECT (current_setting('fsync') = 'on' AND current_setting('synchronous_commit') = 'on')::int", 1)
}

func TestServerComesBackAfterItWasKilled(t *testing.T) {
	t.Parallel()
	own := testpg.Start(t)
	dsn := own.DSN(t)
	do(t, connect(t, dsn), "CREATE TABLE a AS SELECT 7 AS n")
	own.Kill()
	if _, err := pgx.Connect(t.Context(), dsn); err == nil {
		t.Error("a killed server answers")
	}
	own.Restart(t)
	mustAsk(t, connect(t, dsn), "SELECT n FROM a", 7)
	own.Restart(t)
	mustAsk(t, connect(t, dsn), "SELECT n FROM a", 7)
	if err := own.Stop(); err != nil {
		t.Error(err)
	}
}

func TestProxyFailsAsItIsTold(t *testing.T) {
	t.Parallel()
	dsn := server.DSN(t)
	tests := map[string]struct {
		fault     func(*testpg.Proxy)
		isCut     bool // the connection is over, in place of waiting
		isSpared  bool // a connection that never sent the word goes on
		isApplied bool // the server did what it was asked for
	}{
		"cut":         {(*testpg.Proxy).Cut, true, false, false},
		"cut where":   {func(p *testpg.Proxy) { p.CutWhere("marked") }, true, true, false},
		"cut before":  {func(p *testpg.Proxy) { p.CutBefore("INSERT") }, true, true, false},
		"cut after":   {func(p *testpg.Proxy) { p.CutAfter("INSERT") }, true, true, true},
		"stall":       {(*testpg.Proxy).Stall, false, false, false},
		"stall where": {func(p *testpg.Proxy) { p.StallWhere("marked") }, false, true, false},
	}
	direct := connect(t, dsn)
	do(t, direct, "CREATE TABLE calls (test text)")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			proxy := testpg.NewProxy(t, server.Addr(t))
			marked, other := connect(t, proxy.DSN(t, dsn)), connect(t, proxy.DSN(t, dsn))
			mustAsk(t, marked, "SELECT 1 AS marked", 1)
			mustAsk(t, other, "SELECT 2", 2)
			test.fault(proxy)
			_, err := ask(marked, "INSERT INTO calls VALUES ('"+name+"') RETURNING 1", 300*time.Millisecond)
			if err == nil {
				t.Fatal("the query was answered")
			}
			if waited := errors.Is(err, context.DeadlineExceeded); waited == test.isCut {
				t.Errorf("error %v, want the connection cut: %t", err, test.isCut)
			}
			if _, err := ask(other, "SELECT 3", 300*time.Millisecond); (err == nil) != test.isSpared {
				t.Errorf("the other connection: %v, want it spared: %t", err, test.isSpared)
			}
			want := 0
			if test.isApplied {
				want = 1
			}
			mustAsk(t, direct, "SELECT count(*)::int FROM calls WHERE test = '"+name+"'", want)
			proxy.Restore()
			mustAsk(t, connect(t, proxy.DSN(t, dsn)), "SELECT 4", 4)
		})
	}
}

func TestStalledConnectionGoesOn(t *testing.T) {
	t.Parallel()
	proxy := testpg.NewProxy(t, server.Addr(t))
	conn := connect(t, proxy.DSN(t, server.DSN(t)))
	proxy.Stall()
	time.AfterFunc(200*time.Millisecond, proxy.Restore)
	mustAsk(t, conn, "SELECT 5", 5)
}
