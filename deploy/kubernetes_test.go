package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/azattest/azattest/internal/config"
)

// kubernetes is the folder of the manifests.
const kubernetes = "kubernetes"

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

// documents reads all documents of a manifest into a type, strictly.
func documents[T any](t *testing.T, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(kubernetes, name))
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

func document[T any](t *testing.T, name string) T {
	t.Helper()
	all := documents[T](t, name)
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
	k := document[kustomization](t, "kustomization.yaml")
	known := append([]string{"kustomization.yaml", "secret.example.yaml"}, k.Resources...)
	for _, g := range k.Generators {
		known = append(known, g.Files...)
	}
	files, err := filepath.Glob(filepath.Join(kubernetes, "*"))
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
		for _, d := range documents[map[string]any](t, r) {
			metadata, ok := d["metadata"].(map[string]any)
			if !ok || d["kind"] != "Namespace" && metadata["namespace"] != k.Namespace {
				t.Errorf("%s: metadata %v, want the namespace %s", r, d["metadata"], k.Namespace)
			}
		}
	}
}

func TestNamespaceIsRestricted(t *testing.T) {
	t.Parallel()
	n := document[namespace](t, "namespace.yaml")
	for _, mode := range []string{"enforce", "audit", "warn"} {
		if got := n.Metadata.Labels["pod-security.kubernetes.io/"+mode]; got != "restricted" {
			t.Errorf("pod security, %s: %q, want restricted", mode, got)
		}
	}
	if n.Metadata.Name != document[kustomization](t, "kustomization.yaml").Namespace {
		t.Errorf("namespace %s is not that of kustomization.yaml", n.Metadata.Name)
	}
}

func TestTemplateOfSecretsHoldsNone(t *testing.T) {
	t.Parallel()
	names := map[string]secret{}
	for _, s := range documents[secret](t, "secret.example.yaml") {
		names[s.Metadata.Name] = s
		for key, value := range s.StringData {
			if value != "" {
				t.Errorf("%s: %s has a value", s.Metadata.Name, key)
			}
		}
	}
	for _, v := range document[deployment](t, "deployment.yaml").Spec.Template.Spec.Volumes {
		if v.Secret.SecretName == "" {
			continue
		}
		if _, has := names[v.Secret.SecretName]; !has {
			t.Errorf("the template lacks the secret %s, which pods mount", v.Secret.SecretName)
		}
	}
}

func TestPodsGetNoToken(t *testing.T) {
	t.Parallel()
	a := document[serviceAccount](t, "serviceaccount.yaml")
	d := document[deployment](t, "deployment.yaml").Spec.Template.Spec
	if a.AutoMount == nil || *a.AutoMount || d.AutoMount == nil || *d.AutoMount || d.ServiceAccountName != a.Metadata.Name {
		t.Errorf("service account %+v, pods %q, %v", a, d.ServiceAccountName, d.AutoMount)
	}
}

func TestServiceAndBudgetSelectThePods(t *testing.T) {
	t.Parallel()
	d := document[deployment](t, "deployment.yaml")
	labels := d.Spec.Template.Metadata.Labels
	s := document[service](t, "service.yaml")
	b := document[disruptionBudget](t, "poddisruptionbudget.yaml")
	for what, selector := range map[string]map[string]string{
		"deployment": d.Spec.Selector.MatchLabels, "service": s.Spec.Selector, "budget": b.Spec.Selector.MatchLabels,
	} {
		if len(selector) == 0 || !isSelected(selector, labels) {
			t.Errorf("%s selects %v, the pods have %v", what, selector, labels)
		}
	}
	if b.Spec.MinAvailable < 1 || b.Spec.MinAvailable >= d.Spec.Replicas {
		t.Errorf("budget: %d of %d pods, want at least one, and not all", b.Spec.MinAvailable, d.Spec.Replicas)
	}
	for _, p := range s.Spec.Ports {
		if _, has := d.port(p.TargetPort); !has {
			t.Errorf("service: the pods have no port %s", p.TargetPort)
		}
		if p.TargetPort == "metrics" {
			t.Error("service: metrics are not for clients")
		}
	}
}

// kubernetesConfig is the configuration of the pods.
func kubernetesConfig(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load(filepath.Join(kubernetes, "azattest.yaml"), nil)
	if err == nil {
		err = c.Validate()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigurationFitsThePods(t *testing.T) {
	t.Parallel()
	c := kubernetesConfig(t)
	d := document[deployment](t, "deployment.yaml")
	pod := d.Spec.Template.Spec
	for port, address := range map[string]string{"https": c.Listen, "metrics": c.Telemetry.MetricsListen} {
		if got, _ := d.port(port); ":"+got != address {
			t.Errorf("port %s is %s, the configuration listens on %s", port, got, address)
		}
	}
	if c.Store.Driver != "postgres" {
		t.Errorf("several pods over the store %s", c.Store.Driver)
	}
	grace := time.Duration(pod.TerminationGracePeriodSeconds) * time.Second
	if left := grace - c.Shutdown.Linger - c.Shutdown.Drain; left < 5*time.Second {
		t.Errorf("a pod has %s to end, of which linger and drain leave %s", grace, left)
	}
	ready := pod.Containers[0].ReadinessProbe
	if notice := time.Duration(ready.PeriodSeconds*ready.FailureThreshold) * time.Second; c.Shutdown.Linger < 2*notice {
		t.Errorf("linger is %s, and it takes up to %s until the probe notices", c.Shutdown.Linger, notice)
	}
	for _, file := range []string{c.TLS.CertificateFile, c.TLS.KeyFile, c.Store.DSNFile, c.Keys.WrappingKeyFile} {
		if !pod.isMounted(filepath.Dir(file)) {
			t.Errorf("%s is in no volume", file)
		}
	}
	if !pod.isMounted(c.DataDir) {
		t.Errorf("%s is in no volume, and the root is read-only", c.DataDir)
	}
	k := document[kustomization](t, "kustomization.yaml")
	if len(k.Generators) != 1 || !slices.Equal(k.Generators[0].Files, []string{"azattest.yaml"}) || k.Generators[0].Name != pod.Volumes[0].ConfigMap.Name {
		t.Errorf("generators %+v, pods mount %+v", k.Generators, pod.Volumes[0])
	}
	if want := filepath.Join(pod.Containers[0].VolumeMounts[0].MountPath, "azattest.yaml"); !slices.Contains(pod.Containers[0].Args, want) {
		t.Errorf("arguments %v, the configuration is %s", pod.Containers[0].Args, want)
	}
}
