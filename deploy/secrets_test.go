package deploy_test

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// templateOfSecrets are the keys of each secret of the template, sorted.
func (s *server) templateOfSecrets(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, one := range documents[secret](t, s, "secret.example.yaml") {
		all[one.Metadata.Name] = slices.Sorted(maps.Keys(one.StringData))
		for key, value := range one.StringData {
			if value != "" {
				t.Errorf("%s: %s has a value", one.Metadata.Name, key)
			}
		}
	}
	return all
}

// madeSecrets are those that README.md makes in a namespace, in the shape of
// templateOfSecrets.
func madeSecrets(t *testing.T, namespace string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for line := range strings.Lines(readReadme(t)) {
		words := strings.Fields(line)
		if len(words) < 7 || !slices.Equal(words[:5], []string{"kubectl", "-n", namespace, "create", "secret"}) {
			continue
		}
		var keys []string
		for _, option := range words[7:] {
			name, value, _ := strings.Cut(option, "=")
			key := map[string]string{"--cert": "tls.crt", "--key": "tls.key", "--from-file": value}[name]
			keys = append(keys, key)
		}
		slices.Sort(keys)
		all[words[6]] = keys
	}
	return all
}

func TestSecretsAreWhatPodsRead(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			template, made := s.templateOfSecrets(t), madeSecrets(t, s.name)
			if !maps.EqualFunc(template, made, slices.Equal[[]string]) {
				t.Errorf("README.md makes %v, the template has %v", made, template)
			}
			pod := s.workload(t, s).Template.Spec
			secretOf := map[string]string{}
			for _, v := range pod.Volumes {
				secretOf[v.Name] = v.Secret.SecretName
			}
			for _, file := range s.podSettings(t).files {
				from := secretOf[pod.volumeOf(file)]
				if !slices.Contains(template[from], path.Base(file)) {
					t.Errorf("%s would be in secret %q, which has %v", file, from, template[from])
				}
			}
		})
	}
}

func TestPodsRunTheImageOfTheKustomization(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			images := document[kustomization](t, s, "kustomization.yaml").Images
			if image := s.workload(t, s).Template.Spec.Containers[0].Image; len(images) != 1 || image != images[0].Name {
				t.Errorf("pods run %s, kustomization.yaml names %+v", image, images)
			}
		})
	}
}
