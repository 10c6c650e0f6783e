package edge

const (
	// MaxEchoedID bounds, in bytes, what is repeated in a header: request IDs of clients
	// are UUIDs, 36 characters.
	MaxEchoedID = 128

	// smallBody is how much of a body is read before it needs a place: a quote with a
	// key as runtime data has some 8 KiB in base64, and what is said of a key less.
	smallBody = 16 << 10
)
