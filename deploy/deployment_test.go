package deploy_test

import (
	"testing"
)

type deployment struct {
	head `yaml:",inline"`
	Spec struct {
		workload `yaml:",inline"`
		Strategy struct {
			Type          string `yaml:"type"`
			RollingUpdate struct {
				MaxUnavailable int `yaml:"maxUnavailable"`
				MaxSurge       int `yaml:"maxSurge"`
			} `yaml:"rollingUpdate"`
		} `yaml:"strategy"`
	} `yaml:"spec"`
}

// deploymentOf reads what keeps pods running that are all alike.
func deploymentOf(t *testing.T, s *server) *workload {
	t.Helper()
	d := document[deployment](t, s, "deployment.yaml")
	return &d.Spec.workload
}

func TestNoPodGoesBeforeThereIsAnother(t *testing.T) {
	t.Parallel()
	d := document[deployment](t, &attestationService, "deployment.yaml")
	if s := d.Spec.Strategy; s.Type != "RollingUpdate" || s.RollingUpdate.MaxUnavailable != 0 || s.RollingUpdate.MaxSurge < 1 {
		t.Errorf("strategy %+v, want one that takes no pod away before there is another", s)
	}
}
