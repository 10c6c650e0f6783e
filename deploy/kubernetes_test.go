package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// The manifests must hold these members and no others: one that is misspelled would
// be dropped by some versions of kubectl without a word.
type (
	head struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   struct {
			Name      string            `yaml:"name"`
			Namespace string            `yaml:"namespace"`
			Labels    map[string]string `yaml:"labels"`
		} `yaml:"metadata"`
	}
	labelSelector struct {
		MatchLabels map[string]string `yaml:"matchLabels"`
	}
	namespace struct {
		head `yaml:",inline"`
	}
	serviceAccount struct {
		head      `yaml:",inline"`
		AutoMount *bool `yaml:"automountServiceAccountToken"`
	}
	secret struct {
		head       `yaml:",inline"`
		Type       string            `yaml:"type"`
		StringData map[string]string `yaml:"stringData"`
	}
	service struct {
		head `yaml:",inline"`
		Spec struct {
			Type     string            `yaml:"type"`
			Selector map[string]string `yaml:"selector"`
			Ports    []struct {
				Name       string `yaml:"name"`
				Port       int    `yaml:"port"`
				TargetPort string `yaml:"targetPort"`
				Protocol   string `yaml:"protocol"`
			} `yaml:"ports"`
		} `yaml:"spec"`
	}
	disruptionBudget struct {
		head `yaml:",inline"`
		Spec struct {
			MinAvailable int           `yaml:"minAvailable"`
			Selector     labelSelector `yaml:"selector"`
		} `yaml:"spec"`
	}
	kustomization struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Namespace  string `yaml:"namespace"`
		Labels     []struct {
			Pairs map[string]string `yaml:"pairs"`
		} `yaml:"labels"`
		Resources  []string `yaml:"resources"`
		Generators []struct {
			Name  string   `yaml:"name"`
			Files []string `yaml:"files"`
		} `yaml:"configMapGenerator"`
		Images []struct {
			Name    string `yaml:"name"`
			NewName string `yaml:"newName"`
			NewTag  string `yaml:"newTag"`
		} `yaml:"images"`
	}
)

// documents reads all documents of a manifest of a server into a type, strictly.
func documents[T any](t *testing.T, s *server, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.manifests, name))
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	var all []T
	for {
		var one T
		err := d.Decode(&one)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
}

func document[T any](t *testing.T, s *server, name string) T {
	t.Helper()
	all := documents[T](t, s, name)
	if len(all) != 1 {
		t.Fatalf("%s: %d documents, want one", name, len(all))
	}
	return all[0]
}

// isSelected says that labels are those that a selector wants.
func isSelected(selector, labels map[string]string) bool {
	for key, want := range selector {
		if labels[key] != want {
			return false
		}
	}
	return true
}

func TestEveryManifestIsAppliedButTheTemplateOfSecrets(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := document[kustomization](t, s, "kustomization.yaml")
			known := append([]string{"kustomization.yaml", "secret.example.yaml"}, k.Resources...)
			for _, g := range k.Generators {
				known = append(known, g.Files...)
			}
			files, err := filepath.Glob(filepath.Join(s.manifests, "*"))
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range files {
				files[i] = filepath.Base(f)
			}
			slices.Sort(known)
			if !slices.Equal(files, known) {
				t.Errorf("files %v, of which kustomization.yaml knows %v", files, known)
			}
			if slices.Contains(k.Resources, "secret.example.yaml") {
				t.Error("the template of secrets is applied")
			}
			for _, r := range k.Resources {
				for _, d := range documents[map[string]any](t, s, r) {
					metadata, ok := d["metadata"].(map[string]any)
					if !ok || d["kind"] != "Namespace" && metadata["namespace"] != k.Namespace {
						t.Errorf("%s: metadata %v, want the namespace %s", r, d["metadata"], k.Namespace)
					}
				}
			}
		})
	}
}

func TestNamespaceIsRestricted(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			n := document[namespace](t, s, "namespace.yaml")
			for _, mode := range []string{"enforce", "audit", "warn"} {
				if got := n.Metadata.Labels["pod-security.kubernetes.io/"+mode]; got != "restricted" {
					t.Errorf("pod security, %s: %q, want restricted", mode, got)
				}
			}
			if n.Metadata.Name != document[kustomization](t, s, "kustomization.yaml").Namespace {
				t.Errorf("namespace %s is not that of kustomization.yaml", n.Metadata.Name)
			}
		})
	}
}

func TestPodsGetNoToken(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a := document[serviceAccount](t, s, "serviceaccount.yaml")
			pod := s.workload(t, s).Template.Spec
			if a.AutoMount == nil || *a.AutoMount || pod.AutoMount == nil || *pod.AutoMount || pod.ServiceAccountName != a.Metadata.Name {
				t.Errorf("service account %+v, pods %q, %v", a, pod.ServiceAccountName, pod.AutoMount)
			}
		})
	}
}

func TestServiceAndBudgetSelectThePods(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := s.workload(t, s)
			labels := w.Template.Metadata.Labels
			clients := document[service](t, s, "service.yaml")
			b := document[disruptionBudget](t, s, "poddisruptionbudget.yaml")
			for what, selector := range map[string]map[string]string{
				"workload": w.Selector.MatchLabels, "service": clients.Spec.Selector, "budget": b.Spec.Selector.MatchLabels,
			} {
				if len(selector) == 0 || !isSelected(selector, labels) {
					t.Errorf("%s selects %v, the pods have %v", what, selector, labels)
				}
			}
			if b.Spec.MinAvailable < 1 || b.Spec.MinAvailable >= w.Replicas {
				t.Errorf("budget: %d of %d pods, want at least one, and not all", b.Spec.MinAvailable, w.Replicas)
			}
			for _, p := range clients.Spec.Ports {
				if _, has := w.port(p.TargetPort); !has {
					t.Errorf("service: the pods have no port %s", p.TargetPort)
				}
				if p.TargetPort == "metrics" {
					t.Error("service: metrics are not for clients")
				}
			}
		})
	}
}

// Who may read the secrets of a namespace has those of every server in it.
func TestServersShareNoNamespace(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if n := document[namespace](t, s, "namespace.yaml").Metadata.Name; n != s.name {
				t.Errorf("namespace %s, want %s", n, s.name)
			}
		})
	}
}

// podSettings are those of the pods.
func (s *server) podSettings(t *testing.T) *settings {
	t.Helper()
	return s.settingsOf(t, filepath.Join(s.manifests, s.config), nil)
}

func TestConfigurationFitsThePods(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c, w := s.podSettings(t), s.workload(t, s)
			pod := w.Template.Spec
			for port, address := range map[string]string{"https": c.listen, "metrics": c.metricsListen} {
				if got, has := w.port(port); has != (address != "") || has && ":"+got != address {
					t.Errorf("port %s is %q, the configuration listens on %q", port, got, address)
				}
			}
			if w.Replicas > 1 && c.driver != "postgres" {
				t.Errorf("%d pods over the store %s", w.Replicas, c.driver)
			}
			grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second
			if left := grace - c.shutdown.Linger - c.shutdown.Drain; left < 5*time.Second {
				t.Errorf("a pod has %s to end, of which linger and drain leave %s", grace, left)
			}
			ready := pod.Containers[0].ReadinessProbe
			if notice := time.Duration(ready.PeriodSeconds*ready.FailureThreshold) * time.Second; c.shutdown.Linger < 2*notice {
				t.Errorf("linger is %s, and it takes up to %s until the probe notices", c.shutdown.Linger, notice)
			}
			for _, file := range append(c.files, c.dataDir) {
				if pod.volumeOf(file) == "" {
					t.Errorf("%q is in no volume, and the root is read-only", file)
				}
			}
			k := document[kustomization](t, s, "kustomization.yaml")
			if len(k.Generators) != 1 || !slices.Equal(k.Generators[0].Files, []string{s.config}) || k.Generators[0].Name != pod.Volumes[0].ConfigMap.Name {
				t.Errorf("generators %+v, pods mount %+v", k.Generators, pod.Volumes[0])
			}
			s.startsWith(t, pod.Containers[0].Args, filepath.Join(pod.Containers[0].VolumeMounts[0].MountPath, s.config))
		})
	}
}

// README.md says how to check it before there are pods: the files have other places
// then.
func TestConfigurationOfThePodsIsAccepted(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			dir := secretsFor(t)
			files := map[string]string{
				"TLS_CERTIFICATE_FILE": "tls.crt", "TLS_KEY_FILE": "tls.key", "STORE_DSN_FILE": "dsn", "KEYS_WRAPPING_KEY_FILE": "wrapping.key",
			}
			s.accepts(t, filepath.Join(s.manifests, s.config), func(variable string) string {
				if file := files[strings.TrimPrefix(variable, s.prefix)]; file != "" {
					return filepath.Join(dir, file)
				}
				return ""
			})
		})
	}
}
