package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

func newKeys(s Streams) *cobra.Command {
	cmd := group("keys", "Look after the keys with which a service signs tokens",
		newKeysList(s),
		newKeysRotate(s),
		newKeysRevoke(s),
		newKeysRewrap(s),
		newKeysDiscard(s),
		newKeysWrappingKey(s),
	)
	cmd.Long = `A service makes its signing keys by itself, announces each before it signs, and goes
on publishing it until the last token of it has expired. These commands look at the
keys in its store, and do out of turn what it does by itself. The service may be
running, and notices within a second.`
	return cmd
}

// signingAlgorithms are those that sign tokens.
var signingAlgorithms = []string{string(token.RS256), string(token.PS256), string(token.ES256)}

// keysFlags open the keys of a service.
type keysFlags struct {
	operator operatorFlags
	dev      bool
	asJSON   *bool
}

func (f *keysFlags) add(cmd *cobra.Command) {
	f.operator.add(cmd)
	cmd.Flags().BoolVar(&f.dev, "dev", false, "the service with this --config runs with --dev, and keeps its keys as they are")
	f.asJSON = jsonFlag(cmd)
}

// with opens the keys for what do does. A service without a configuration file that
// keeps its keys as they are is one for development.
func (f *keysFlags) with(ctx context.Context, s Streams, do func(*keyring.Keyring) error) (err error) {
	records, c, err := f.operator.openStore(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	p := new(parts)
	defer func() { err = errors.Join(err, p.close()) }()
	o := runOptions{config: c, dev: f.dev || f.operator.configFile == ""}
	keys, err := openKeys(ctx, s, o, slog.New(slog.DiscardHandler), records, nil, p)
	if err != nil {
		return keysFault(err)
	}
	return operatorFault(do(keys))
}

// keysFault says what to do about keys that cannot be opened.
func keysFault(err error) error {
	if e, ok := errors.AsType[*keyring.ConfigError](err); ok && e.Field == "Wrap" {
		return withHint(errors.New("no wrapping key is configured"),
			"give it as the service has it, in the configuration or its environment; a service with --dev keeps keys as they are: say --dev here, too")
	}
	return operatorFault(err)
}

// shownKey is a key in what keys prints with --json.
type shownKey keyring.Status

// listedKeys is what keys list, rotate and revoke print with --json.
type listedKeys struct {
	Keys []shownKey `json:"keys"`
}

// rewrappedKeys is what keys rewrap --json prints.
type rewrappedKeys struct {
	Rewrapped int `json:"rewrapped"`
}

// discardedKey is what keys discard --json prints.
type discardedKey struct {
	Discarded string `json:"discarded"`
}

func newKeysList(s Streams) *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the signing keys of a service",
		Example: `  azattest keys list --config azattest.yaml`,
		Args:    usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.with(cmd.Context(), s, func(k *keyring.Keyring) error { return f.print(s, k.Keys()) })
	}
	return cmd
}

func (f *keysFlags) print(s Streams, keys []keyring.Status) error {
	if *f.asJSON {
		listed := listedKeys{Keys: []shownKey{}}
		for _, k := range keys {
			listed.Keys = append(listed.Keys, shownKey(k))
		}
		return printJSON(s.Out, listed)
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ALGORITHM\tSTATE\tACTIVE FROM\tPUBLISHED UNTIL\tKID")
	for _, k := range keys {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Algorithm, k.State, stamp(k.ActiveFrom), stamp(k.PublishedUntil), k.ID)
		if k.Problem != "" {
			_, _ = fmt.Fprintf(w, "  problem: %s\n", clean(k.Problem))
		}
	}
	return w.Flush()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func newKeysRotate(s Streams) *cobra.Command {
	var f keysFlags
	var algorithm string
	var announce time.Duration
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make the next signing key now",
		Long: `rotate makes a key that takes over after it has been announced: relying parties
that keep keys in a cache must have seen it before the first token comes. The key
before it goes on being published until its tokens have expired.`,
		Example: `  azattest keys rotate --config azattest.yaml
  azattest keys rotate --algorithm ES256 --announce 1h --config azattest.yaml`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.Flags().StringVar(&algorithm, "algorithm", string(token.RS256), "algorithm whose key is followed by another: RS256, PS256 or ES256")
	cmd.Flags().DurationVar(&announce, "announce", keyring.DefaultAnnounce, "how long the key is published before it signs")
	mustComplete(cmd, "algorithm", signingAlgorithms...)
	mustTakeText(cmd, "announce")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !slices.Contains(signingAlgorithms, algorithm) {
			return usage(cmd.CommandPath(), "--algorithm %q: want RS256, PS256 or ES256", algorithm)
		}
		if announce < 0 {
			return usage(cmd.CommandPath(), "--announce %s: want a duration that is not negative", announce)
		}
		return f.with(cmd.Context(), s, func(k *keyring.Keyring) error {
			made, err := k.Rotate(cmd.Context(), token.Algorithm(algorithm), announce)
			if err != nil {
				return err
			}
			return f.print(s, []keyring.Status{made})
		})
	}
	return cmd
}

func newKeysRevoke(s Streams) *cobra.Command {
	var f keysFlags
	var isSure bool
	cmd := &cobra.Command{
		Use:   "revoke KID --yes",
		Short: "Withdraw a signing key at once, for it may be known to others",
		Long: `revoke stops publishing a key from now on: no token of it can be verified any more by
whoever asks for the keys anew. If it was the one that signs, another takes over at
once, whether relying parties have seen it or not.`,
		Example: `  azattest keys revoke "$(azattest keys list --json | jq -r .keys[0].kid)" --yes`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&isSure, "yes", false, "do it: it cannot be undone")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !isSure {
			return usage(cmd.CommandPath(), "--yes is missing: it cannot be undone")
		}
		return f.with(cmd.Context(), s, func(k *keyring.Keyring) error {
			if err := k.Revoke(cmd.Context(), args[0]); err != nil {
				return err
			}
			return f.print(s, k.Keys())
		})
	}
	return cmd
}

func newKeysRewrap(s Streams) *cobra.Command {
	var f keysFlags
	cmd := &cobra.Command{
		Use:   "rewrap",
		Short: "Encrypt all signing keys with the first wrapping key",
		Long: `rewrap ends a change of the wrapping key: put the new one into the configuration, the
old one beside it as a previous one, restart the service, run rewrap, and take the old
one away.`,
		Example: `  azattest keys rewrap --config azattest.yaml`,
		Args:    usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.with(cmd.Context(), s, func(k *keyring.Keyring) error {
			n, err := k.Rewrap(cmd.Context())
			if err != nil {
				return keysFault(err)
			}
			if *f.asJSON {
				return printJSON(s.Out, rewrappedKeys{n})
			}
			_, err = fmt.Fprintf(s.Out, "rewrapped %s\n", counted(n, "key"))
			return err
		})
	}
	return cmd
}

func newKeysDiscard(s Streams) *cobra.Command {
	var operator operatorFlags
	var isSure bool
	cmd := &cobra.Command{
		Use:   "discard KID --yes",
		Short: "Remove the record of a signing key that cannot be read",
		Long: `discard is the way out where a service does not start because the record of a key
was damaged, or was sealed with a wrapping key that is lost. Tokens of that key can
not be verified any more.`,
		Example: `  azattest keys discard "$KID" --yes --config azattest.yaml`,
		Args:    usageArgs(cobra.ExactArgs(1)),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	operator.add(cmd)
	cmd.Flags().BoolVar(&isSure, "yes", false, "do it: it cannot be undone")
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		if !isSure {
			return usage(cmd.CommandPath(), "--yes is missing: it cannot be undone")
		}
		records, _, err := operator.openStore(cmd.Context(), s)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, records.Close()) }()
		if err := keyring.Discard(cmd.Context(), records, args[0]); err != nil {
			return operatorFault(err)
		}
		if *asJSON {
			return printJSON(s.Out, discardedKey{args[0]})
		}
		_, err = fmt.Fprintf(s.Out, "discarded %s\n", clean(args[0]))
		return err
	}
	return cmd
}

func newKeysWrappingKey(s Streams) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "wrapping-key",
		Short: "Make a key that encrypts keys at rest",
		Long: `wrapping-key makes 32 random bytes in base64. Keep a copy where the store is not:
without it the keys in the store, and in its backups, are lost. One is for the signing
keys of a service, another one for the keys of a vault (azattest keyrelease serve).`,
		Example: `  azattest keys wrapping-key --out wrapping.key`,
		Args:    usageArgs(cobra.NoArgs),

		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write it to, readable by its owner alone; one that exists is not replaced; - is standard output, as without it")
	cmd.RunE = func(*cobra.Command, []string) error {
		key := keyring.GenerateWrappingKey() + "\n"
		if out == "" || out == "-" {
			_, err := fmt.Fprint(s.Out, key)
			return err
		}
		return writeNewFile(out, []byte(key))
	}
	return cmd
}
