package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/azattest/azattest/azattestation"
	"github.com/azattest/azattest/collateral"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/policy"
)

// maxSecretFile bounds the file of a key, a PIN or a DSN.
const maxSecretFile = 64 << 10

// configFiles opens what a configuration names.
type configFiles struct {
	s     Streams
	c     configuration
	found []config.Problem
}

func (f *configFiles) fault(key, format string, args ...any) {
	f.found = append(f.found, f.c.Fault(key, fmt.Sprintf(format, args...)))
}

// service looks at every file of an attestation service. What is not named is not
// looked for: whether it must be is for the configuration's own check to say.
func (f *configFiles) service(c *config.Config) {
	f.tls(c)
	f.wrappingKeys(c.Keys.WrappingKeyFile, c.Keys.WrappingKey, c.Keys.PreviousWrappingKeyFiles)
	f.secret("keys.pkcs11.pinFile", c.Keys.PKCS11.PINFile)
	f.headers(c)
	f.dsn(c.Store.DSNFile)
	f.certificates("tls.clientCAFile", c.TLS.ClientCAFile)
	f.read("keys.pkcs11.module", c.Keys.PKCS11.Module)
	if from := c.Collateral.Source; from != "" && !isURL(from) {
		if _, err := collateral.OpenArchive(from); err != nil {
			f.fault("collateral.source", "%v", err)
		}
	}
	f.tpm(&c.TPM)
	f.issuers(&c.Auth)
	for i := range c.Instances {
		f.instance(fmt.Sprintf("instances[%d]", i), &c.Instances[i])
	}
}

func (f *configFiles) issuers(a *config.Auth) {
	for i, issuer := range a.Issuers {
		f.certificates(fmt.Sprintf("auth.issuers[%d].caFile", i), issuer.CAFile)
	}
}

// read reads a file that a key names, nil if there is none or it cannot be read.
func (f *configFiles) read(key, name string) []byte {
	if name == "" {
		return nil
	}
	raw, err := await(f.s, name, func() ([]byte, error) { return readFile(name) })
	if err != nil {
		f.fault(key, "%v", err)
		return nil
	}
	return raw
}

// pair checks that the files of certificateFile and keyFile in a section are a pair
// that others can accept now. It returns the pair with its leaf, nil if they are not
// there or no pair.
func (f *configFiles) pair(section, certificateFile, keyFile string) *tls.Certificate {
	at := section + ".certificateFile"
	chain, key := f.read(at, certificateFile), f.read(section+".keyFile", keyFile)
	if chain == nil || key == nil {
		return nil
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		f.fault(at, "%v", err)
		return nil
	}
	f.validity(at, pair.Leaf)
	return &pair
}

// tls checks the certificate by which clients know the service.
func (f *configFiles) tls(c *config.Config) {
	pair := f.pair("tls", c.TLS.CertificateFile, c.TLS.KeyFile)
	if pair == nil || len(c.TrustedProxies) > 0 {
		return // clients see the certificate of the proxy
	}
	for i := range c.Instances {
		one := &c.Instances[i]
		if u, err := url.Parse(one.URL); err == nil {
			f.named(fmt.Sprintf("instances[%d].url", i), "tls", pair.Leaf, u.Hostname())
		}
		for j, host := range one.Hosts {
			f.named(fmt.Sprintf("instances[%d].hosts[%d]", i, j), "tls", pair.Leaf, host)
		}
	}
}

// named checks that the certificate of a section is for a host.
func (f *configFiles) named(key, section string, leaf *x509.Certificate, host string) {
	if host != "" && leaf.VerifyHostname(host) != nil {
		f.fault(key, "the certificate in %s.certificateFile is not for %s", section, host)
	}
}

func (f *configFiles) validity(key string, c *x509.Certificate) {
	switch now := f.s.Now(); {
	case now.After(c.NotAfter):
		f.fault(key, "the certificate of %s ended at %s", clean(c.Subject.String()), c.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(c.NotBefore):
		f.fault(key, "the certificate of %s begins at %s", clean(c.Subject.String()), c.NotBefore.UTC().Format(time.RFC3339))
	}
}

// certificates checks a PEM file of certificates.
func (f *configFiles) certificates(key, name string) {
	raw := f.read(key, name)
	if raw == nil {
		return
	}
	certs, err := azattestation.ParseCertificates(raw)
	if err != nil {
		f.fault(key, "%s: %s", name, plain(err))
	}
	for _, c := range certs {
		f.validity(key, c)
	}
}

func (f *configFiles) headers(c *config.Config) {
	name := c.Telemetry.OTLPHeadersFile
	f.secret("telemetry.otlpHeadersFile", name)
	if _, err := headersOf(c); err != nil && name != "" && !errors.Is(err, fs.ErrNotExist) {
		f.fault("telemetry.otlpHeadersFile", "%s: want name=value, separated by commas", name)
	}
}

func (f *configFiles) dsn(file string) {
	if dsn := f.secret("store.dsnFile", file); dsn != "" && !strings.Contains(dsn, "=") && !strings.Contains(dsn, "://") {
		f.fault("store.dsnFile", "%s: want postgres://user@host/database or host=… dbname=…", file)
	}
}

// secret reads a file of one secret, "" if there is none or it cannot be one. What it
// tells says nothing of what is in it.
func (f *configFiles) secret(key, name string) string {
	raw := f.read(key, name)
	switch {
	case raw == nil:
	case len(bytes.TrimSpace(raw)) == 0:
		f.fault(key, "%s is empty", name)
	case len(raw) > maxSecretFile:
		f.fault(key, "%s has %d bytes, want at most %d", name, len(raw), maxSecretFile)
	default:
		return string(bytes.TrimSpace(raw))
	}
	return ""
}

// wrappingKeys checks each by itself, and then all together, as the service has
// them.
func (f *configFiles) wrappingKeys(file string, inPlace config.Secret, previous []string) {
	texts := []string{inPlace.Reveal()}
	isGood := f.wrappingKey("keys.wrappingKey", inPlace.Reveal(), "")
	files := append([]string{file}, previous...)
	for i, name := range files {
		key := "keys.wrappingKeyFile"
		if i > 0 {
			key = fmt.Sprintf("keys.previousWrappingKeyFiles[%d]", i-1)
		}
		text := f.secret(key, name)
		isGood = f.wrappingKey(key, text, name+": ") && isGood
		texts = append(texts, text)
	}
	all := strings.Join(texts, "\n")
	if !isGood || strings.TrimSpace(all) == "" {
		return
	}
	if _, err := keyring.ParseWrapping(all); err != nil {
		f.fault("keys.previousWrappingKeyFiles", "%s", saidOfWrapping(err))
	}
}

func (f *configFiles) wrappingKey(key, text, name string) bool {
	if text == "" {
		return true
	}
	if _, err := keyring.ParseWrapping(text); err != nil {
		f.fault(key, "%s%s", name, saidOfWrapping(err))
		return false
	}
	return true
}

// saidOfWrapping is what is wrong with wrapping keys. It quotes nothing of them.
func saidOfWrapping(err error) string {
	return strings.TrimPrefix(err.Error(), "keyring: wrapping keys: ")
}

// instance checks the certificates and the policies of an instance.
func (f *configFiles) instance(key string, one *config.Instance) {
	f.policyCertificates(key+".policyCertificateFiles", one.PolicyCertificateFiles)
	for _, kind := range one.Types {
		f.policy(key+".policies."+kind, one.Policies[kind])
	}
}

// policyCertificates checks what makes an instance isolated, as making it does.
func (f *configFiles) policyCertificates(key string, names []string) {
	var all []*x509.Certificate
	isGood := true
	for i, name := range names {
		at := fmt.Sprintf("%s[%d]", key, i)
		raw := f.read(at, name)
		if raw == nil {
			isGood = false
			continue
		}
		found, err := parsePolicyCertificates(raw, f.s.Now())
		if err != nil {
			isGood = false
			f.fault(at, "%s: %v", name, err)
		}
		all = append(all, found...)
	}
	if why := cannotSign(all, f.s.Now()); isGood && why != nil {
		f.fault(key, "none can sign a policy: %v", why)
	}
}

func (f *configFiles) policy(key, name string) {
	raw := f.read(key, name)
	if raw == nil {
		return
	}
	if err := checkText(raw); err != nil {
		f.fault(key, "%s: %v", name, err)
		return
	}
	_, err := policy.Compile(string(raw))
	faulty, ok := errors.AsType[*policy.SyntaxError](err)
	if !ok {
		if err != nil {
			f.fault(key, "%s: %v", name, err)
		}
		return
	}
	for _, d := range faulty.Diagnostics {
		f.fault(key, "%s:%d:%d: %s", name, d.Range.Start.Line, d.Range.Start.Column+1, d.Message)
	}
}
