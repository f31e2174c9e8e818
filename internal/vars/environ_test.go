package vars_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/vars"
)

func TestBaseEnv(t *testing.T) {
	environ := []string{
		"PATH=/bin", "HOME=/h", "LC_ALL=C", "XDG_RUNTIME_DIR=/r", "https_proxy=p", "HTTPS_PROXY=P", "AWS_KEY=k",
		"path=x", "SystemRoot=C:\\W", "ProgramFiles(x86)=C:\\P", "=C:=C:\\", "LC=1", "SSL_CERT_FILE=f", "NOVALUE", "GATEWAY_RULES=x",
	}
	linux := []string{"HOME=/h", "HTTPS_PROXY=P", "LC_ALL=C", "PATH=/bin", "SSL_CERT_FILE=f", "XDG_RUNTIME_DIR=/r", "https_proxy=p"}
	if diff := cmp.Diff(linux, vars.BaseEnv(environ, "linux")); diff != "" {
		t.Error(diff)
	}
	windows := slices.Sorted(slices.Values(append([]string{"path=x", "SystemRoot=C:\\W", "ProgramFiles(x86)=C:\\P"}, linux...)))
	if diff := cmp.Diff(windows, vars.BaseEnv(environ, "windows")); diff != "" {
		t.Error(diff)
	}
}
