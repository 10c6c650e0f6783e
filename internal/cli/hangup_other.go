//go:build !unix

package cli

import (
	"context"

	"github.com/azattest/azattest/internal/server"
)

// reloadOnHangup does nothing: the files are looked at every few seconds.
func reloadOnHangup(*server.Certificate) func(context.Context) error {
	return func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	}
}
