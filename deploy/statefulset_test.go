package deploy_test

import (
	"slices"
	"testing"
)

type (
	statefulSet struct {
		head `yaml:",inline"`
		Spec struct {
			workload            `yaml:",inline"`
			ServiceName         string `yaml:"serviceName"`
			PodManagementPolicy string `yaml:"podManagementPolicy"`
			UpdateStrategy      struct {
				Type string `yaml:"type"`
			} `yaml:"updateStrategy"`
			VolumeClaimTemplates []claim `yaml:"volumeClaimTemplates"`
		} `yaml:"spec"`
	}
	claim struct {
		Metadata struct {
			Name string `yaml:"name"`
		} `yaml:"metadata"`
		Spec struct {
			AccessModes []string `yaml:"accessModes"`
			Resources   struct {
				Requests map[string]string `yaml:"requests"`
			} `yaml:"resources"`
		} `yaml:"spec"`
	}
)

// statefulSetOf reads what keeps pods running of which each has volumes of its own.
func statefulSetOf(t *testing.T, s *server) *workload {
	t.Helper()
	set := document[statefulSet](t, s, "statefulset.yaml")
	w := &set.Spec.workload
	for _, c := range set.Spec.VolumeClaimTemplates {
		w.claims = append(w.claims, c.Metadata.Name)
	}
	return w
}

func TestPodsOfASetGoOneByOneAndComeAtOnce(t *testing.T) {
	t.Parallel()
	set := document[statefulSet](t, &keyReleaseServer, "statefulset.yaml").Spec
	if set.UpdateStrategy.Type != "RollingUpdate" || set.PodManagementPolicy != "Parallel" {
		t.Errorf("updates by %s, pods come by %s", set.UpdateStrategy.Type, set.PodManagementPolicy)
	}
	if want := document[service](t, &keyReleaseServer, "service.yaml").Metadata.Name; set.ServiceName != want {
		t.Errorf("the service of the set is %s, want %s", set.ServiceName, want)
	}
	for _, c := range set.VolumeClaimTemplates {
		if !slices.Equal(c.Spec.AccessModes, []string{"ReadWriteOnce"}) || c.Spec.Resources.Requests["storage"] == "" {
			t.Errorf("claim %+v, want a size, and one node that writes", c)
		}
	}
}

// A trail in the folder of a pod would end with the pod.
func TestTrailOutlivesThePod(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			trail, w := s.podSettings(t).trail, s.workload(t, s)
			if volume := w.Template.Spec.volumeOf(trail); trail != "" && !slices.Contains(w.claims, volume) {
				t.Errorf("the trail %s is in the volume %q, want one of %v", trail, volume, w.claims)
			}
		})
	}
}
