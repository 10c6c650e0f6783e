package claims

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/corpus"
)

var compactJWS = regexp.MustCompile(`eyJ[\w-]*\.[\w-]+\.[\w-]*`)

// recordedBodies returns the body of every token that the real service made,
// or its documentation shows, by the file it was found in.
func recordedBodies(tb testing.TB) map[string][][]byte {
	tb.Helper()
	root := filepath.Join(corpus.Dir(tb), "maa")
	bodies := make(map[string][][]byte)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		for _, token := range compactJWS.FindAllString(string(raw), -1) {
			body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			if err != nil {
				tb.Errorf("%s: %v", name, err)
				continue
			}
			bodies[name] = append(bodies[name], body)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return bodies
}

// TestRecordedTokens reads the claims of every recorded token and writes them
// again, which must give the same bytes. The examples of the REST specification
// alone are written with spaces.
func TestRecordedTokens(t *testing.T) {
	t.Parallel()
	exact := 0
	for name, bodies := range recordedBodies(t) {
		for _, body := range bodies {
			s := new(Set)
			if err := json.Unmarshal(body, s); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			want := body
			if strings.Contains(name, "rest-2020-10-01") {
				var compact bytes.Buffer
				if err := json.Compact(&compact, body); err != nil {
					t.Fatal(err)
				}
				want = compact.Bytes()
			} else {
				exact++
			}
			if got := s.AppendJSON(nil); !bytes.Equal(got, want) {
				t.Errorf("%s: claims are written\n%s\nrecorded\n%s", name, got, want)
			}
		}
	}
	if exact < 60 {
		t.Errorf("%d recorded tokens, want at least 60", exact)
	}
}

// TestDecodedTokens reads the claims that stand decoded beside a recorded
// token, in whatever order and layout: they must give the token's own bytes.
func TestDecodedTokens(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(corpus.Dir(t), "maa", "exchanges", "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var exchange struct {
			Response struct {
				Body    json.RawMessage `json:"body"`
				Decoded struct {
					Claims json.RawMessage `json:"claims"`
				} `json:"decoded_token"`
			} `json:"response"`
		}
		if err := json.Unmarshal(raw, &exchange); err != nil {
			t.Fatal(err)
		}
		token := compactJWS.FindString(string(exchange.Response.Body))
		if token == "" || len(exchange.Response.Decoded.Claims) == 0 {
			continue
		}
		body, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil {
			t.Fatal(err)
		}
		s := new(Set)
		if err := json.Unmarshal(exchange.Response.Decoded.Claims, s); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := s.AppendJSON(nil); !bytes.Equal(got, body) {
			t.Errorf("%s: claims are written\n%s\nrecorded\n%s", filepath.Base(filepath.Dir(file)), got, body)
		}
		compared++
	}
	if compared < 20 {
		t.Errorf("%d decoded tokens compared, want at least 20", compared)
	}
}
