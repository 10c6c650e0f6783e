package deploy_test

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"testing"
)

type (
	networkPolicy struct {
		head `yaml:",inline"`
		Spec struct {
			PodSelector labelSelector `yaml:"podSelector"`
			PolicyTypes []string      `yaml:"policyTypes"`
			Ingress     []flow        `yaml:"ingress"`
			Egress      []flow        `yaml:"egress"`
		} `yaml:"spec"`
	}
	flow struct {
		From  []peer `yaml:"from"`
		To    []peer `yaml:"to"`
		Ports []struct {
			Port     int    `yaml:"port"`
			Protocol string `yaml:"protocol"`
		} `yaml:"ports"`
	}
	peer struct {
		NamespaceSelector *labelSelector `yaml:"namespaceSelector"`
		PodSelector       *labelSelector `yaml:"podSelector"`
		IPBlock           *struct {
			CIDR   string   `yaml:"cidr"`
			Except []string `yaml:"except"`
		} `yaml:"ipBlock"`
	}
)

func (f *flow) ports() []string {
	var all []string
	for _, p := range f.Ports {
		all = append(all, p.Protocol+" "+strconv.Itoa(p.Port))
	}
	return all
}

func TestNetworkIsClosedButForWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			both := []string{"Ingress", "Egress"}
			all := documents[networkPolicy](t, s, "networkpolicy.yaml")
			if len(all) != 2 {
				t.Fatalf("%d policies, want two", len(all))
			}
			deny, allow := all[0].Spec, all[1].Spec
			if len(deny.PodSelector.MatchLabels) > 0 || !slices.Equal(deny.PolicyTypes, both) || len(deny.Ingress)+len(deny.Egress) > 0 {
				t.Errorf("first policy %+v, want one that denies everything to all pods", deny)
			}
			w := s.workload(t, s)
			if !slices.Equal(allow.PolicyTypes, both) || len(allow.PodSelector.MatchLabels) == 0 || !isSelected(allow.PodSelector.MatchLabels, w.Template.Metadata.Labels) {
				t.Errorf("second policy is for %+v, the pods have %v", allow.PodSelector, w.Template.Metadata.Labels)
			}
			https, _ := w.port("https")
			metrics, _ := w.port("metrics")
			for _, f := range allow.Ingress {
				ports := f.ports()
				switch {
				case slices.Equal(ports, []string{"TCP " + https}):
				case slices.Equal(ports, []string{"TCP " + metrics}) && len(f.From) > 0:
				default:
					t.Errorf("ingress to %v from %v", ports, f.From)
				}
			}
			for _, f := range allow.Egress {
				if len(f.To) == 0 || len(f.Ports) == 0 {
					t.Errorf("egress to everybody or to every port: %+v", f)
				}
			}
		})
	}
}

// Who can make the service fetch a URL must not reach what only machines of this
// network may reach.
func TestEgressToTheWorldIsNotToThisNetwork(t *testing.T) {
	t.Parallel()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			policies := documents[networkPolicy](t, s, "networkpolicy.yaml")
			allows := func(ip string) bool {
				addr := netip.MustParseAddr(ip)
				for _, f := range policies[1].Spec.Egress {
					for _, p := range f.To {
						if p.IPBlock == nil || !netip.MustParsePrefix(p.IPBlock.CIDR).Contains(addr) {
							continue
						}
						if !slices.ContainsFunc(p.IPBlock.Except, func(e string) bool { return netip.MustParsePrefix(e).Contains(addr) }) {
							return true
						}
					}
				}
				return false
			}
			for _, ip := range []string{"10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "fd00::1", "fe80::1"} {
				if allows(ip) {
					t.Errorf("pods reach %s", ip)
				}
			}
			for _, ip := range []string{"20.42.0.1", "2603:1030::1"} {
				if !allows(ip) {
					t.Errorf("pods do not reach %s, where collateral and issuers are", ip)
				}
			}
		})
	}
}

// A vault fetches the keys of the attestation service, which may run beside it.
func TestVaultReachesTheAttestationService(t *testing.T) {
	t.Parallel()
	w := attestationService.workload(t, &attestationService)
	https, _ := w.port("https")
	home := map[string]string{"kubernetes.io/metadata.name": document[namespace](t, &attestationService, "namespace.yaml").Metadata.Name}
	reaches := func(f flow) bool {
		return slices.Equal(f.ports(), []string{"TCP " + https}) && slices.ContainsFunc(f.To, func(p peer) bool {
			return p.NamespaceSelector != nil && maps.Equal(p.NamespaceSelector.MatchLabels, home) &&
				p.PodSelector != nil && isSelected(p.PodSelector.MatchLabels, w.Template.Metadata.Labels)
		})
	}
	if egress := documents[networkPolicy](t, &keyReleaseServer, "networkpolicy.yaml")[1].Spec.Egress; !slices.ContainsFunc(egress, reaches) {
		t.Errorf("egress %+v, want one to port %s in the namespace %v", egress, https, home)
	}
}
