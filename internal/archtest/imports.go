package archtest

import (
	"fmt"
	"slices"
	"strings"
)

// checkRooms reports folders that no row lists, and code that is no test in
// folders for tests. A file that holds nothing but the package comment is fine.
func checkRooms(t *tree) []Violation {
	var found []Violation
	seen := make(map[string]bool)
	for _, s := range t.sources {
		if inTestFolder(s.room) {
			if !s.test && len(s.syntax.Decls) > 0 {
				found = append(found, Violation{Path: s.path, Text: "this folder holds tests only; a program's code belongs in a room"})
			}
			continue
		}
		if _, listed := rowOf(s.room); !listed && !seen[s.room] {
			seen[s.room] = true
			found = append(found, Violation{Path: s.path, Text: fmt.Sprintf("room %s is not in the table of allowed arrows: give it a row in internal/archtest/rules.go and in ARCHITECTURE.md, with the reason", s.room)})
		}
	}
	return found
}

func inTestFolder(room string) bool {
	return room == "." || slices.ContainsFunc(testFolders, func(f string) bool { return within(room, f) })
}

// checkArrows reports imports between our rooms that no row allows.
func checkArrows(t *tree) []Violation {
	var found []Violation
	for _, s := range t.sources {
		for _, i := range s.imports() {
			target, isOurs := ours(i.path)
			if !isOurs {
				continue
			}
			if s.test {
				if !testsMay(s.room, target) {
					found = append(found, s.at(i.pos, "a test of the client imports %s: the client's module must not depend on ours; where they meet is conformance", target))
				}
				continue
			}
			if slices.Contains(testOnly, target) {
				found = append(found, s.at(i.pos, "%s imports %s, which is for tests only", s.room, target))
				continue
			}
			if r, listed := rowOf(s.room); listed && !r.allows(target) {
				found = append(found, s.at(i.pos, "%s imports %s, but may import %s: %s", s.room, target, r.list(), r.because))
			}
		}
	}
	return found
}

func (r row) allows(target string) bool {
	return slices.Contains(r.may, target) || slices.Contains(r.may, everything) && !within(target, "cmd")
}

func (r row) list() string {
	if len(r.may) == 0 {
		return "nothing of ours"
	}
	return "only " + strings.Join(r.may, ", ")
}

// checkOutside reports imports of other people's modules that nobody argued
// for. Test files of the main module are free: what they import is not linked.
func checkOutside(t *tree) []Violation {
	var found []Violation
	for _, s := range t.sources {
		if s.test && !within(s.room, clientRoom) {
			continue
		}
		for _, i := range s.imports() {
			if _, isOurs := ours(i.path); isOurs || isStandard(i.path) || outsideAllowed(s.room, i.path) {
				continue
			}
			found = append(found, s.at(i.pos, "%s imports %s, which is not among the modules that it may link: see outside in internal/archtest/rules.go", s.room, i.path))
		}
	}
	return found
}

func outsideAllowed(room, importPath string) bool {
	for _, o := range outside {
		if within(importPath, o.path) && slices.Contains(o.rooms, room) {
			return true
		}
	}
	return false
}

// checkDenied reports imports that are denied by name, and dot imports, which
// would hide from these checks what a file uses.
func checkDenied(t *tree) []Violation {
	var found []Violation
	for _, s := range t.sources {
		for _, i := range s.imports() {
			if i.name == "." {
				found = append(found, s.at(i.pos, "dot import of %s: a reader cannot see where a name comes from, and neither can these checks", i.path))
			}
			for _, d := range denied {
				if within(i.path, d.path) && slices.ContainsFunc(d.rooms, func(r string) bool { return within(s.room, r) }) {
					found = append(found, s.at(i.pos, "%s imports %s: %s", s.room, i.path, d.because))
				}
			}
		}
	}
	return found
}

// azcore is the one module that the client may require.
const azcore = "github.com/Azure/azure-sdk-for-go/sdk/azcore"

// checkClientModule reports what the client's go.mod asks of those who import
// it beyond azcore and what azcore itself needs.
func checkClientModule(t *tree) []Violation {
	var found []Violation
	file := clientRoom + "/go.mod"
	block := "" // the keyword before an open parenthesis
	for i, line := range strings.Split(string(t.clientMod), "\n") {
		text, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(text)
		switch {
		case len(words) == 0:
			continue
		case block != "" && words[0] == ")":
			block = ""
			continue
		case len(words) == 2 && words[1] == "(":
			block = words[0]
			continue
		case block != "":
			words = append([]string{block}, words...)
		}
		switch {
		case words[0] == "replace" || words[0] == "exclude":
			found = append(found, Violation{Path: file, Line: i + 1, Text: words[0] + " has no effect on those who import the client, so the client must work without"})
		case words[0] == "require" && len(words) > 1 && words[1] != azcore && strings.TrimSpace(comment) != "indirect":
			found = append(found, Violation{Path: file, Line: i + 1, Text: fmt.Sprintf("requires %s: who imports the client must get azcore and nothing else", words[1])})
		}
	}
	return found
}
