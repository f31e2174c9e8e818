package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// certificate is what the manifests of a fleet use of cert-manager's kinds.
type certificate struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		SecretName string   `json:"secretName"`
		DNSNames   []string `json:"dnsNames"`
		Usages     []string `json:"usages"`
		IssuerRef  struct {
			Name string `json:"name"`
		} `json:"issuerRef"`
	} `json:"spec"`
}

// fleetManifests are the documents of fleet.yaml, by kind and name.
type fleetManifests struct {
	certificates map[string]certificate
	issuers      map[string]bool
	gateways     apps.Deployment
	etcd         apps.StatefulSet
	apply        batch.Job
	files        core.ConfigMap
	services     map[string]core.Service
	budgets      map[string]policy.PodDisruptionBudget
	fences       map[string]networking.NetworkPolicy
}

func readFleet(t *testing.T) fleetManifests {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "kubernetes", "fleet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	m := fleetManifests{
		certificates: map[string]certificate{}, issuers: map[string]bool{}, services: map[string]core.Service{},
		budgets: map[string]policy.PodDisruptionBudget{}, fences: map[string]networking.NetworkPolicy{},
	}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var head struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			t.Fatal(err)
		}
		if err := m.take(head.Kind, head.Metadata.Name, []byte(document)); err != nil {
			t.Errorf("%s %s: got %v, want what the API knows", head.Kind, head.Metadata.Name, err)
		}
	}
	return m
}

func (m *fleetManifests) take(kind, name string, document []byte) error {
	switch kind {
	case "Deployment":
		return yaml.UnmarshalStrict(document, &m.gateways)
	case "StatefulSet":
		return yaml.UnmarshalStrict(document, &m.etcd)
	case "Job":
		return yaml.UnmarshalStrict(document, &m.apply)
	case "ConfigMap":
		return yaml.UnmarshalStrict(document, &m.files)
	case "Service":
		return into(m.services, name, document)
	case "PodDisruptionBudget":
		return into(m.budgets, name, document)
	case "NetworkPolicy":
		return into(m.fences, name, document)
	case "Issuer":
		m.issuers[name] = true
		return nil
	default:
		var c certificate
		err := yaml.Unmarshal(document, &c)
		m.certificates[name] = c
		return err
	}
}

func into[V any](m map[string]V, name string, document []byte) error {
	var v V
	err := yaml.UnmarshalStrict(document, &v)
	m[name] = v
	return err
}

// A gateway that is replaced must leave before another goes, and all must be able to
// reach each other and etcd, and nobody else etcd.
func TestFleetManifests_fitTheAPIAndEachOther(t *testing.T) {
	m := readFleet(t)
	rolling := m.gateways.Spec.Strategy.RollingUpdate
	if rolling == nil || rolling.MaxSurge.IntValue() != 1 || rolling.MaxUnavailable.IntValue() != 0 {
		t.Errorf("got the strategy %+v, want one more at a time and none less", rolling)
	}
	for name, labels := range map[string]map[string]string{"gatehouse": m.gateways.Spec.Template.Labels, "gatehouse-etcd": m.etcd.Spec.Template.Labels} {
		for what, selector := range map[string]map[string]string{
			"service": m.services[name].Spec.Selector, "budget": m.budgets[name].Spec.Selector.MatchLabels, "fence": m.fences[name].Spec.PodSelector.MatchLabels,
		} {
			if len(selector) == 0 || selector["app.kubernetes.io/name"] != labels["app.kubernetes.io/name"] {
				t.Errorf("got %v for the %s %s, want the labels %v", selector, what, name, labels)
			}
		}
	}
	if affinity := m.services["gatehouse"].Spec.SessionAffinity; affinity != "" && affinity != core.ServiceAffinityNone {
		t.Errorf("got the affinity %s, want none", affinity)
	}
	wantSecrets(t, m, m.gateways.Spec.Template.Spec)
	wantSecrets(t, m, m.etcd.Spec.Template.Spec)
	wantSecrets(t, m, m.apply.Spec.Template.Spec)
}

// wantSecrets fails unless each secret that a pod cannot do without is made by a
// certificate, and each volume there that is mounted.
func wantSecrets(t *testing.T, m fleetManifests, pod core.PodSpec) {
	t.Helper()
	volumes := map[string]bool{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = true
		if v.Secret == nil {
			continue
		}
		made := false
		for _, c := range m.certificates {
			made = made || c.Spec.SecretName == v.Secret.SecretName && m.issuers[c.Spec.IssuerRef.Name]
		}
		if !made {
			t.Errorf("got no certificate that makes the secret %s, want one with an issuer that is there", v.Secret.SecretName)
		}
	}
	for _, claim := range m.etcd.Spec.VolumeClaimTemplates {
		volumes[claim.Name] = true
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if !volumes[mount.Name] {
			t.Errorf("got no volume %s, want one for %s", mount.Name, mount.MountPath)
		}
	}
	if s := pod.Containers[0].SecurityContext; s == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("got %+v, want a root that is read only, no privileges, and not the user root", s)
	}
}

// The certificate of gateways must be one that they let in, and the time to leave one
// that Kubernetes allows.
func TestFleetManifests_areThoseOfAFleet(t *testing.T) {
	m := readFleet(t)
	c := m.gateways.Spec.Template.Spec.Containers[0]
	values := map[string]string{}
	for _, v := range c.Env {
		values[v.Name] = v.Value
	}
	peer := m.certificates["gatehouse-fleet-peer"].Spec
	if !slices.Contains(peer.DNSNames, values["GATEWAY_FLEET"]) || !slices.Contains(peer.Usages, "server auth") || !slices.Contains(peer.Usages, "client auth") {
		t.Errorf("got a certificate for %v with %v, want the fleet's name %q and both usages", peer.DNSNames, peer.Usages, values["GATEWAY_FLEET"])
	}
	for member := range strings.SplitSeq(values["GATEWAY_FLEET_STORE"], ",") {
		if !strings.HasPrefix(member, "https://gatehouse-etcd-") {
			t.Errorf("got the member %q, want one of the manifests', with TLS", member)
		}
	}
	if !slices.Contains(c.Args, "--shutdown-delay=5s") || *m.gateways.Spec.Template.Spec.TerminationGracePeriodSeconds <= 15 {
		t.Errorf("got %d s of grace and %v, want more than the 5 s of --shutdown-delay and the 10 s of --shutdown-timeout", *m.gateways.Spec.Template.Spec.TerminationGracePeriodSeconds, c.Args)
	}
	if c.ReadinessProbe.HTTPGet.Path != "/readyz" || c.StartupProbe.HTTPGet.Path != "/healthz" {
		t.Errorf("got the probes %+v and %+v, want a gateway without a configuration to live and not to be ready", c.ReadinessProbe, c.StartupProbe)
	}
	command := m.etcd.Spec.Template.Spec.Containers[0].Command
	for _, flag := range []string{"--client-cert-auth", "--auto-compaction-retention=1h", "--peer-client-cert-auth"} {
		if !slices.Contains(command, flag) {
			t.Errorf("got %v, want %s", command, flag)
		}
	}
}
