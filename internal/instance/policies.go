package instance

import (
	"context"
	"errors"
	"fmt"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/internal/policytoken"
	"github.com/azattest/azattest/policy"
	"github.com/azattest/azattest/store"
)

// Policy returns the JWS of the policy in force: what was put, byte for byte; one
// without a signature over the default or over what configuration fixed; and one
// without a signature and without content if there is no policy. It reads the
// store.
func (d *Directory) Policy(ctx context.Context, name string, t attest.Type) (string, error) {
	if text, ok := d.fixed(name, t); ok {
		return policytoken.Unsigned(text), nil
	}
	_, current, err := d.currentPolicy(ctx, name, t)
	if err != nil {
		return "", err
	}
	if current.Token != "" {
		return current.Token, nil
	}
	text, _ := policy.Default(string(t))
	return policytoken.Unsigned(text), nil
}

// currentPolicy returns the record of the policy in force, the zero Policy and
// revision 0 if there is none.
func (d *Directory) currentPolicy(ctx context.Context, name string, t attest.Type) (int64, Policy, error) {
	key := policyKey(name, t)
	r, err := d.config.Store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return 0, Policy{}, nil
	}
	if err != nil {
		return 0, Policy{}, err
	}
	current, err := decodePolicy(key, r.Value)
	return r.Revision, current, err
}

// PolicyChange asks for another policy.
type PolicyChange struct {
	// Instance is the name of the instance, Type the kind of evidence.
	Instance string
	Type     attest.Type
	// Token is the JWS that asks, By says who sent it, for the history.
	Token *policytoken.Token
	By    string
	// IsPreview reads the policy as version 2018-09-01-preview does.
	IsPreview bool
}

// SetPolicy puts the policy of the JWS in force and returns its version. The errors
// are
//
//   - *[policytoken.Error]: the JWS is none, or is not signed as the instance's
//     mode demands;
//   - *[policy.SyntaxError]: what it holds is no policy;
//   - *[RefusedError]: nobody may change this policy;
//   - [ErrNoInstance], *[ContendedError], and what the store fails with.
//
// A JWS that is in force already changes nothing.
func (d *Directory) SetPolicy(ctx context.Context, c PolicyChange) (Policy, error) {
	return d.changePolicy(ctx, c, ActionSet)
}

// ResetPolicy puts the default in force again, or none for types without one. The
// JWS is empty, and signed as the instance's mode demands. The errors are those of
// [Directory.SetPolicy].
func (d *Directory) ResetPolicy(ctx context.Context, c PolicyChange) (Policy, error) {
	return d.changePolicy(ctx, c, ActionReset)
}

func (d *Directory) changePolicy(ctx context.Context, c PolicyChange, action Action) (Policy, error) {
	if _, ok := d.fixed(c.Instance, c.Type); ok {
		return Policy{}, &RefusedError{c.Instance, ReasonFixed, fmt.Sprintf("the policy of %s is fixed by the service's configuration", c.Type)}
	}
	id := d.newID()
	var tried Policy
	for range maxAttempts {
		if tried.Version > 0 {
			// The last attempt may have come through after all, and the policy have
			// been changed since: once is enough.
			hasHappened, err := d.hasHappened(ctx, c, tried)
			if err != nil {
				return Policy{}, err
			}
			if hasHappened {
				return tried, nil
			}
		}
		made, isDone, err := d.tryPolicy(ctx, c, action, id)
		if err != nil {
			return Policy{}, err
		}
		if isDone {
			return made, nil
		}
		tried = made
	}
	return Policy{}, &ContendedError{policyKey(c.Instance, c.Type)}
}

// tryPolicy makes one attempt. It reports false if somebody else was first, and
// returns the version that was to be made.
func (d *Directory) tryPolicy(ctx context.Context, c PolicyChange, action Action, id string) (Policy, bool, error) {
	refuse := func(err error) (Policy, bool, error) { return Policy{}, false, err }
	authority, err := d.authority(ctx, c.Instance)
	if err != nil {
		return refuse(err)
	}
	next, err := d.proposed(authority, c, action)
	if err != nil {
		return refuse(err)
	}
	revision, current, err := d.currentPolicy(ctx, c.Instance, c.Type)
	if err != nil {
		return refuse(err)
	}
	if isInForce(current, next) {
		return current, true, nil
	}
	if authority.settings.RefuseReplayedPolicies && (action == ActionReset || current.Text != next.Text) {
		if err := d.refuseReplay(ctx, c, next); err != nil {
			return refuse(err)
		}
	}
	last := current.Version
	if revision == 0 {
		// An instance of this name may have been here before.
		if last, err = d.lastVersion(ctx, c.Instance, c.Type); err != nil {
			return refuse(err)
		}
	}
	next.Version, next.By, next.At, next.ID = last+1, c.By, d.config.Clock().UTC(), id
	value := mustEncode(next)
	changes := append(authority.checks(),
		store.Put(policyKey(c.Instance, c.Type), value, revision),
		store.Put(historyKey(c.Instance, c.Type, next.Version), value, 0))
	isDone, err := d.commit(ctx, changes, func() (bool, error) { return d.hasHappened(ctx, c, next) })
	if err != nil {
		return refuse(err)
	}
	return next, isDone, nil
}

// isInForce reports whether the change would change nothing.
func isInForce(current, next Policy) bool {
	if next.Action == ActionReset {
		return current.Token == ""
	}
	// The text of one token is another one where the preview reads it.
	return current.Token == next.Token && current.Text == next.Text
}

// proposed checks the JWS against the authority and returns the version that it
// would make, without number and author.
func (d *Directory) proposed(a *authority, c PolicyChange, action Action) (Policy, error) {
	if err := a.verify(c.Token, d.config.Clock()); err != nil {
		return Policy{}, err
	}
	next := Policy{Action: action, TokenHash: c.Token.Hash(), InputHash: c.Token.InputHash()}
	for _, c := range c.Token.Chain() {
		next.Signer = append(next.Signer, c.Raw)
	}
	if action == ActionReset {
		if !c.Token.IsEmpty() {
			return Policy{}, &RefusedError{a.settings.Name, ReasonNotEmpty, "a reset wants a token without content, or was a policy to be set?"}
		}
		return next, nil
	}
	text, program, err := compile(c.Token, c.IsPreview)
	if err != nil {
		return Policy{}, err
	}
	next.Token, next.Text, next.Hash = c.Token.String(), text, program.Hash()
	return next, nil
}

func compile(jws *policytoken.Token, isPreview bool) (string, *policy.Program, error) {
	read := jws.Policy
	if isPreview {
		read = jws.PreviewPolicy
	}
	text, err := read()
	if err != nil {
		return "", nil, err
	}
	program, err := policy.Compile(text)
	if err != nil {
		return "", nil, err
	}
	return text, program, nil
}

// CheckPolicy returns the error with which [Directory.SetPolicy] would refuse a JWS
// of the preview for what it holds, whoever signed it.
func (d *Directory) CheckPolicy(jws *policytoken.Token) error {
	_, _, err := compile(jws, true)
	return err
}

// hasHappened reports whether a commit of which nobody knows took place.
func (d *Directory) hasHappened(ctx context.Context, c PolicyChange, next Policy) (bool, error) {
	key := historyKey(c.Instance, c.Type, next.Version)
	r, err := d.config.Store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var kept Policy
	if err := decode(key, r.Value, &kept); err != nil {
		return false, err
	}
	return kept.ID == next.ID, nil
}

// History returns every version of a policy that there ever was, oldest first. It
// reads the store.
func (d *Directory) History(ctx context.Context, name string, t attest.Type) ([]Policy, error) {
	var versions []Policy
	err := d.eachVersion(ctx, name, t, func(p Policy) { versions = append(versions, p) })
	return versions, err
}

func (d *Directory) lastVersion(ctx context.Context, name string, t attest.Type) (int64, error) {
	var last int64
	err := d.eachVersion(ctx, name, t, func(p Policy) { last = p.Version })
	return last, err
}

func (d *Directory) eachVersion(ctx context.Context, name string, t attest.Type, visit func(Policy)) error {
	_, err := d.config.Store.Each(ctx, historyPrefix(name, t), func(r store.Record) error {
		var p Policy
		if err := decode(r.Key, r.Value, &p); err != nil {
			return err
		}
		visit(p)
		return nil
	})
	return err
}

// refuseReplay refuses a signed policy that some signed version holds already, and a
// signed reset that was obeyed before. What is in force is not asked about. Of
// policies the texts are compared, not the tokens: what matters is what would be in
// force again. A reset says nothing but what its signer made of it.
func (d *Directory) refuseReplay(ctx context.Context, c PolicyChange, next Policy) error {
	if len(next.Signer) == 0 {
		return nil
	}
	var found *Policy
	err := d.eachVersion(ctx, c.Instance, c.Type, func(p Policy) {
		if len(p.Signer) > 0 && p.Action == next.Action && isSameRequest(p, next) {
			found = &p
		}
	})
	if err != nil || found == nil {
		return err
	}
	detail := "this policy was signed before as version %d of that of %s, and is no longer in force: sign a text that differs, if only by a comment"
	if next.Action == ActionReset {
		detail = "this very reset was version %d of the policy of %s: sign one that differs, by a claim such as iat or jti"
	}
	return &RefusedError{c.Instance, ReasonReplayed, fmt.Sprintf(detail, found.Version, c.Type)}
}

func isSameRequest(p, next Policy) bool {
	if next.Action == ActionReset {
		return p.InputHash == next.InputHash
	}
	return p.Text == next.Text
}

// Source says where a policy in force comes from.
type Source string

// The sources.
const (
	SourceSet           Source = "set"           // a client's token
	SourceDefault       Source = "default"       // nobody set one
	SourceConfiguration Source = "configuration" // the operator's file
	SourceNone          Source = "none"          // no policy, and no default
)

// InForce is a policy in force.
type InForce struct {
	// Policy has its text, and what else the source knows of it.
	Policy
	Source Source
}

// InForce returns the policy that holds for a type. It reads the store.
func (d *Directory) InForce(ctx context.Context, name string, t attest.Type) (InForce, error) {
	if text, ok := d.fixed(name, t); ok {
		return InForce{Policy{Text: text}, SourceConfiguration}, nil
	}
	_, current, err := d.currentPolicy(ctx, name, t)
	if err != nil {
		return InForce{}, err
	}
	if current.Token != "" {
		return InForce{current, SourceSet}, nil
	}
	text, ok := policy.Default(string(t))
	if !ok {
		return InForce{Source: SourceNone}, nil
	}
	return InForce{Policy{Text: text}, SourceDefault}, nil
}
