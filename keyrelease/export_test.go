package keyrelease

// Sign lets tests sign what no releaser would.
func Sign(s *Signer, payload []byte) (string, error) { return s.sign(payload) }
