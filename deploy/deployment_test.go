package deploy_test

import (
	"slices"
	"strconv"
	"testing"
)

type (
	deployment struct {
		head `yaml:",inline"`
		Spec struct {
			Replicas             int           `yaml:"replicas"`
			RevisionHistoryLimit int           `yaml:"revisionHistoryLimit"`
			Selector             labelSelector `yaml:"selector"`
			Strategy             struct {
				Type          string `yaml:"type"`
				RollingUpdate struct {
					MaxUnavailable int `yaml:"maxUnavailable"`
					MaxSurge       int `yaml:"maxSurge"`
				} `yaml:"rollingUpdate"`
			} `yaml:"strategy"`
			Template struct {
				Metadata struct {
					Labels map[string]string `yaml:"labels"`
				} `yaml:"metadata"`
				Spec podSpec `yaml:"spec"`
			} `yaml:"template"`
		} `yaml:"spec"`
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
func (d *deployment) port(name string) (string, bool) {
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return strconv.Itoa(p.ContainerPort), true
			}
		}
	}
	return "", false
}

func (p *podSpec) isMounted(folder string) bool {
	for _, c := range p.Containers {
		for _, m := range c.VolumeMounts {
			if m.MountPath == folder {
				return true
			}
		}
	}
	return false
}

func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	pod := document[deployment](t, "deployment.yaml").Spec.Template.Spec
	if s := pod.SecurityContext; !s.RunAsNonRoot || s.RunAsUser == 0 || s.RunAsGroup == 0 || s.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("security context of the pod: %+v", s)
	}
	if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
		t.Error("other services reach the environment, which configures the service")
	}
	if len(pod.Containers) != 1 {
		t.Fatalf("%d containers, want one", len(pod.Containers))
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Privileged == nil || *s.Privileged || !s.ReadOnlyRootFilesystem {
			t.Errorf("security context of %s: %+v", c.Name, s)
		}
		if !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || len(s.Capabilities.Add) > 0 {
			t.Errorf("capabilities of %s: %+v", c.Name, s.Capabilities)
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
}

func TestPodsAreWatched(t *testing.T) {
	t.Parallel()
	d := document[deployment](t, "deployment.yaml")
	c := d.Spec.Template.Spec.Containers[0]
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
}

func TestPodsDoNotFallTogether(t *testing.T) {
	t.Parallel()
	d := document[deployment](t, "deployment.yaml")
	if d.Spec.Replicas < 2 {
		t.Errorf("%d replicas, want two or more", d.Spec.Replicas)
	}
	if s := d.Spec.Strategy; s.Type != "RollingUpdate" || s.RollingUpdate.MaxUnavailable != 0 || s.RollingUpdate.MaxSurge < 1 {
		t.Errorf("strategy %+v, want one that takes no pod away before there is another", s)
	}
	labels := d.Spec.Template.Metadata.Labels
	apart := d.Spec.Template.Spec.Affinity.PodAntiAffinity.Preferred
	if len(apart) != 1 || apart[0].PodAffinityTerm.TopologyKey != "kubernetes.io/hostname" ||
		!isSelected(apart[0].PodAffinityTerm.LabelSelector.MatchLabels, labels) || len(apart[0].PodAffinityTerm.LabelSelector.MatchLabels) == 0 {
		t.Errorf("anti-affinity %+v", apart)
	}
	for _, c := range d.Spec.Template.Spec.TopologySpreadConstraints {
		if len(c.LabelSelector.MatchLabels) == 0 || !isSelected(c.LabelSelector.MatchLabels, labels) {
			t.Errorf("spread of %v, the pods have %v", c.LabelSelector.MatchLabels, labels)
		}
	}
}
