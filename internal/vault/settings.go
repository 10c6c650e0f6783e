package vault

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/azattest/azattest/keyrelease"
)

// operations are those of Key Vault.
var operations = []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey", "import", "export"}

// usual are the operations that keys of a type have if nothing is said.
func usual(base string) []string {
	switch base {
	case ecType:
		return []string{"sign", "verify"}
	case octType:
		return []string{"encrypt", "decrypt", "wrapKey", "unwrapKey"}
	default:
		return []string{"encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"}
	}
}

// apply puts what was asked for into the metadata of a new version.
func (s *Settings) apply(m *metadata) error {
	m.Enabled, m.Exportable = s.Enabled == nil || *s.Enabled, s.Exportable
	m.setPolicy(s.Policy)
	m.PolicyContentType, m.PolicyImmutable = s.PolicyContentType, s.PolicyImmutable
	m.Operations = slices.Clone(s.Operations)
	m.setTags(s.Tags)
	if len(m.Operations) == 0 {
		m.Operations = usual(baseType(m.Type))
	}
	var err error
	if m.NotBefore, err = toSeconds("not before", s.NotBefore); err != nil {
		return err
	}
	if m.Expires, err = toSeconds("expires", s.Expires); err != nil {
		return err
	}
	return m.check()
}

// apply puts a change into the metadata of a version.
func (u *Update) apply(m *metadata) error {
	if u.Exportable != nil && *u.Exportable != m.Exportable {
		return errExportable()
	}
	if m.PolicyImmutable && (u.Policy != nil && !bytes.Equal(u.Policy.Text(), m.Policy) ||
		u.PolicyContentType != nil && *u.PolicyContentType != m.PolicyContentType ||
		u.PolicyImmutable != nil && !*u.PolicyImmutable) {
		return errImmutable()
	}
	if u.Enabled != nil {
		m.Enabled = *u.Enabled
	}
	if u.Operations != nil {
		m.Operations = append([]string(nil), *u.Operations...)
	}
	if u.Tags != nil {
		m.setTags(*u.Tags)
	}
	if u.Policy != nil {
		m.setPolicy(u.Policy)
	}
	if u.PolicyContentType != nil {
		m.PolicyContentType = *u.PolicyContentType
	}
	if u.PolicyImmutable != nil {
		m.PolicyImmutable = *u.PolicyImmutable
	}
	var err error
	if u.NotBefore != nil {
		if m.NotBefore, err = toSeconds("not before", *u.NotBefore); err != nil {
			return err
		}
	}
	if u.Expires != nil {
		if m.Expires, err = toSeconds("expires", *u.Expires); err != nil {
			return err
		}
	}
	return m.check()
}

func (m *metadata) setPolicy(p *keyrelease.Policy) {
	m.policy, m.Policy = p, nil
	if p != nil {
		m.Policy = p.Text()
	}
}

// setTags copies tags. None are nil, as they are when a record is read.
func (m *metadata) setTags(tags map[string]string) {
	m.Tags = nil
	if len(tags) > 0 {
		m.Tags = maps.Clone(tags)
	}
}

// follow checks a new version against the current one, whose immutable policy goes
// on. Key Vault's documents promise that such a policy stays under any circumstances;
// that a new version may not come with another one is stricter than what they say.
func (m *metadata) follow(current *metadata) error {
	if m.Exportable != current.Exportable {
		return errExportable()
	}
	if !current.PolicyImmutable {
		return nil
	}
	if !bytes.Equal(m.Policy, current.Policy) {
		return errImmutable()
	}
	m.PolicyImmutable = true
	return nil
}

func errExportable() error {
	return &ParameterError{CodeExportable, "The exportable attribute of an existing key cannot be changed."}
}

func errImmutable() error {
	return &ParameterError{CodePolicyImmutable, "Immutable Key Release Policy cannot be modified."}
}

// check holds the rules for what a version may say.
func (m *metadata) check() error {
	switch {
	case m.Exportable && m.policy == nil:
		return &ParameterError{CodePolicyMissing, "Exportable keys must have release policy."}
	case !m.Exportable && m.policy != nil:
		return &ParameterError{CodePolicyUnwanted, "Non-exportable keys must not have release policy."}
	case m.policy == nil && (m.PolicyContentType != "" || m.PolicyImmutable):
		return refuse("the content type or the immutability of a release policy without the policy, want all or none")
	case len(m.PolicyContentType) > maxContentType || !isText(m.PolicyContentType):
		return refuse("content type of the release policy: %s, want a media type of at most %d characters", shown(m.PolicyContentType), maxContentType)
	case m.NotBefore > 0 && m.Expires > 0 && m.Expires <= m.NotBefore:
		return refuse("expires at %s, which is not after %s, before which the key cannot be used", format(m.Expires), format(m.NotBefore))
	}
	if err := checkOperations(m.Operations); err != nil {
		return err
	}
	return checkTags(m.Tags)
}

func checkOperations(all []string) error {
	for i, o := range all {
		if !slices.Contains(operations, o) {
			return refuse("key operation %s, want %s", shown(o), strings.Join(operations, ", "))
		}
		if slices.Contains(all[:i], o) {
			return refuse("key operation %s is there twice, want it once", o)
		}
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return refuse("%d tags, want at most %d", len(tags), maxTags)
	}
	for name, value := range tags {
		if name == "" || len(name) > maxTagName || len(value) > maxTagValue || !isText(name) || !isText(value) {
			return refuse("tag %s: want a name of 1 to %d bytes and a value of at most %d, without control characters", shown(name), maxTagName, maxTagValue)
		}
	}
	return nil
}

// isText says whether a text survives JSON as it is, and fits into a line.
func isText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// toSeconds returns a time as records hold it. What they cannot hold is refused: a
// bound that is rounded, or lost, is another bound.
func toSeconds(what string, t time.Time) (int64, error) {
	if t.IsZero() {
		return 0, nil
	}
	if t.Nanosecond() != 0 || t.Unix() <= 0 || t.UTC().Year() > 9999 {
		return 0, refuse("%s: %s, want whole seconds from 1970-01-01T00:00:01Z to the year 9999", what, t.UTC().Format(time.RFC3339Nano))
	}
	return t.Unix(), nil
}

func format(seconds int64) string { return fromSeconds(seconds).Format(time.RFC3339) }
