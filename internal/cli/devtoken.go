package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/auth"
)

// devRoles are the roles of development tokens, by their short names.
var devRoles = map[string]auth.Role{"contributor": auth.Contributor, "reader": auth.Reader}

var devRoleNames = []string{"contributor", "reader"}

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
serve --dev' makes in its data directory. Only a service with --dev and the same
data directory believes it. Keep it like a password as long as that runs.

A contributor may read, set and reset policies, and add and remove policy
management certificates; a reader may read them.`,
		Example: `  azattest dev-token --role contributor
  curl --cacert azattest-data/ca.pem -H "Authorization: Bearer $(azattest dev-token --role reader)" \
    'https://127.0.0.1:8443/policies/SgxEnclave?api-version=2020-10-01'`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVar(&o.role, "role", "", "what the token allows: "+strings.Join(devRoleNames, " or "))
	f.StringVar(&o.dataDir, "data-dir", defaultDataDir, "data directory of the service")
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
		return usage(command, "--role is missing: want %s", strings.Join(devRoleNames, " or "))
	}
	if _, ok := devRoles[o.role]; !ok {
		return usage(command, "--role %q: want %s", o.role, strings.Join(devRoleNames, " or "))
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
	issuer, err := auth.LoadDevelopmentIssuer(o.dataDir)
	if errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("no development issuer in %s", o.dataDir),
			"start 'azattest serve --dev' there once, or name its folder with --data-dir")
	}
	if err != nil {
		return err
	}
	// Tokens count whole seconds.
	now := s.Now().UTC().Truncate(time.Second)
	token, err := issuer.Token(devRoles[o.role], o.lifetime, now)
	if err != nil {
		return err
	}
	if *o.asJSON {
		return printJSON(s.Out, mintedToken{
			Token: token, Role: string(devRoles[o.role]), Issuer: issuer.Issuer().URL, Expires: now.Add(o.lifetime).Truncate(time.Second),
		})
	}
	if _, err := fmt.Fprintln(s.Out, token); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
