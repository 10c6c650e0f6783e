package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/azattest/azattest/store"
)

// ear is the connection that listens for notifications. It works only while a
// call waits, in a goroutine that ends with the call; the connection stays for
// the next one.
type ear struct {
	turn chan struct{} // holds one element while somebody listens
	conn *pgx.Conn     // nil if there is none; guarded by turn
	// bell counts, as its revision, the reasons to look. Those who listen ring it.
	bell  store.Signal
	count int64 // guarded by turn
}

func newEar() ear { return ear{turn: make(chan struct{}, 1)} }

// listen begins to listen and returns what ends it, or nil if somebody does.
func (e *ear) listen(ctx context.Context, s *Store) func() {
	select {
	case e.turn <- struct{}{}:
	default:
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { <-e.turn }()
		e.run(ctx, s)
	}()
	return func() {
		cancel()
		<-done
	}
}

// run listens until the context is over, and finds its way back to the server
// however often the connection breaks.
func (e *ear) run(ctx context.Context, s *Store) {
	for pause := minBackoff; ctx.Err() == nil; {
		if e.conn == nil {
			if err := e.connect(ctx, s); err != nil {
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
				pause = min(2*pause, maxBackoff)
				continue
			}
			pause = minBackoff
			// What was committed before it listened was not heard.
			e.ring()
		}
		if err := e.hear(ctx); err != nil && ctx.Err() == nil {
			e.close()
			e.ring()
		} else if err == nil {
			e.ring()
		}
		if e.conn != nil && e.conn.IsClosed() {
			e.conn = nil
		}
	}
}

func (e *ear) ring() {
	e.count++
	e.bell.Raise(e.count)
}

func (e *ear) connect(ctx context.Context, s *Store) error {
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, s.config.ConnConfig.Copy())
	if err != nil {
		return err
	}
	e.conn = conn
	if _, err := conn.Exec(ctx, "LISTEN "+s.schema); err != nil {
		e.close()
		return err
	}
	return nil
}

// hear returns when there was a notification, or that there will be none. A
// connection that is silent for long is asked whether it is still there.
func (e *ear) hear(ctx context.Context) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, listenSilence)
		_, err := e.conn.WaitForNotification(waiting)
		silent := errors.Is(waiting.Err(), context.DeadlineExceeded) && ctx.Err() == nil
		cancel()
		if err == nil || !silent || e.conn.IsClosed() {
			return err
		}
		asking, cancel := context.WithTimeout(ctx, listenTimeout)
		err = e.conn.Ping(asking)
		cancel()
		if err != nil {
			return err
		}
	}
}

// close gives the connection up.
func (e *ear) close() {
	if e.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), listenTimeout)
	defer cancel()
	// The server notices by itself.
	_ = e.conn.Close(ctx)
	e.conn = nil
}
