package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/config"
)

func newConfig(s Streams) *cobra.Command {
	cmd := group("config", "Check, show or begin a configuration of a server",
		newConfigCheck(s),
		newConfigPrint(s),
		newConfigExample(s),
	)
	cmd.Long = `A server is configured by one YAML file and, over it, by variables of the
environment. docs/configuration.md lists all keys and variables, of the attestation
service and, with --keyrelease, of the key release server.`
	cmd.Example = `  azattest config example > azattest.yaml
  azattest config check azattest.yaml
  azattest config example --keyrelease > keyrelease.yaml`
	return cmd
}

// readConfig reads a configuration, or stdin for "-", with the environment over
// it. What is wrong with it is a *config.Error; whether it makes sense is for its
// Validate to say.
func readConfig(s Streams, name string) (*config.Config, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return config.Parse(shownFile(name), raw, s.env)
}

// shownFile is what faults call a file.
func shownFile(name string) string {
	if name == "-" {
		return "<stdin>"
	}
	return name
}

// tellFaults writes the faults of a configuration to stderr, each on a line, and
// returns how many there are. Other errors it hands on.
func tellFaults(s Streams, name string, err error) error {
	faulty, ok := errors.AsType[*config.Error](err)
	if !ok {
		return err
	}
	for _, p := range faulty.Problems {
		if _, err := fmt.Fprintln(s.Err, escaped(p.String())); err != nil {
			return err
		}
	}
	return &refusedError{fmt.Errorf("configuration %s: %s", name, counted(len(faulty.Problems)+faulty.Omitted, "fault"))}
}

func newConfigPrint(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "print FILE",
		Short: "Print what is in force of a configuration, secrets left out",
		Long: `print shows the configuration in FILE with the environment over it and with all
defaults, as YAML or, with --json, as JSON with the same keys. - is standard input.
Instead of secrets, and of passwords in a DSN, it prints REDACTED.

A configuration that can be read but does not hold is printed all the same, what is
wrong with it on stderr, and the exit code is 1.`,
		Example: `  azattest config print azattest.yaml
  AZATTEST_LOG_LEVEL=debug azattest config print azattest.yaml --json`,
		Args:              usageArgs(cobra.ExactArgs(1)),
		ValidArgsFunction: completeFile,
	}
	isKeyRelease := keyReleaseFlag(cmd)
	asJSON := jsonFlag(cmd)
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		c, err := readEither(s, args[0], *isKeyRelease)
		if err != nil {
			return tellFaults(s, args[0], err)
		}
		if err := printConfig(s, c, *asJSON); err != nil {
			return err
		}
		return tellFaults(s, args[0], c.Validate())
	}
	return cmd
}

func newConfigExample(s Streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "example",
		Short: "Print a complete configuration with comments",
		Long: `example prints a configuration with every key, its meaning and its default. It is
one to start from: names of files, hosts and instances are made up.`,
		Example: `  azattest config example > azattest.yaml`,
		Args:    usageArgs(cobra.NoArgs),
	}
	isKeyRelease := keyReleaseFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		text := config.Example()
		if *isKeyRelease {
			text = config.ExampleKeyRelease()
		}
		if _, err := fmt.Fprint(s.Out, text); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return nil
	}
	return cmd
}
