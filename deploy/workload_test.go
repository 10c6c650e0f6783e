package deploy_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

type (
	// workload is what keeps pods running, of whatever kind it is.
	workload struct {
		Replicas             int           `yaml:"replicas"`
		RevisionHistoryLimit int           `yaml:"revisionHistoryLimit"`
		Selector             labelSelector `yaml:"selector"`
		Template             struct {
			Metadata struct {
				Labels map[string]string `yaml:"labels"`
			} `yaml:"metadata"`
			Spec podSpec `yaml:"spec"`
		} `yaml:"template"`

		// claims are the volumes that outlive a pod; each pod has its own.
		claims []string
	}
	podSpec struct {
		ServiceAccountName            string `yaml:"serviceAccountName"`
		AutoMount                     *bool  `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool `yaml:"runAsNonRoot"`
			RunAsUser      int  `yaml:"runAsUser"`
			RunAsGroup     int  `yaml:"runAsGroup"`
			FSGroup        int  `yaml:"fsGroup"`
			SeccompProfile struct {
				Type string `yaml:"type"`
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		Affinity struct {
			PodAntiAffinity struct {
				Preferred []struct {
					Weight          int `yaml:"weight"`
					PodAffinityTerm struct {
						TopologyKey   string        `yaml:"topologyKey"`
						LabelSelector labelSelector `yaml:"labelSelector"`
					} `yaml:"podAffinityTerm"`
				} `yaml:"preferredDuringSchedulingIgnoredDuringExecution"`
			} `yaml:"podAntiAffinity"`
		} `yaml:"affinity"`
		TopologySpreadConstraints []struct {
			MaxSkew           int           `yaml:"maxSkew"`
			TopologyKey       string        `yaml:"topologyKey"`
			WhenUnsatisfiable string        `yaml:"whenUnsatisfiable"`
			LabelSelector     labelSelector `yaml:"labelSelector"`
		} `yaml:"topologySpreadConstraints"`
		Containers []container `yaml:"containers"`
		Volumes    []volume    `yaml:"volumes"`
	}
	container struct {
		Name            string   `yaml:"name"`
		Image           string   `yaml:"image"`
		ImagePullPolicy string   `yaml:"imagePullPolicy"`
		Args            []string `yaml:"args"`
		Env             []struct {
			Name  string `yaml:"name"`
			Value string `yaml:"value"`
		} `yaml:"env"`
		Ports []struct {
			Name          string `yaml:"name"`
			ContainerPort int    `yaml:"containerPort"`
			Protocol      string `yaml:"protocol"`
		} `yaml:"ports"`
		SecurityContext struct {
			Privileged               *bool `yaml:"privileged"`
			AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
			Capabilities             struct {
				Drop []string `yaml:"drop"`
				Add  []string `yaml:"add"`
			} `yaml:"capabilities"`
		} `yaml:"securityContext"`
		Resources struct {
			Requests map[string]string `yaml:"requests"`
			Limits   map[string]string `yaml:"limits"`
		} `yaml:"resources"`
		StartupProbe   *probe `yaml:"startupProbe"`
		ReadinessProbe *probe `yaml:"readinessProbe"`
		LivenessProbe  *probe `yaml:"livenessProbe"`
		VolumeMounts   []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	probe struct {
		HTTPGet struct {
			Path   string `yaml:"path"`
			Port   string `yaml:"port"`
			Scheme string `yaml:"scheme"`
		} `yaml:"httpGet"`
		PeriodSeconds    int `yaml:"periodSeconds"`
		TimeoutSeconds   int `yaml:"timeoutSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}
	volume struct {
		Name      string `yaml:"name"`
		ConfigMap struct {
			Name string `yaml:"name"`
		} `yaml:"configMap"`
		Secret struct {
			SecretName  string `yaml:"secretName"`
			DefaultMode int    `yaml:"defaultMode"`
		} `yaml:"secret"`
		EmptyDir *struct {
			SizeLimit string `yaml:"sizeLimit"`
		} `yaml:"emptyDir"`
	}
)

// port returns the number of a named port of the pods.
func (w *workload) port(name string) (string, bool) {
	for _, c := range w.Template.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return strconv.Itoa(p.ContainerPort), true
			}
		}
	}
	return "", false
}

// volumeOf returns the name of the volume in which a file is, "" if it is in none.
func (p *podSpec) volumeOf(file string) string {
	for _, c := range p.Containers {
		for _, m := range c.VolumeMounts {
			if file == m.MountPath || strings.HasPrefix(file, m.MountPath+"/") {
				return m.Name
			}
		}
	}
	return ""
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			pod := s.workload(t, s).Template.Spec
			if may := pod.SecurityContext; !may.RunAsNonRoot || may.RunAsUser == 0 || may.RunAsGroup == 0 || may.FSGroup != may.RunAsGroup || may.SeccompProfile.Type != "RuntimeDefault" {
				t.Errorf("security context of the pod: %+v", may)
			}
			if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
				t.Error("other services reach the environment, which configures the service")
			}
			if len(pod.Containers) != 1 {
				t.Fatalf("%d containers, want one", len(pod.Containers))
			}
			for _, c := range pod.Containers {
				may := c.SecurityContext
				if may.AllowPrivilegeEscalation == nil || *may.AllowPrivilegeEscalation || may.Privileged == nil || *may.Privileged || !may.ReadOnlyRootFilesystem {
					t.Errorf("security context of %s: %+v", c.Name, may)
				}
				if !slices.Equal(may.Capabilities.Drop, []string{"ALL"}) || len(may.Capabilities.Add) > 0 {
					t.Errorf("capabilities of %s: %+v", c.Name, may.Capabilities)
				}
				for _, what := range []string{"cpu", "memory"} {
					if c.Resources.Requests[what] == "" || c.Resources.Limits[what] == "" {
						t.Errorf("%s has no request or no limit of %s", c.Name, what)
					}
				}
				for _, m := range c.VolumeMounts {
					if !m.ReadOnly && m.Name != "data" {
						t.Errorf("%s can write into %s", c.Name, m.Name)
					}
				}
			}
			for _, v := range pod.Volumes {
				if v.Secret.SecretName != "" && v.Secret.DefaultMode != 0o440 {
					t.Errorf("secret %s has mode %o, want 440", v.Secret.SecretName, v.Secret.DefaultMode)
				}
				if v.EmptyDir != nil && v.EmptyDir.SizeLimit == "" {
					t.Errorf("volume %s may fill the disk of the node", v.Name)
				}
			}
		})
	}
}

func TestPodsAreWatched(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := s.workload(t, s).Template.Spec.Containers[0]
			for name, one := range map[string]struct {
				probe *probe
				path  string
			}{"startup": {c.StartupProbe, "/healthz"}, "readiness": {c.ReadinessProbe, "/readyz"}, "liveness": {c.LivenessProbe, "/healthz"}} {
				if one.probe == nil {
					t.Errorf("no %s probe", name)
					continue
				}
				if g := one.probe.HTTPGet; g.Path != one.path || g.Scheme != "HTTPS" || g.Port != "https" || one.probe.PeriodSeconds < 1 || one.probe.FailureThreshold < 1 {
					t.Errorf("%s probe: %+v", name, *one.probe)
				}
			}
		})
	}
}

func TestPodsDoNotFallTogether(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := s.workload(t, s)
			if w.Replicas < 2 {
				t.Errorf("%d replicas, want two or more", w.Replicas)
			}
			labels := w.Template.Metadata.Labels
			apart := w.Template.Spec.Affinity.PodAntiAffinity.Preferred
			if len(apart) != 1 || apart[0].PodAffinityTerm.TopologyKey != "kubernetes.io/hostname" ||
				!isSelected(apart[0].PodAffinityTerm.LabelSelector.MatchLabels, labels) || len(apart[0].PodAffinityTerm.LabelSelector.MatchLabels) == 0 {
				t.Errorf("anti-affinity %+v", apart)
			}
			for _, c := range w.Template.Spec.TopologySpreadConstraints {
				if len(c.LabelSelector.MatchLabels) == 0 || !isSelected(c.LabelSelector.MatchLabels, labels) {
					t.Errorf("spread of %v, the pods have %v", c.LabelSelector.MatchLabels, labels)
				}
			}
		})
	}
}

func TestPodsMountWhatThereIs(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := s.workload(t, s)
			there := slices.Clone(w.claims)
			for _, v := range w.Template.Spec.Volumes {
				there = append(there, v.Name)
			}
			var mounted []string
			for _, m := range w.Template.Spec.Containers[0].VolumeMounts {
				mounted = append(mounted, m.Name)
			}
			slices.Sort(there)
			slices.Sort(mounted)
			if !slices.Equal(mounted, there) {
				t.Errorf("pods mount %v, the volumes are %v", mounted, there)
			}
		})
	}
}
