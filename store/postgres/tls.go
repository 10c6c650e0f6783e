package postgres

import (
	"crypto/tls"

	"github.com/jackc/pgx/v5/pgconn"
)

// tlsConfigs returns the TLS settings of a connection string, of its first
// address and of those to try after it.
func tlsConfigs(c *pgconn.Config) []*tls.Config {
	var all []*tls.Config
	if c.TLSConfig != nil {
		all = append(all, c.TLSConfig)
	}
	for _, f := range c.Fallbacks {
		if f.TLSConfig != nil {
			all = append(all, f.TLSConfig)
		}
	}
	return all
}
