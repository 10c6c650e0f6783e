package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/azattest/azattest/policy/syntax"
)

// policyFmtOptions are the flags of policy fmt.
type policyFmtOptions struct {
	write, diff bool
	asJSON      *bool
}

func newPolicyFmt(s Streams) *cobra.Command {
	o := new(policyFmtOptions)
	cmd := &cobra.Command{
		Use:   "fmt FILE...",
		Short: "Lay out policies as all policies are",
		Long: `fmt prints policies in the one layout, with their comments. The result means what
the policy means, but it is ANOTHER TEXT AND SO HAS ANOTHER HASH: relying parties
that know the policy by x-ms-policy-hash must learn the new one, and a signed
policy must be signed again. Every change of a hash is told on stderr.

-w rewrites files whose layout differs, and leaves all others alone. -d prints what
would change, as a unified diff, and ends with exit code 1 if anything would. - is
standard input.

A policy with faults is not laid out: exit code 1.`,
		Example: `  azattest policy fmt policy.txt
  azattest policy fmt -w policies/*.txt
  azattest policy fmt -d policies/*.txt`,
		Args:              usageArgs(cobra.MinimumNArgs(1)),
		ValidArgsFunction: completeFiles,
	}
	cmd.Flags().BoolVarP(&o.write, "write", "w", false, "write the result to the file, if it differs")
	cmd.Flags().BoolVarP(&o.diff, "diff", "d", false, "print a diff instead of the result, and fail if there is one")
	o.asJSON = jsonFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := o.check(cmd, args); err != nil {
			return err
		}
		files, err := readPolicyFiles(s, args)
		if err != nil {
			return err
		}
		return o.run(s, args, files)
	}
	return cmd
}

func (o *policyFmtOptions) check(cmd *cobra.Command, args []string) error {
	if o.diff && *o.asJSON {
		return usage(cmd.CommandPath(), "--diff and --json exclude each other")
	}
	for _, name := range args {
		if name == "-" && o.write {
			return usage(cmd.CommandPath(), "--write wants a file: standard input cannot be rewritten")
		}
	}
	return nil
}

func (o *policyFmtOptions) run(s Streams, names []string, files []*policyFile) error {
	doc := formattedPolicies{Files: []formattedPolicy{}}
	for i, f := range files {
		one := newFormattedPolicy(f)
		if err := o.one(s, names[i], f, one); err != nil {
			return err
		}
		doc.Files = append(doc.Files, *one)
	}
	if *o.asJSON {
		if err := printJSON(s.Out, doc); err != nil {
			return err
		}
	}
	return o.verdict(doc)
}

// verdict fails for faults, and for differences that a diff was asked for.
func (o *policyFmtOptions) verdict(doc formattedPolicies) error {
	faulty, changed := 0, 0
	for i := range doc.Files {
		if len(doc.Files[i].Diagnostics) > 0 {
			faulty++
		}
		if doc.Files[i].Changed {
			changed++
		}
	}
	switch {
	case faulty > 0:
		return &refusedError{fmt.Errorf("%s with faults: not laid out", counted(faulty, "policy file"))}
	case o.diff && changed > 0:
		return &reportedError{&refusedError{errors.New("the layout differs")}}
	}
	return nil
}

// one says what is to be said of a file, and writes it.
func (o *policyFmtOptions) one(s Streams, name string, f *policyFile, p *formattedPolicy) error {
	if len(p.found) > 0 {
		_, err := fmt.Fprint(s.Err, syntax.Render(f.name, f.text, p.found))
		return err
	}
	if o.write && p.Changed {
		if err := rewriteFile(name, []byte(p.Policy)); err != nil {
			return fmt.Errorf("policy: %w", err)
		}
		p.Written = true
	}
	if o.diff || !o.write && !*o.asJSON {
		if err := o.show(s.Out, f, p); err != nil {
			return err
		}
	}
	if !p.Changed {
		return nil
	}
	_, err := fmt.Fprintf(s.Err, "azattest: %s: laid out, the policy is another text: its hash changes from %s to %s\n", clean(f.name), p.OldPolicyHash, p.PolicyHash)
	return err
}

func (o *policyFmtOptions) show(w io.Writer, f *policyFile, p *formattedPolicy) error {
	text := p.Policy
	if o.diff {
		text = onlyText(string(diff.Diff(f.name+".orig", []byte(f.text), f.name, []byte(p.Policy))))
	}
	if !isPlainText(text) {
		return withHint(fmt.Errorf("the policy %s has characters that are no text", f.name), "give --write or --json")
	}
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// rewriteFile replaces a file in one piece: nobody ever reads half of it. A link
// stays a link, and the mode stays.
func rewriteFile(name string, content []byte) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) //nolint:errcheck // gone already once it is renamed
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), target)
}
