package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/azattest/azattest/internal/config"
)

const (
	devCAFile    = "ca.pem"
	devCAKeyFile = "ca-key.pem"
	// devCertificateLife is how long certificates of a development service hold.
	devCertificateLife = 90 * 24 * time.Hour
)

// devTLS gives a development service its TLS certificate: for loopback names
// only, the given ones below localhost among them, by a CA that lives in the data directory, so that clients can go on
// trusting it after a restart. It returns the file of the CA's certificate.
func devTLS(dir string, now time.Time, names ...string) (*tls.Config, string, error) {
	ca, key, err := devCA(dir, now)
	if err != nil {
		return nil, "", fmt.Errorf("development CA: %w", err)
	}
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "localhost"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(devCertificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     append([]string{"localhost"}, names...),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, leafKey.Public(), key)
	if err != nil {
		return nil, "", err
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: leafKey}},
	}, filepath.Join(dir, devCAFile), nil
}

// namesBelowLocalhost are those that the instances have, in their URLs or beside.
func namesBelowLocalhost(instances []config.Instance) []string {
	var names []string
	for _, i := range instances {
		hosts := slices.Clone(i.Hosts)
		if u, err := url.Parse(i.URL); err == nil {
			hosts = append(hosts, u.Host)
		}
		for _, host := range hosts {
			if name, _, err := net.SplitHostPort(host); err == nil {
				host = name
			}
			if strings.HasSuffix(host, ".localhost") && !slices.Contains(names, host) {
				names = append(names, host)
			}
		}
	}
	return names
}

// devCA loads the CA of the data directory, or makes one.
func devCA(dir string, now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	ca, key, err := loadDevCA(dir)
	if err == nil && now.Before(ca.NotAfter.Add(-devCertificateLife)) && now.After(ca.NotBefore) {
		return ca, key, nil
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, nil, err
	}
	// None yet, about to expire, or two halves of different pairs because a
	// process ended between writing them: it is for development, so a new one
	// does no harm.
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(now.UnixNano()),
		Subject:               pkix.Name{CommonName: "azattest development CA"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.AddDate(2, 0, 0),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		// The key lies in a plain file: whoever gets it can speak for loopback
		// names and for nothing else.
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{"localhost"},
		PermittedIPRanges: []*net.IPNet{
			{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
			{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
		},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	if err := writeFile(filepath.Join(dir, devCAKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})); err != nil {
		return nil, nil, err
	}
	if err := writeFile(filepath.Join(dir, devCAFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})); err != nil {
		return nil, nil, err
	}
	ca, err = x509.ParseCertificate(der)
	return ca, key, err
}

func loadDevCA(dir string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, devCAFile), filepath.Join(dir, devCAKeyFile))
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("%s: a key of type %T, want ECDSA", filepath.Join(dir, devCAKeyFile), pair.PrivateKey)
	}
	ca, err := x509.ParseCertificate(pair.Certificate[0])
	return ca, key, err
}
