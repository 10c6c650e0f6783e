package instance

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/policytoken"
)

// Where the store keeps what. What is in force of an instance stands below its
// name; the versions of its policies stand elsewhere, for they outlive it, and
// whoever reads all instances need not read them.
const (
	prefix             = "instances/"
	certificatesSuffix = "/certificates"
	policiesPart       = "/policies/"
	historyRoot        = "history/"
	// placesKey does not begin with prefix.
	placesKey = "instance-places"
)

func settingsKey(name string) string     { return prefix + name }
func certificatesKey(name string) string { return prefix + name + certificatesSuffix }

func policyKey(name string, t attest.Type) string { return prefix + name + policiesPart + string(t) }

func historyPrefix(name string, t attest.Type) string {
	return historyRoot + name + "/" + string(t) + "/"
}

func historyKey(name string, t attest.Type, version int64) string {
	return fmt.Sprintf("%s%010d", historyPrefix(name, t), version)
}

// Action says how a policy came to be in force.
type Action string

// The actions.
const (
	ActionSet   Action = "set"
	ActionReset Action = "reset"
)

// Policy is one version of a policy.
type Policy struct {
	// Version counts the changes of this type's policy from 1 on, over the whole
	// life of the instance's name.
	Version int64 `json:"version"`
	// Action is what made the version.
	Action Action `json:"action"`
	// Token is the JWS as it was put, byte for byte; empty after a reset.
	Token string `json:"token"`
	// Text is the policy in it.
	Text string `json:"text"`
	// Hash is what tokens state as x-ms-policy-hash; TokenHash is what the
	// change answered as x-ms-policy-token-hash.
	Hash      string `json:"hash,omitempty"`
	TokenHash string `json:"tokenHash,omitempty"`
	// InputHash is that of the token without its signature.
	InputHash string `json:"inputHash,omitempty"`
	// Signer is the chain of certificates under which the JWS was signed, DER,
	// the signer's own first; none for an unsigned one.
	Signer [][]byte `json:"signer,omitempty"`
	// By and At say who made the version, and when.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// ID tells this very change from one that looks the same.
	ID string `json:"id"`
}

// Certificate is a policy management certificate.
type Certificate struct {
	// DER is the certificate.
	DER []byte `json:"der"`
	// By and At say who added it, and when.
	By string    `json:"by"`
	At time.Time `json:"at"`

	parsed *x509.Certificate
}

// X509 returns the certificate. It is shared: read it, do not change it.
func (c Certificate) X509() *x509.Certificate { return c.parsed }

// certificateList is the record that holds all of an instance.
type certificateList struct {
	Certificates []Certificate `json:"certificates"`
	// Used are hashes of what was signed to ask for changes, the newest last.
	Used []string `json:"used,omitempty"`
	// ID tells this very change from one that looks the same.
	ID string `json:"id"`
}

// RecordError says that a record of the store is not what this release writes.
type RecordError struct {
	Key string
	Err error
}

func (e *RecordError) Error() string {
	return fmt.Sprintf("instance: record %s cannot be read, was it written by a newer release? %v", e.Key, e.Err)
}

func (e *RecordError) Unwrap() error { return e.Err }

func decode(key string, value []byte, into any) error {
	if err := json.Unmarshal(value, into); err != nil {
		return &RecordError{key, err}
	}
	return nil
}

// decodeSettings refuses settings under the key of another instance: nobody may
// take them for one that is not there. It refuses members that it does not know,
// too: a newer release may ask callers for something in them.
func decodeSettings(key string, value []byte) (Settings, error) {
	var s Settings
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Settings{}, &RecordError{key, err}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Settings{}, &RecordError{key, errors.New("more than one value")}
	}
	if settingsKey(s.Name) != key {
		return Settings{}, &RecordError{key, fmt.Errorf("settings of an instance named %q", s.Name)}
	}
	return s, nil
}

// decodePolicy refuses a text that is not the one in its token: what attestation
// goes by is what whoever asks for the policy is shown, and what its signer signed.
func decodePolicy(key string, value []byte) (Policy, error) {
	var p Policy
	if err := decode(key, value, &p); err != nil {
		return Policy{}, err
	}
	if p.Token == "" && p.Text == "" {
		return p, nil
	}
	jws, err := policytoken.Parse([]byte(p.Token))
	if err != nil {
		return Policy{}, &RecordError{key, err}
	}
	for _, read := range []func() (string, error){jws.Policy, jws.PreviewPolicy} {
		if text, err := read(); err == nil && text == p.Text {
			return p, nil
		}
	}
	return Policy{}, &RecordError{key, errors.New("its text is not that of its token")}
}

func decodeCertificates(key string, value []byte) (certificateList, error) {
	var list certificateList
	if err := decode(key, value, &list); err != nil {
		return certificateList{}, err
	}
	if len(list.Certificates) == 0 {
		// An instance without any would obey everybody.
		return certificateList{}, &RecordError{key, errors.New("no certificates, want at least one")}
	}
	for i := range list.Certificates {
		c, err := x509.ParseCertificate(list.Certificates[i].DER)
		if err != nil {
			return certificateList{}, &RecordError{key, fmt.Errorf("certificate %d: %w", i+1, err)}
		}
		list.Certificates[i].parsed = c
	}
	return list, nil
}

// part is what a key below [prefix] is about.
type part struct {
	name string
	kind string // "", certificatesSuffix, policiesPart
	typ  attest.Type
}

// parseKey returns false for a key that is none of ours.
func parseKey(key string) (part, bool) {
	rest, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return part{}, false
	}
	name, rest, below := strings.Cut(rest, "/")
	if name == "" {
		return part{}, false
	}
	if !below {
		return part{name: name}, true
	}
	rest = "/" + rest
	if rest == certificatesSuffix {
		return part{name: name, kind: certificatesSuffix}, true
	}
	if text, ok := strings.CutPrefix(rest, policiesPart); ok {
		t, ok := attest.ParseType(text)
		return part{name: name, kind: policiesPart, typ: t}, ok && string(t) == text
	}
	return part{}, false
}
