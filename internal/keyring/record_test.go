package keyring_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/azattest/azattest/internal/keyring"
	"github.com/azattest/azattest/token"
)

func wantRecordsError(tb testing.TB, err error, n int, text string) {
	tb.Helper()
	e, ok := errors.AsType[*keyring.RecordsError](err)
	if !ok {
		tb.Fatalf("error %v (%T), want a *keyring.RecordsError", err, err)
	}
	if len(e.Records) != n {
		tb.Errorf("%d records refused, want %d: %v", len(e.Records), n, err)
	}
	if !strings.Contains(err.Error(), text) || !strings.Contains(err.Error(), e.Records[0].ID) {
		tb.Errorf("error %q, want it to speak of %q and name the key", err, text)
	}
}

// edit changes members of the only key's record, as a writer to the database
// would.
func (f *fixture) edit(tb testing.TB, change func(record map[string]any)) {
	tb.Helper()
	f.rewrite(tb, func(raw []byte) []byte {
		record := map[string]any{}
		if err := json.Unmarshal(raw, &record); err != nil {
			tb.Fatal(err)
		}
		change(record)
		return marshal(tb, record)
	})
}

func (f *fixture) rewrite(tb testing.TB, change func(raw []byte) []byte) {
	tb.Helper()
	r := f.store.keys()[0]
	f.store.put(r.Key, change(r.Value))
}

// marshal writes a record in the order in which ours are.
func marshal(tb testing.TB, record map[string]any) []byte {
	tb.Helper()
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range []string{"version", "id", "algorithm", "sequence", "createdAt", "activeFrom", "revokedAt", "publicKey", "report", "device", "wrappedWith", "box"} {
		value, ok := record[name]
		if !ok {
			continue
		}
		raw, err := json.Marshal(value)
		if err != nil {
			tb.Fatal(err)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + name + `":`)
		b.Write(raw)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// Whoever can write to the database and has no wrapping key gets nothing but
// errors.
func TestTamperedRecordsAreRefused(t *testing.T) {
	t.Parallel()
	other := newFixture(t)
	ring(t, other.open(t), contoso, token.ES256)
	theirs := map[string]any{}
	if err := json.Unmarshal(other.store.keys()[0].Value, &theirs); err != nil {
		t.Fatal(err)
	}
	flip := func(text any) string {
		raw, err := base64.StdEncoding.DecodeString(text.(string))
		if err != nil {
			t.Fatal(err)
		}
		raw[len(raw)/2] ^= 1
		return base64.StdEncoding.EncodeToString(raw)
	}
	for name, tt := range map[string]struct {
		change func(r map[string]any)
		want   string
	}{
		"held back":              {func(r map[string]any) { r["activeFrom"] = "2036-03-14T09:26:53Z" }, "changed after it was sealed"},
		"brought forward":        {func(r map[string]any) { r["activeFrom"] = "2026-01-01T00:00:00Z" }, "changed after it was sealed"},
		"made older":             {func(r map[string]any) { r["createdAt"] = "2026-01-01T00:00:00Z" }, "changed after it was sealed"},
		"out of its turn":        {func(r map[string]any) { r["sequence"] = 2 }, "changed after it was sealed"},
		"no turn":                {func(r map[string]any) { r["sequence"] = 0 }, "sequence 0"},
		"another algorithm":      {func(r map[string]any) { r["algorithm"] = "RS256" }, "changed after it was sealed"},
		"moved into a device":    {func(r map[string]any) { r["device"] = "label=mine" }, "changed after it was sealed"},
		"a report planted":       {func(r map[string]any) { r["report"] = "AAAA" }, "changed after it was sealed"},
		"sealed bytes flipped":   {func(r map[string]any) { r["box"] = flip(r["box"]) }, "changed after it was sealed"},
		"sealed bytes of others": {func(r map[string]any) { r["box"] = theirs["box"] }, "changed after it was sealed"},
		"sealed bytes gone":      {func(r map[string]any) { delete(r, "box") }, "changed after it was sealed"},
		"unknown wrapping key":   {func(r map[string]any) { r["wrappedWith"] = "0123456789abcdef" }, "0123456789abcdef"},
		"another public key":     {func(r map[string]any) { r["publicKey"] = theirs["publicKey"] }, "public key"},
		"public key flipped":     {func(r map[string]any) { r["publicKey"] = flip(r["publicKey"]) }, "public key"},
		"public key gone":        {func(r map[string]any) { delete(r, "publicKey") }, "public key"},
		"not sealed":             {func(r map[string]any) { delete(r, "wrappedWith") }, "not sealed"},
		"another key's record": {func(r map[string]any) {
			maps.Copy(r, theirs)
		}, "is that of"},
		"another key's ID":        {func(r map[string]any) { r["id"] = theirs["id"] }, "public key"},
		"an ID that is none":      {func(r map[string]any) { r["id"] = "x" }, "key ID"},
		"an algorithm of theirs":  {func(r map[string]any) { r["algorithm"] = "none" }, `algorithm "none"`},
		"a newer version":         {func(r map[string]any) { r["version"] = 2 }, "newer program"},
		"no times":                {func(r map[string]any) { r["activeFrom"] = "0001-01-01T00:00:00Z" }, "both times"},
		"fractions of seconds":    {func(r map[string]any) { r["activeFrom"] = "2026-03-14T09:26:53.5Z" }, "whole seconds"},
		"another zone":            {func(r map[string]any) { r["activeFrom"] = "2026-03-14T09:26:53+01:00" }, "whole seconds"},
		"a device's name of 1 KB": {func(r map[string]any) { r["device"] = strings.Repeat("x", 1<<10) }, "device's name"},
		"revoked, with a key":     {func(r map[string]any) { r["revokedAt"] = "2026-03-14T09:26:53Z" }, "revoked, and yet with a key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			k := f.open(t)
			want := ring(t, k, contoso, token.ES256).JWKS()
			f.edit(t, tt.change)
			f.refused(t, k, want, tt.want)
		})
	}
	for name, tt := range map[string]struct {
		change func(raw []byte) []byte
		want   string
	}{
		"empty":             {func([]byte) []byte { return nil }, "no record"},
		"too large":         {func(raw []byte) []byte { return append(raw, make([]byte, 64<<10)...) }, "at most"},
		"bytes after":       {func(raw []byte) []byte { return append(raw, ' ') }, "no program of ours"},
		"twice the same":    {func(raw []byte) []byte { return bytes.Replace(raw, []byte("{"), []byte(`{"version":1,`), 1) }, "no program of ours"},
		"an unknown member": {func(raw []byte) []byte { return bytes.Replace(raw, []byte("{"), []byte(`{"x":1,`), 1) }, "no program of ours"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			k := f.open(t)
			want := ring(t, k, contoso, token.ES256).JWKS()
			f.rewrite(t, tt.change)
			f.refused(t, k, want, tt.want)
		})
	}
}

// refused says that the one record is not used: by a running replica, which goes
// on with what it has, nor by one that starts.
func (f *fixture) refused(t *testing.T, k *keyring.Keyring, want []byte, text string) {
	t.Helper()
	for range 2 { // it is not forgotten after the first time
		wantRecordsError(t, k.Refresh(t.Context()), 1, text)
	}
	if got := ring(t, k, contoso, token.ES256).JWKS(); !bytes.Equal(got, want) {
		t.Errorf("published %s, want what was there before: %s", got, want)
	}
	if k.Keys()[0].Problem == "" {
		t.Error("the list of keys says nothing of it")
	}
	_, err := keyring.Open(t.Context(), f.config())
	wantRecordsError(t, err, 1, text)

	// The replica that runs can mend it: the key is revoked and replaced.
	if err := k.Revoke(t.Context(), k.Keys()[0].ID); err != nil {
		t.Fatal(err)
	}
	wantStates(t, f.open(t), keyring.StateRevoked, keyring.StateActive)
}

func TestPlantedKeyIsNeitherUsedNorPublished(t *testing.T) {
	t.Parallel()
	// The attacker runs a keyring of their own over the same database.
	for name, plant := range map[string]func(c *keyring.Config){
		"sealed with their own key": func(c *keyring.Config) { c.Wrap = wrapping(t, keyring.GenerateWrappingKey()) },
		"plain":                     func(c *keyring.Config) { c.Wrap, c.AllowPlain = nil, true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, theirs := newFixture(t), newFixture(t)
			k := f.open(t)
			mine := ring(t, k, contoso, token.ES256).JWKS()
			c := theirs.config()
			plant(&c)
			open(t, c)
			ring(t, open(t, c), contoso, token.ES256)
			planted := theirs.store.keys()[0]
			f.store.put(planted.Key, planted.Value)

			wantRecordsError(t, k.Refresh(t.Context()), 1, "sealed")
			if got := ring(t, k, contoso, token.ES256).JWKS(); !bytes.Equal(got, mine) {
				t.Errorf("published %s, want our own key alone", got)
			}
			// Changes go on all the same: a planted record must not keep a revocation
			// from happening.
			if err := k.Revoke(t.Context(), k.Keys()[0].ID); err != nil {
				t.Fatal(err)
			}
			// But no first key is made beside what cannot be read.
			if _, err := k.Ring(t.Context(), contoso, token.RS256); err == nil {
				t.Error("a first key was made although a record cannot be read")
			}
			if err := keyring.Discard(t.Context(), f.store, base64OfKey(t, planted.Key)); err != nil {
				t.Fatal(err)
			}
			refresh(t, k)
			f.open(t)
			if err := keyring.Discard(t.Context(), f.store, base64OfKey(t, planted.Key)); !isUnknown(err) {
				t.Errorf("error %v, want an *UnknownKeyError", err)
			}
		})
	}
}

func TestDiscardRefusesWhatIsNoID(t *testing.T) {
	t.Parallel()
	if err := keyring.Discard(t.Context(), newRecords(), "../instances/contoso"); !isUnknown(err) {
		t.Errorf("error %v, want an *UnknownKeyError", err)
	}
}

// An older state of a record is as genuine as it ever was. A process that saw
// the revocation does not believe it.
func TestRevocationIsNotForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	id := ring(t, k, contoso, token.ES256).Current().ID()
	before := f.store.keys()[0]
	if err := k.Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	f.store.put(before.Key, before.Value)
	wantRecordsError(t, k.Refresh(t.Context()), 1, "put an older state of it back")
	if got := kids(t, ring(t, k, contoso, token.ES256)); len(got) != 1 || got[0] == id {
		t.Errorf("published %v, want the new key alone", got)
	}

	// With the wrapping key changed as well, nobody believes it.
	f.wrap = wrapping(t, keyring.GenerateWrappingKey())
	if _, err := keyring.Open(t.Context(), f.config()); err == nil {
		t.Error("a record that was sealed with a retired wrapping key is used")
	}
}

// To revoke is no more than to delete, so a record that says so is believed
// without a seal; and the private key is gone.
func TestRevokedRecordHoldsNoKey(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	id := ring(t, k, contoso, token.ES256).Current().ID()
	if err := k.Revoke(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	for _, r := range f.store.keys() {
		if !bytes.Contains(r.Value, []byte(id)) {
			continue
		}
		for _, member := range []string{"box", "publicKey", "wrappedWith"} {
			if bytes.Contains(r.Value, []byte(member)) {
				t.Errorf("the revoked record still has a %s: %s", member, r.Value)
			}
		}
	}
}

func TestWrongWrappingKeyNamesKeysOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	ring(t, f.open(t), contoso, token.ES256)
	right := f.wrap.IDs()[0]
	secret := keyring.GenerateWrappingKey()
	f.wrap = wrapping(t, secret)
	_, err := keyring.Open(t.Context(), f.config())
	wantRecordsError(t, err, 1, right)
	if !strings.Contains(err.Error(), f.wrap.IDs()[0]) || strings.Contains(err.Error(), secret) {
		t.Errorf("error %q, want the ID of the wrapping key that was tried, and not the key", err)
	}
	c := f.config()
	c.Wrap, c.AllowPlain = nil, true
	_, err = keyring.Open(t.Context(), c)
	wantRecordsError(t, err, 1, "none is given")
}

func TestPlainRecords(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	c := f.config()
	c.Wrap, c.AllowPlain = nil, true
	want := ring(t, open(t, c), contoso, token.ES256).JWKS()
	k := open(t, c)
	if got := ring(t, k, contoso, token.ES256).JWKS(); !bytes.Equal(got, want) {
		t.Errorf("published %s, want %s", got, want)
	}
	// Reading wipes what it read, not what is stored or signs.
	issuer, err := token.NewIssuer(contoso, ring(t, k, contoso, token.ES256))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Sign(t.Context(), issued(contoso)); err != nil {
		t.Fatal(err)
	}
	_, err = keyring.Open(t.Context(), f.config())
	wantRecordsError(t, err, 1, "not sealed")

	// In a plain record nothing but the key itself is checked.
	other := newFixture(t)
	oc := other.config()
	oc.Wrap, oc.AllowPlain = nil, true
	ring(t, open(t, oc), contoso, token.ES256)
	theirs := map[string]any{}
	if err := json.Unmarshal(other.store.keys()[0].Value, &theirs); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		value any
		want  string
	}{
		"another private key": {theirs["box"], "the private key is that of"},
		"no private key":      {"AAAA", "not one in PKCS#8"},
	} {
		f.edit(t, func(r map[string]any) { r["box"] = tt.value })
		_, err := keyring.Open(t.Context(), c)
		wantRecordsError(t, err, 1, tt.want)
		_ = name
	}
	f.edit(t, func(r map[string]any) { r["device"] = "label=mine" })
	_, err = keyring.Open(t.Context(), c)
	wantRecordsError(t, err, 1, "held by a device, and yet")
}

func TestManyUnusableRecordsAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	k := f.open(t)
	ring(t, k, contoso, token.ES256)
	for range 4 {
		rotate(t, k, 0)
		f.clock.advance(time.Minute)
	}
	f.wrap = wrapping(t, keyring.GenerateWrappingKey())
	_, err := keyring.Open(t.Context(), f.config())
	wantRecordsError(t, err, 5, "and 2 more")
	if one, ok := errors.AsType[*keyring.RecordError](err); !ok || one.ID == "" {
		t.Errorf("error %v, want single records within", err)
	}
	if _, ok := errors.AsType[*keyring.WrappingError](err); !ok {
		t.Errorf("error %v, want its cause within", err)
	}
}
