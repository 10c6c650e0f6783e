package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/azattest/azattest/claims"
)

// testFile is a table of tests of one policy.
type testFile struct {
	name string

	Policy string     `yaml:"policy"`
	Type   string     `yaml:"type"`
	Cases  []testCase `yaml:"cases"`
}

// testCase is one test. What is kept as a node is read after the rest, for
// decoding would lose types.
type testCase struct {
	Name       yaml.Node `yaml:"name"`
	Type       string    `yaml:"type"`
	Claims     yaml.Node `yaml:"claims"`
	Want       string    `yaml:"want"`
	Issued     yaml.Node `yaml:"issued"`
	Properties yaml.Node `yaml:"properties"`

	given *givenClaims
	// issued and properties are nil if the test says nothing of them.
	issued, properties *claims.Set
}

// What a test may want.
const (
	wantPermit = "permit"
	wantDeny   = "deny"
	wantError  = verdictError
)

// testSuffixes end the names of test files in folders. Other YAML may lie there.
var testSuffixes = [...]string{"_test.yaml", "_test.yml"}

// findTests returns the test files that arguments name: files as they are, and of
// folders what is in them and below.
func findTests(names []string) ([]string, error) {
	var found []string
	for _, name := range names {
		if name == "-" {
			found = append(found, name)
			continue
		}
		err := filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != name && strings.HasPrefix(d.Name(), "."):
				return filepath.SkipDir
			case !d.IsDir() && (path == name || isTestFile(path)):
				found = append(found, path)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("tests: %w", err)
		}
	}
	if len(found) == 0 {
		return nil, withHint(fmt.Errorf("no tests in %s", strings.Join(names, ", ")), "in folders, files named *_test.yaml are tests")
	}
	return found, nil
}

func isTestFile(path string) bool {
	for _, suffix := range testSuffixes {
		if strings.HasSuffix(path, suffix) {
			return true
		}
	}
	return false
}

// readTests reads a test file, and the claims that it names. Whatever is not part
// of a test is refused: a name that is mistyped would test nothing.
func readTests(s Streams, name string) (*testFile, error) {
	raw, err := readInput(s, name)
	if err != nil {
		return nil, fmt.Errorf("tests: %w", err)
	}
	if err := checkShape(raw); err != nil {
		return nil, fmt.Errorf("tests %s: %s", name, yamlProblem(err))
	}
	f := &testFile{name: name}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("tests %s: %s", name, yamlProblem(err))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("tests %s: more than one document", name)
	}
	switch {
	case f.Policy == "":
		return nil, fmt.Errorf("tests %s: no policy: want the name of a file", name)
	case len(f.Cases) == 0:
		return nil, fmt.Errorf("tests %s: no cases", name)
	}
	seen := map[string]bool{}
	for i := range f.Cases {
		c := &f.Cases[i]
		if err := c.complete(s, f); err != nil {
			return nil, fmt.Errorf("tests %s: line %d: case %d: %w", name, c.Name.Line, i+1, err)
		}
		if seen[c.Name.Value] {
			return nil, fmt.Errorf("tests %s: line %d: the name %q stands twice", name, c.Name.Line, c.Name.Value)
		}
		seen[c.Name.Value] = true
	}
	return f, nil
}

// yamlProblem says what is wrong without the words of the decoder's own types.
func yamlProblem(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if errors.Is(err, io.EOF) {
		text = "there is nothing in it"
	}
	if e, ok := errors.AsType[*yaml.TypeError](err); ok {
		text = strings.Join(e.Errors[:min(len(e.Errors), 3)], "; ")
	}
	return strings.NewReplacer(" in type cli.testFile", "", " in type cli.testCase", "", " into cli.testFile", "", " into cli.testCase", "").Replace(text)
}

// path is a file that the test file names, relative to where it lies itself.
func (f *testFile) path(name string) string {
	if filepath.IsAbs(name) || f.name == "-" {
		return name
	}
	return filepath.Join(filepath.Dir(f.name), filepath.FromSlash(name))
}

func (c *testCase) complete(s Streams, f *testFile) error {
	if c.Name.Kind != yaml.ScalarNode || c.Name.ShortTag() != "!!str" || c.Name.Value == "" {
		return errors.New("want a name, a text that is not empty")
	}
	if c.Want != wantPermit && c.Want != wantDeny && c.Want != wantError {
		return fmt.Errorf("want %q: one of permit, deny, error", c.Want)
	}
	if c.Type == "" {
		c.Type = f.Type
	}
	if kind, ok := knownPolicyType(c.Type); ok {
		c.Type = kind
	} else if c.Type != "" {
		return fmt.Errorf("type %q is no attestation type", c.Type)
	}
	var err error
	if c.given, err = claimsOfNode(s, f, &c.Claims); err == nil {
		err = c.given.fit(c.Type)
	}
	if err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	for _, part := range []struct {
		name string
		node *yaml.Node
		set  **claims.Set
	}{{"issued", &c.Issued, &c.issued}, {"properties", &c.Properties, &c.properties}} {
		if part.node.Kind == 0 {
			continue
		}
		if c.Want != wantPermit {
			return fmt.Errorf("%s: nothing is issued unless the policy permits", part.name)
		}
		if *part.set, err = setOfNode(part.node); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}
