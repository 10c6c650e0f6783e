package deploy_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/azattest/azattest/internal/config"
)

func readReadme(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// containerRun is how README.md runs the image.
type containerRun struct {
	options []string
	// volumes are what is mounted, by its place in the container.
	volumes map[string]string
	// command is what stands behind the name of the image.
	command []string
}

// containerRuns finds them by the port that they publish.
func containerRuns(t *testing.T) map[string]containerRun {
	t.Helper()
	all := map[string]containerRun{}
	for line := range strings.Lines(strings.ReplaceAll(readReadme(t), "\\\n", " ")) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != "podman" || words[1] != "run" {
			continue
		}
		r, port := containerRun{volumes: map[string]string{}}, ""
		rest := words[2:]
		for len(rest) > 1 && strings.HasPrefix(rest[0], "-") {
			taken := 1
			switch rest[0] {
			case "-p":
				port, taken = rest[1], 2
			case "-v":
				from, to, _ := strings.Cut(rest[1], ":")
				r.volumes[to], taken = from, 2
			default:
				r.options = append(r.options, rest[0])
			}
			rest = rest[taken:]
		}
		r.command = rest[1:]
		if port != "" {
			all[port] = r
		}
	}
	return all
}

func TestContainerRunsAsReadmeSays(t *testing.T) {
	t.Parallel()
	image := map[string]string{}
	for _, i := range finalStage(t) {
		image[i.name] = i.text
	}
	runs := containerRuns(t)
	if len(runs) != len(servers) {
		t.Errorf("README.md runs %d containers, want %d", len(runs), len(servers))
	}
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			r := runs[s.port+":"+s.port]
			for _, want := range []string{"--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"} {
				if !slices.Contains(r.options, want) {
					t.Errorf("options %v, want %s", r.options, want)
				}
			}
			home := "/etc/" + s.name
			if r.volumes[home+":ro"] == "" {
				t.Errorf("volumes %v, want %s, which nobody writes to", r.volumes, home)
			}
			// A new volume belongs to whom the folder of the image belongs to.
			if data := r.volumes[image["WORKDIR"]]; data != s.name+"-data" {
				t.Errorf("volumes %v, want one at %s that no other server has", r.volumes, image["WORKDIR"])
			}
			command := r.command
			if len(command) == 0 {
				if err := json.Unmarshal([]byte(image["CMD"]), &command); err != nil {
					t.Fatal(err)
				}
			}
			s.startsWith(t, command, home+"/"+s.config)
		})
	}
}

var variables = regexp.MustCompile(`AZATTEST_[A-Z_]*[A-Z]`)

func TestReadmeNamesVariablesThatThereAre(t *testing.T) {
	t.Parallel()
	// The first is read by commands that ask a service, the other begins names.
	known := slices.Concat([]string{"AZATTEST_ENDPOINT", "AZATTEST_KEYRELEASE"}, config.Variables(), config.KeyReleaseVariables())
	for _, name := range variables.FindAllString(readReadme(t), -1) {
		if !slices.Contains(known, name) {
			t.Errorf("no server reads %s", name)
		}
	}
}
