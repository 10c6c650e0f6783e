package token

// Recertify returns the same private key with a certificate for the instance at
// another URL, with the bounds that the real service uses. The key ID stays, for
// it depends on the key alone, and so does the report. It returns a *[URLError] for the issuer.
func (k *Key) Recertify(issuer string) (*Key, error) {
	return NewKey(KeyConfig{Signer: k.signer, Algorithm: k.algorithm, Issuer: issuer, Report: k.Report()})
}
