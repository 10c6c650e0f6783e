package ticket

import "time"

const (
	// secretSize is that of an AES-256 key, the least that a secret may have.
	secretSize = 32
	// saltSize is random enough that no two tickets share a key.
	saltSize = 16
	// timeSize is that of the expiry time in front of the payload.
	timeSize = 8
	// maxLifetime is far more than a client needs from one message to the next.
	maxLifetime = time.Hour
	// clockSlack is by how much the clock of who sealed a ticket may be ahead.
	clockSlack = time.Minute
	// maxPayload is more than anything that is sealed here: challenges of 16
	// bytes, secrets of 32 with the hash of a key.
	maxPayload = 1 << 10
	// maxTicket bounds what is read of a client.
	maxTicket = 4 << 10
)
