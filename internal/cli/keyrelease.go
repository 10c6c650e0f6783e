package cli

import "github.com/spf13/cobra"

func newKeyRelease(s Streams) *cobra.Command {
	cmd := group("keyrelease", "Release secrets to attested parties: Secure Key Release",
		newKeyReleaseServe(s),
		newKeyReleaseGet(s),
		newKeyReleasePolicy(s),
		newKeyReleaseKeys(s),
		newKeyReleaseRewrap(s),
		newKeyReleaseDiscard(s),
	)
	cmd.Long = `A vault keeps a key under a release policy: conditions on the claims of an attestation
token. It releases the key to whoever shows a token that meets them, wrapped to a
key that the attested party holds and nobody else. Azure Key Vault and Managed HSM
do so.

serve is such a vault of your own, get the attested party's half. policy checks and
explains release policies; it asks nothing outside this machine.

keys looks after the keys of a vault. rewrap and discard work on the store of your
own, beside the server.`
	cmd.Example = `  azattest keyrelease serve --dev --authority https://127.0.0.1:8443 --authority-ca-file azattest-data/ca.pem
  azattest keyrelease keys create payroll --type RSA-HSM --policy release.json --vault https://contoso.vault.azure.net
  azattest keyrelease get payroll --vault https://contoso.vault.azure.net --policy release.json --out payroll.pem
  azattest keyrelease policy check release.json
  azattest keyrelease policy explain release.json --token token.jwt`
	return cmd
}
