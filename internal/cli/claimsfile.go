package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/claims"
)

// givenClaims are the claims that a policy is run over.
type givenClaims struct {
	// incoming are those of the evidence, custom those that a client stated about
	// itself.
	incoming, custom *claims.Set
	// doubt says what about them is not known, "" if all is.
	doubt string
}

// readClaims reads the claims in a file, in any of the forms of --claims.
func readClaims(s Streams, name string) (*givenClaims, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	c, err := parseClaims(raw)
	if err != nil {
		return nil, withHint(fmt.Errorf("claims %s: %w", name, err),
			`want {"type": value or [values]}, [{"type", "value", "issuer"}], a token, or what 'quote verify --json' prints`)
	}
	return c, nil
}

// fit refuses claims that no client of a kind of attestation states.
func (g *givenClaims) fit(kind string) error {
	if kind == "" || kind == "Tpm" || kind == "VbsEnclave" || g.custom == nil || g.custom.Len() == 0 {
		return nil
	}
	return fmt.Errorf("claim %q of issuer CustomClaim: only clients of Tpm and VbsEnclave state claims themselves", g.custom.Names()[0])
}

// parseClaims finds out which form text has. Whatever is not exactly one of them
// is refused: a claim that is passed over may be the one that denies.
func parseClaims(raw []byte) (*givenClaims, error) {
	text := bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\uFEFF")))
	switch {
	case len(text) == 0:
		return nil, errors.New("there is nothing in it")
	case text[0] == '{':
		return parseClaimsObject(text)
	case text[0] == '[':
		return parseClaimsList(text)
	case bytes.Count(text, []byte(".")) == 2:
		t, err := parseToken(string(text))
		if err != nil {
			return nil, plainError(err)
		}
		return tokenClaims(t.claims)
	}
	return nil, errors.New("it is neither JSON nor a token")
}

// plainError keeps of an error what it says: that claims cannot be read refuses
// no evidence.
func plainError(err error) error { return errors.New(err.Error()) }

func parseClaimsObject(text []byte) (*givenClaims, error) {
	top := new(claims.Set)
	if err := top.UnmarshalJSON(text); err != nil {
		return nil, err
	}
	payload, isPayload := objectOf(top, "payload")
	inner, isInner := objectOf(top, "claims")
	switch {
	case top.Has("genuine"):
		if genuine, _ := top.First("genuine"); genuine != claims.Boolean(true) || !isInner {
			return nil, errors.New("the evidence is not genuine: there are no claims")
		}
		if inner.Has("") {
			return nil, errNoType
		}
		return &givenClaims{incoming: incomingOf(inner, nil)}, nil
	case isPayload:
		for _, name := range top.Names() {
			if !slices.Contains([]string{"header", "payload", "signature"}, name) {
				return nil, fmt.Errorf("member %q beside the payload of a token", name)
			}
		}
		return tokenClaims(payload)
	case isInner && (top.Has("header") || top.Has("token") || top.Has("verified")):
		return tokenClaims(inner)
	case isBareToken(top):
		return tokenClaims(top)
	}
	set, err := plainClaims(top)
	return &givenClaims{incoming: set}, err
}

// plainClaims returns the claims of which each member is one.
func plainClaims(top *claims.Set) (*claims.Set, error) {
	set := newOnceSet()
	for name, v := range top.All() {
		if name == "" {
			return nil, errNoType
		}
		values, err := scalarsOf(v)
		if err != nil {
			return nil, fmt.Errorf("claim %q: %w", name, err)
		}
		if err := set.add(name, values...); err != nil {
			return nil, err
		}
	}
	return set.Set, nil
}

// objectOf returns a member that is an object.
func objectOf(set *claims.Set, name string) (*claims.Set, bool) {
	v, _ := set.First(name)
	text, ok := v.RawJSON()
	if !ok || !strings.HasPrefix(text, "{") || len(set.Values(name)) != 1 {
		return nil, false
	}
	inner := new(claims.Set)
	return inner, inner.UnmarshalJSON([]byte(text)) == nil
}

// scalarsOf returns the values that a member stands for: a set reads arrays of
// fewer than two as structured, for it keeps documents as they are.
func scalarsOf(v claims.Value) ([]claims.Value, error) {
	text, ok := v.RawJSON()
	if !ok {
		return []claims.Value{v}, nil
	}
	var elements []json.RawMessage
	if json.Unmarshal([]byte(text), &elements) != nil || elements == nil {
		return nil, fmt.Errorf("value %s, want a string, a boolean, an integer of 64 bits, or an array of those", cutOff(text, 60))
	}
	var values []claims.Value
	for _, e := range elements {
		v, err := scalarOf(e)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func scalarOf(raw json.RawMessage) (claims.Value, error) {
	set := new(claims.Set)
	if err := set.UnmarshalJSON(slices.Concat([]byte(`{"v":`), raw, []byte("}"))); err != nil {
		return claims.Value{}, err
	}
	v, _ := set.First("v")
	if text, structured := v.RawJSON(); structured || len(set.Values("v")) != 1 {
		return claims.Value{}, fmt.Errorf("value %s, want a string, a boolean or an integer of 64 bits", cutOff(text, 60))
	}
	return v, nil
}

// onceSet is a set of claims each of which may stand once.
type onceSet struct {
	*claims.Set

	seen map[statedClaim]bool
}

type statedClaim struct {
	name  string
	value claims.Value
}

func newOnceSet() onceSet { return onceSet{new(claims.Set), map[statedClaim]bool{}} }

func (s onceSet) add(name string, values ...claims.Value) error {
	for _, v := range values {
		if s.seen[statedClaim{name, v}] {
			return fmt.Errorf("claim %q: value %s stands twice", name, cutOff(string(v.AppendJSON(nil)), 60))
		}
		s.seen[statedClaim{name, v}] = true
		s.Add(name, v)
	}
	return nil
}

// cutOff is the beginning of a long text.
func cutOff(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// listedClaim is an element of the list form. Its members are looked up by their
// exact names, which decoding into a struct would not do.
type listedClaim map[string]json.RawMessage

func parseClaimsList(text []byte) (*givenClaims, error) {
	// Members that stand twice are refused here, and only here.
	if _, err := claims.JSON(text); err != nil {
		return nil, err
	}
	var listed []listedClaim
	if err := json.Unmarshal(text, &listed); err != nil {
		return nil, fmt.Errorf("list of claims: %w", err)
	}
	incoming, custom := newOnceSet(), newOnceSet()
	for i := range listed {
		if err := listed[i].state(incoming, custom); err != nil {
			return nil, fmt.Errorf("claim %d of the list: %w", i+1, err)
		}
	}
	return &givenClaims{incoming: incoming.Set, custom: custom.Set}, nil
}

// state states the claim where it belongs.
func (c listedClaim) state(incoming, custom onceSet) error {
	for name := range c {
		if !slices.Contains([]string{"type", "value", "issuer"}, name) {
			return fmt.Errorf("member %q, want type, value and issuer", name)
		}
	}
	kind, issuer := "", "AttestationService"
	if err := json.Unmarshal(c["type"], &kind); err != nil || kind == "" {
		return errors.New("want a type, a string that is not empty")
	}
	if raw, ok := c["issuer"]; ok {
		if err := json.Unmarshal(raw, &issuer); err != nil {
			return errors.New("want an issuer that is a string")
		}
	}
	if c["value"] == nil {
		return errors.New("want a value")
	}
	v, err := scalarOf(c["value"])
	if err != nil {
		return err
	}
	switch issuer {
	case "AttestationService":
		return incoming.add(kind, v)
	case "CustomClaim":
		return custom.add(kind, v)
	}
	return fmt.Errorf("issuer %q, want AttestationService or CustomClaim: claims of the policy's own come of its rules", issuer)
}
