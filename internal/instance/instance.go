// Package instance is what a service serves: instances of attestation, each with
// a URL, a mode, policies and certificates of its own, kept in a store that
// replicas share.
//
// Which function do I want?
//
//   - to serve: [Open] a [Directory], let [Directory.Run] follow the store, and
//     ask [Directory.Lookup] whose request it is; [Instance.Pipeline] and
//     [Instance.Issuer] do the rest;
//   - to manage policies: [Directory.Policy], [Directory.SetPolicy],
//     [Directory.ResetPolicy], [Directory.History];
//   - to manage the certificates that sign them: [Directory.Certificates],
//     [Directory.AddCertificate], [Directory.RemoveCertificate];
//   - to manage instances: [Directory.Create], [Directory.Update],
//     [Directory.Delete], [Directory.List].
//
// Attestation reads what the directory knows, which is as old as [Directory.Age]
// says and never older than Config.MaxStaleness: beyond it, Lookup's instances
// refuse to work. Management reads and writes the store itself, and every write
// names what it read, so that of two writers one begins again.
package instance

import (
	"context"
	"fmt"
	"sync"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/token"
)

// Instance is one instance as of a moment. It is safe for concurrent use, and
// changes of settings, policies and certificates make another one.
type Instance struct {
	directory    *Directory
	settings     Settings
	places       []place // of the settings
	revision     int64   // of the settings' record
	certificates []Certificate
	policies     map[attest.Type]Policy

	mu   sync.Mutex
	live *live
}

// live is what serves, made of an instance when it is first asked for.
type live struct {
	pipeline *attest.Service
	// err says why there is no pipeline. The issuer signs all the same: whoever
	// mends the policy wants an answer.
	err        error
	issuer     *token.Issuer
	generation int64 // of the keys
}

// Settings returns what the operator said of the instance. Its slices are
// shared: read them, do not change them.
func (i *Instance) Settings() Settings { return i.settings }

// Latest returns the instance as the directory knows it by now, which is i itself
// unless something has changed. It returns [ErrNoInstance] if there is none of its
// name and URL any more.
func (i *Instance) Latest() (*Instance, error) {
	latest, ok := i.directory.view.Load().instances[i.settings.Name]
	if !ok || latest.settings.URL != i.settings.URL {
		return nil, fmt.Errorf("%w: %s at %s", ErrNoInstance, i.settings.Name, i.settings.URL)
	}
	return latest, nil
}

// Pipeline returns what attests. It returns a *[StaleError] if the directory lost
// touch with the store for too long, and other errors if no keys can be had.
func (i *Instance) Pipeline(ctx context.Context) (*attest.Service, error) {
	if err := i.directory.checkFresh(); err != nil {
		return nil, err
	}
	l, err := i.alive(ctx)
	if err != nil {
		return nil, err
	}
	return l.pipeline, l.err
}

// Issuer returns what signs in the name of the instance, and the keys it
// publishes.
func (i *Instance) Issuer(ctx context.Context) (*token.Issuer, error) {
	l, err := i.alive(ctx)
	if err != nil {
		return nil, err
	}
	return l.issuer, nil
}

// IsServed reports whether evidence of the type is attested by this instance.
func (i *Instance) IsServed(t attest.Type) bool {
	_, ok := i.directory.config.Verifiers[t]
	return ok && i.settings.serves(t)
}

// HasPolicy reports whether a policy of the type is in force, a default one
// included, as far as the directory knows.
func (i *Instance) HasPolicy(t attest.Type) bool { return i.policyText(t) != "" }

// policyText returns the policy in force: what configuration fixed, what was
// set, or the default, and "" if there is none of these.
func (i *Instance) policyText(t attest.Type) string {
	if text, ok := i.directory.fixed(i.settings.Name, t); ok {
		return text
	}
	if p, ok := i.policies[t]; ok && p.Token != "" {
		return p.Text
	}
	text, _ := policy.Default(string(t))
	return text
}

// alive returns what serves, made anew if the keys have changed. Who comes while
// it is made waits: it takes about a millisecond for each key.
func (i *Instance) alive(ctx context.Context) (*live, error) {
	generation := i.directory.config.Keys.Generation()
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.live != nil && i.live.generation == generation {
		return i.live, nil
	}
	made, err := i.assemble(ctx)
	if err != nil {
		return nil, err
	}
	made.generation = generation
	i.live = made
	return made, nil
}
