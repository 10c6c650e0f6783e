//go:build unix

package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/azattest/azattest/internal/server"
)

// reloadOnHangup reads the TLS certificate again on SIGHUP. It is looked at every
// few seconds anyway; the signal is for those who do not want to wait, and is how
// services are told.
func reloadOnHangup(c *server.Certificate) func(context.Context) error {
	return func(ctx context.Context) error {
		hangups := make(chan os.Signal, 1)
		signal.Notify(hangups, syscall.SIGHUP)
		defer signal.Stop(hangups)
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangups:
				// What is wrong with the files has been logged, and the old
				// certificate stays.
				_ = c.Reload(ctx)
			}
		}
	}
}
