package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/azattest/azattest/internal/wholefile"
	"github.com/azattest/azattest/keyrelease"
)

// The forms in which a released key is written.
const (
	secretRaw    = "raw"
	secretPEM    = "pem"
	secretJWK    = "jwk"
	secretBase64 = "base64"
)

var secretFormats = []string{secretRaw, secretPEM, secretJWK, secretBase64}

// secretFlags say where a released key goes.
type secretFlags struct {
	out, format string
	fd          int
	force       bool
}

func (f *secretFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "file for the secret, readable by its owner only; - is standard output")
	flags.IntVar(&f.fd, "fd", -1, "file descriptor for the secret, 3 or more, which whoever starts the command has opened (default: none)")
	flags.StringVar(&f.format, "format", "", "form of the secret: raw (PKCS #8 in DER, or the bytes of a symmetric key), pem, jwk, base64 (of raw) (default: pem, of a symmetric key raw)")
	flags.BoolVar(&f.force, "force", false, "let --out - write the secret to a terminal")
	mustComplete(cmd, "format", secretFormats...)
	mustTakeText(cmd, "fd")
}

func (f *secretFlags) check(cmd *cobra.Command, s Streams, asJSON bool) error {
	const lowest = 3 // those before are stdin, stdout and stderr
	hasFD := cmd.Flags().Changed("fd")
	switch command := cmd.CommandPath(); {
	case f.format != "" && !slices.Contains(secretFormats, f.format):
		return usage(command, "--format %q: want one of %s", f.format, strings.Join(secretFormats, ", "))
	case f.out == "" && !hasFD:
		return usage(command, "--out is missing: where the secret goes, a file or -; or --fd")
	case f.out != "" && hasFD:
		return usage(command, "--out and --fd exclude each other")
	case hasFD && f.fd < lowest:
		return usage(command, "--fd %d: want 3 or more; standard output is --out -", f.fd)
	case f.out == "-" && asJSON:
		return usage(command, "--json and --out - both want standard output")
	case f.force && f.out != "-":
		return usage(command, "--force goes with --out -")
	case f.out == "-" && s.OutIsTerminal && !f.force:
		return usage(command, "--out - is a terminal, where a secret can be read: send it elsewhere, or give --force")
	}
	return nil
}

// secretOutput is where a released key goes.
type secretOutput struct {
	flags *secretFlags
	s     Streams
	file  *os.File // the file descriptor, nil without
}

// open takes hold of the file descriptor before anything else is opened, which could
// get the number of one that is not there. A key that has no place to go is not asked
// for.
func (f *secretFlags) open(command string, s Streams) (*secretOutput, error) {
	o := &secretOutput{flags: f, s: s}
	switch f.out {
	case "":
	case "-":
		return o, nil
	default:
		return o, checkFolder(f.out)
	}
	var err error
	if o.file, err = openDescriptor(f.fd, fmt.Sprintf("file descriptor %d", f.fd)); err == nil {
		return o, nil
	}
	if isNoDescriptor(err) {
		err = usage(command, "--fd %d: %w, want one that is open for writing", f.fd, err)
	} else {
		err = fmt.Errorf("--fd %d: %w", f.fd, err)
	}
	return nil, withHint(err, "whoever starts the command opens it, as a shell does with 3>FILE")
}

// checkFolder looks whether a file can be where it is to be written. What is there
// already is no folder, and what is not there is in one.
func checkFolder(name string) error {
	switch info, err := os.Stat(name); {
	case err == nil && info.IsDir():
		return fmt.Errorf("write %s: this is a folder, want the name of a file", name)
	case err == nil:
		return nil
	}
	if _, err := os.Lstat(name); err == nil {
		return nil // a link, and where it leads is for who writes to say
	}
	dir := filepath.Dir(name)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("write %s: there is no folder %s", name, dir)
	}
	return nil
}

// close closes what a write has not.
func (o *secretOutput) close() {
	if o.file != nil {
		_ = o.file.Close()
	}
}

// write writes the key, and says in which form and how many bytes.
func (o *secretOutput) write(r *keyrelease.Released) (format string, size int, err error) {
	format = o.flags.format
	if format == "" {
		format = secretPEM
		if strings.HasPrefix(r.Type, "oct") {
			format = secretRaw
		}
	}
	secret, err := encodeSecret(r, format)
	if err != nil {
		return "", 0, err
	}
	defer clear(secret)
	switch {
	case o.file != nil:
		if _, err = o.file.Write(secret); err == nil {
			err = o.file.Close()
			o.file = nil
		}
		if err != nil {
			err = fmt.Errorf("write to file descriptor %d: %w", o.flags.fd, wholefile.Cause(err))
		}
	case o.flags.out == "-":
		if _, err = io.Copy(o.s.Out, bytes.NewReader(secret)); err != nil {
			err = fmt.Errorf("write the secret: %w", err)
		}
	default:
		err = writeFile(o.flags.out, secret)
	}
	return format, len(secret), err
}

// encodeSecret returns bytes of its own, for they are cleared.
func encodeSecret(r *keyrelease.Released, format string) ([]byte, error) {
	switch format {
	case secretRaw:
		return bytes.Clone(r.Material), nil
	case secretBase64:
		text := make([]byte, base64.StdEncoding.EncodedLen(len(r.Material)), base64.StdEncoding.EncodedLen(len(r.Material))+1)
		base64.StdEncoding.Encode(text, r.Material)
		return append(text, '\n'), nil
	case secretJWK:
		text, err := r.JWK()
		if err != nil {
			return nil, errors.New(strings.TrimPrefix(err.Error(), "keyrelease: "))
		}
		return append(text, '\n'), nil
	}
	if strings.HasPrefix(r.Type, "oct") {
		return nil, withHint(errors.New("--format pem: the key is symmetric, and has no PEM"), "leave --format out, or give raw, jwk or base64")
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: r.Material}), nil
}
