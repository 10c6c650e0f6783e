package deploy_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Containerfile, its lines joined.
type instruction struct{ name, text string }

func readContainerfile(t *testing.T) []instruction {
	t.Helper()
	raw, err := os.ReadFile("container/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	var all []instruction
	joined := ""
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(strings.TrimSpace(line), "#") || joined == "" && strings.TrimSpace(line) == "" {
			continue
		}
		if before, continues := strings.CutSuffix(line, `\`); continues {
			joined += before
			continue
		}
		name, text, _ := strings.Cut(strings.TrimSpace(joined+line), " ")
		all, joined = append(all, instruction{name, strings.Join(strings.Fields(text), " ")}), ""
	}
	if joined != "" {
		t.Fatalf("the last line goes on: %s", joined)
	}
	return all
}

func TestContainerfileHoldsInstructionsOnly(t *testing.T) {
	t.Parallel()
	known := []string{"ARG", "FROM", "LABEL", "COPY", "RUN", "ENV", "USER", "WORKDIR", "EXPOSE", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
	for _, i := range readContainerfile(t) {
		if !slices.Contains(known, i.name) || i.text == "" {
			t.Errorf("instruction %+v", i)
		}
		// Once for the whole build: the tag is an argument.
		if i.name == "FROM" && i.text != "${GO_IMAGE} AS build" && i.text != "scratch" {
			t.Errorf("FROM %s", i.text)
		}
	}
}

// finalStage is the stage of which the image is made.
func finalStage(t *testing.T) []instruction {
	t.Helper()
	all := readContainerfile(t)
	for i := range slices.Backward(all) {
		if all[i].name == "FROM" {
			return all[i:]
		}
	}
	t.Fatal("no FROM")
	return nil
}

func TestImageHoldsTheProgramAndNothingElse(t *testing.T) {
	t.Parallel()
	stage := finalStage(t)
	if stage[0].text != "scratch" {
		t.Errorf("the image stands on %s", stage[0].text)
	}
	final := map[string]string{}
	for _, i := range stage[1:] {
		switch {
		case i.name == "RUN":
			t.Errorf("RUN in an image without shell: %s", i.text)
		case i.name == "ENV" && strings.Contains(i.text, "AZATTEST_"):
			t.Errorf("ENV %s: it would outweigh the configuration of whoever runs the image", i.text)
		case i.name == "COPY" && !strings.HasPrefix(i.text, "--from=build "):
			t.Errorf("COPY %s: from the context", i.text)
		}
		final[i.name] = i.text
	}
	if user, _, _ := strings.Cut(final["USER"], ":"); user == "" || strings.Trim(user, "0123456789") != "" || strings.Trim(user, "0") == "" {
		t.Errorf("USER %q, want a number that is not 0: Kubernetes cannot tell that a name is not root", final["USER"])
	}
	if final["ENTRYPOINT"] != `["/usr/bin/azattest"]` || !strings.HasPrefix(final["CMD"], "[") {
		t.Errorf("ENTRYPOINT %s, CMD %s, want both without shell", final["ENTRYPOINT"], final["CMD"])
	}
	if want := attestationService.port + " " + keyReleaseServer.port; final["EXPOSE"] != want {
		t.Errorf("EXPOSE %s, want %s", final["EXPOSE"], want)
	}
	if final["HEALTHCHECK"] != "NONE" {
		t.Errorf("HEALTHCHECK %s: there is no program for it", final["HEALTHCHECK"])
	}
}

func TestProgramOfTheImageIsStatic(t *testing.T) {
	t.Parallel()
	text := ""
	for _, i := range readContainerfile(t) {
		text += i.name + " " + i.text + "\n"
	}
	for _, want := range []string{"CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOTOOLCHAIN=local", "go build -trimpath", "./cmd/azattest"} {
		if !strings.Contains(text, want) {
			t.Errorf("the build has no %s", want)
		}
	}
}

func TestSecretsStayOutOfTheContext(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("container/Containerfile.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(raw), "\n")
	for _, want := range []string{".git", "**/*.pem", "**/*.key", "**/.env", "**/azattest-data", "**/azattest-keyrelease-data"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%s is copied into the build", want)
		}
	}
}
