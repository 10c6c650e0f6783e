package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/enroll"
	"github.com/azattest/azattest/internal/wholefile"
)

// The files of an authority, in the folder of --out.
const (
	authorityFile    = "authority.pem"
	authorityKeyFile = "authority-key.pem"
)

// authorityMode lets everybody read the certificate: whoever trusts the authority needs
// it.
const authorityMode fs.FileMode = 0o644

const (
	defaultAuthorityName = "azattest TPM enrollment"
	// defaultAuthorityLifetime is ten years: whoever trusts the authority must be
	// told of the next one.
	defaultAuthorityLifetime = 10 * 365 * 24 * time.Hour
)

type makeAuthorityOptions struct {
	out, name, algorithm string
	lifetime             time.Duration
	force                bool
	asJSON               *bool
}

func newTPMMakeAuthority(s Streams) *cobra.Command {
	o := new(makeAuthorityOptions)
	cmd := &cobra.Command{
		Use:   "make-authority --out DIR",
		Short: "Make the authority that gives TPMs' keys their certificates",
		Long: `make-authority makes a certificate authority for the attestation keys of TPMs and
writes it into a folder: authority.pem, which others may read, and authority-key.pem,
which nobody may but the service. Whoever has that key can pass off anything as a TPM.

The service enrolls TPMs once these keys of its configuration say so:

  tpm.ekRootFiles                  the authorities of TPM vendors whose chips may enroll
  tpm.enrollment.certificateFile   authority.pem
  tpm.enrollment.keyFile           authority-key.pem

It trusts its own authority by itself. Another service does so if its
tpm.aikRootFiles names authority.pem. What is printed is the part of the configuration
that names both files.`,
		Example: `  azattest tpm make-authority --out /etc/azattest/enrollment
  azattest tpm make-authority --out enrollment --name "Contoso TPM enrollment" --algorithm ecdsa --lifetime 43800h`,
		Args:              usageArgs(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f := cmd.Flags()
	f.StringVarP(&o.out, "out", "o", "", "folder for both files, made if it is not there")
	f.StringVar(&o.name, "name", defaultAuthorityName, "common name of the authority, as in the certificates that it issues")
	f.DurationVar(&o.lifetime, "lifetime", defaultAuthorityLifetime, "how long its certificate is valid; what it issues ends with it")
	f.StringVar(&o.algorithm, "algorithm", string(enroll.RSA), "kind of its key: rsa (3072 bits) or ecdsa (P-256)")
	f.BoolVar(&o.force, "force", false, "replace an authority that is there: what it issued counts no more")
	o.asJSON = jsonFlag(cmd)
	mustTakeText(cmd, "name", "lifetime")
	mustTakeFolder(cmd, "out")
	mustComplete(cmd, "algorithm", string(enroll.RSA), string(enroll.ECDSA))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return o.run(cmd.CommandPath(), s) }
	return cmd
}

// madeAuthority is what tpm make-authority --json prints.
type madeAuthority struct {
	CertificateFile string            `json:"certificateFile"`
	KeyFile         string            `json:"keyFile"`
	Authority       publicCertificate `json:"authority"`
}

func (o *makeAuthorityOptions) run(command string, s Streams) error {
	switch {
	case o.out == "":
		return usage(command, "--out is missing: the folder for %s and %s", authorityFile, authorityKeyFile)
	case o.lifetime < time.Hour:
		return usage(command, "--lifetime %s: want an hour or more", o.lifetime)
	case o.algorithm != string(enroll.RSA) && o.algorithm != string(enroll.ECDSA):
		return usage(command, "--algorithm %q: want %s or %s", o.algorithm, enroll.RSA, enroll.ECDSA)
	}
	made := madeAuthority{CertificateFile: filepath.Join(o.out, authorityFile), KeyFile: filepath.Join(o.out, authorityKeyFile)}
	if !o.force {
		for _, name := range []string{made.CertificateFile, made.KeyFile} {
			if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
				return withHint(fmt.Errorf("%s is there already", name), "choose another folder; --force replaces it, and then nothing that it issued counts any more")
			}
		}
	}
	issuer, err := enroll.MakeIssuer(enroll.Template{Name: o.name, Algorithm: enroll.Algorithm(o.algorithm), Begin: s.Now().Add(-authorityBackdate), Lifetime: o.lifetime + authorityBackdate})
	if err != nil {
		return usage(command, "--name %q: want up to 64 bytes of text that shows", o.name)
	}
	if err := made.write(issuer); err != nil {
		return err
	}
	made.Authority = *newPublicCertificate(issuer.Certificate())
	if *o.asJSON {
		return printJSON(s.Out, made)
	}
	_, err = fmt.Fprintf(s.Out, "# %s, until %s\ntpm:\n  enrollment:\n    certificateFile: %s\n    keyFile: %s\n",
		escaped(issuer.String()), stamp(issuer.Certificate().NotAfter), strconv.Quote(made.CertificateFile), strconv.Quote(made.KeyFile))
	return err
}

// authorityBackdate is by how much the clocks may be behind of those who verify.
const authorityBackdate = 5 * time.Minute

// write writes the key first: a certificate is nothing that anybody could use without
// it. If there is to be no certificate the key is as it was before, for an authority is
// both or none.
func (m *madeAuthority) write(issuer *enroll.Issuer) error {
	certificate, key, err := issuer.PEM()
	if err != nil {
		return err
	}
	if err := makeReadable(filepath.Dir(m.KeyFile)); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	before, err := os.ReadFile(filepath.Clean(m.KeyFile))
	wasThere := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--out: read %s: %w", m.KeyFile, wholefile.Cause(err))
	}
	if err := writeFile(m.KeyFile, key); err != nil {
		return err
	}
	err = wholefile.Write(m.CertificateFile, certificate, authorityMode)
	if err == nil {
		return nil
	}
	if wasThere {
		return errors.Join(err, writeFile(m.KeyFile, before))
	}
	return errors.Join(err, wholefile.Remove(m.KeyFile))
}

// makeReadable makes a folder for others to read, whatever the process's mask. One that
// is there is as its owner wants it.
func makeReadable(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	const mode = 0o755 // what is secret in it has a mode of its own
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return os.Chmod(dir, mode)
}
