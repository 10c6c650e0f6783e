package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/auth"
)

// defaultKeyReleaseDataDir is where a key release server keeps its state unless it is
// told otherwise.
const defaultKeyReleaseDataDir = "azattest-keyrelease-data"

// devRole is a role of development tokens, with the service that has it.
type devRole struct {
	role    auth.Role
	dataDir string
	serve   string
}

// devRoles are known by their short names.
var devRoles = map[string]devRole{
	"contributor":    {auth.Contributor, defaultDataDir, "azattest serve"},
	"reader":         {auth.Reader, defaultDataDir, "azattest serve"},
	"release-user":   {auth.KeyReleaseUser, defaultKeyReleaseDataDir, "azattest keyrelease serve"},
	"key-reader":     {auth.KeyReader, defaultKeyReleaseDataDir, "azattest keyrelease serve"},
	"crypto-officer": {auth.KeyOfficer, defaultKeyReleaseDataDir, "azattest keyrelease serve"},
}

var devRoleNames = []string{"contributor", "reader", "release-user", "key-reader", "crypto-officer"}

func devRolesInWords() string {
	last := len(devRoleNames) - 1
	return strings.Join(devRoleNames[:last], ", ") + " or " + devRoleNames[last]
}

type devTokenOptions struct {
	role     string
	dataDir  string
	lifetime time.Duration
	asJSON   *bool
}

func newDevToken(s Streams) *cobra.Command {
	var o devTokenOptions
	cmd := &cobra.Command{
		Use:   "dev-token",
		Short: "Print a bearer token for a service that runs with --dev",
		Long: `dev-token prints a bearer token of the development issuer, whose key 'azattest
serve --dev' and 'azattest keyrelease serve --dev' make in their data directories.
Only a service with --dev and the same data directory believes it. Keep it like a
password as long as that runs.

Of an attestation service, a contributor may read, set and reset policies, and add
and remove policy management certificates; a reader may read them. Of a key release
server, a release-user may have keys released, a key-reader may look at them, and a
crypto-officer may look after them, but not have them released. A token of one is
worth nothing to the other.`,
		Example: `  azattest dev-token --role contributor
  azattest dev-token --role release-user
  curl --cacert azattest-data/ca.pem -H "Authorization: Bearer $(azattest dev-token --role reader)" \
    'https://127.0.0.1:8443/policies/SgxEnclave?api-version=2020-10-01'`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&o.role, "role", "", "what the token allows: "+devRolesInWords())
	f.StringVar(&o.dataDir, "data-dir", "", "data directory of the service (default "+defaultDataDir+", of a key release server "+defaultKeyReleaseDataDir+")")
	f.DurationVar(&o.lifetime, "lifetime", time.Hour, "how long the token is valid: one second to 24h")
	mustComplete(cmd, "role", devRoleNames...)
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := o.check(cmd.CommandPath()); err != nil {
			return err
		}
		return o.run(s)
	}
	return cmd
}

func (o *devTokenOptions) check(command string) error {
	if o.role == "" {
		return usage(command, "--role is missing: want %s", devRolesInWords())
	}
	if _, ok := devRoles[o.role]; !ok {
		return usage(command, "--role %q: want %s", o.role, devRolesInWords())
	}
	if o.lifetime < time.Second || o.lifetime > auth.MaxDevelopmentLifetime {
		return usage(command, "--lifetime %s: want 1s to %s", o.lifetime, auth.MaxDevelopmentLifetime)
	}
	return nil
}

// mintedToken is what dev-token --json prints.
type mintedToken struct {
	Token   string    `json:"token"`
	Role    string    `json:"role"`
	Issuer  string    `json:"issuer"`
	Expires time.Time `json:"expires"`
}

func (o *devTokenOptions) run(s Streams) error {
	role := devRoles[o.role]
	dir := cmp.Or(o.dataDir, role.dataDir)
	issuer, err := auth.LoadDevelopmentIssuer(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("no development issuer in %s", dir),
			"start '"+role.serve+" --dev' there once, or name its folder with --data-dir")
	}
	if err != nil {
		return err
	}
	// Tokens count whole seconds.
	now := s.Now().UTC().Truncate(time.Second)
	token, err := issuer.Token(role.role, o.lifetime, now)
	if err != nil {
		return err
	}
	if *o.asJSON {
		return printJSON(s.Out, mintedToken{
			Token: token, Role: string(role.role), Issuer: issuer.Issuer().URL, Expires: now.Add(o.lifetime).Truncate(time.Second),
		})
	}
	if _, err := fmt.Fprintln(s.Out, token); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
