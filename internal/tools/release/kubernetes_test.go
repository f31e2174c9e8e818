package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"
)

// manifests are the documents of deploy/kubernetes, strictly as the API reads them.
type manifests struct {
	files      core.ConfigMap
	deployment apps.Deployment
	service    core.Service
	fence      networking.NetworkPolicy
}

func readManifests(t *testing.T) (m manifests) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "deploy", "kubernetes", "gatehouse.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	into := map[string]any{"ConfigMap": &m.files, "Deployment": &m.deployment, "Service": &m.service, "NetworkPolicy": &m.fence}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var kind struct {
			Kind string `json:"kind"`
		}
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict([]byte(document), into[kind.Kind]); err != nil {
			t.Errorf("%s: got %v, want what the API knows", kind.Kind, err)
		}
		delete(into, kind.Kind)
	}
	if len(into) > 0 {
		t.Errorf("got none of %v, want a document of each", into)
	}
	return m
}

func TestManifests_fitTheAPI_andKeepTheGatewayTight(t *testing.T) {
	m := readManifests(t)
	pod := m.deployment.Spec.Template.Spec
	c := pod.Containers[0]
	s := c.SecurityContext
	if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || pod.SecurityContext == nil || !*pod.SecurityContext.RunAsNonRoot {
		t.Errorf("got %+v, want a root that is read only, no privileges, and not the user root", s)
	}
	for name, probe := range map[string]*core.Probe{"/readyz": c.ReadinessProbe, "/healthz": c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != name {
			t.Errorf("got the probe %+v, want %s", probe, name)
		}
	}
	labels := m.deployment.Spec.Template.Labels
	for _, selector := range []map[string]string{m.deployment.Spec.Selector.MatchLabels, m.service.Spec.Selector, m.fence.Spec.PodSelector.MatchLabels} {
		for key, value := range selector {
			if labels[key] != value {
				t.Errorf("got the selector %v, want one that the pod %v fits", selector, labels)
			}
		}
	}
	mounted := map[string]bool{}
	for _, v := range pod.Volumes {
		mounted[v.Name] = true
	}
	for _, mount := range c.VolumeMounts {
		if !mounted[mount.Name] {
			t.Errorf("got no volume %s, want one for %s", mount.Name, mount.MountPath)
		}
	}
}
