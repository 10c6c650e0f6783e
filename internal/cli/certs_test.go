package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/azattest/azattest/azattestation"
)

// Certificates are added and removed by who is among them already.
func TestPolicyCertificatesOfAnIsolatedInstance(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	first, second := newPolicySigner(t, "first"), newPolicySigner(t, "second")
	i.certificates = append(i.certificates, first.certificate)

	added := wantDone[changedCertificate](t, i.run(t, "", append([]string{"certs", "add", second.certificateFile, "--json"}, first.flags()...)...))
	if added.Result != azattestation.CertificateModificationIsPresent || added.Thumbprint != azattestation.Thumbprint(second.certificate) || added.Subject != "CN=second" {
		t.Errorf("add: %+v", added)
	}
	list := wantDone[listedCertificates](t, i.run(t, "", "certs", "list", "--json"))
	if len(list.Certificates) != 2 || list.Certificates[1].Subject != "CN=second" || list.Certificates[1].Key != "ECDSA P-256" {
		t.Errorf("list: %+v", list)
	}
	// What the list shows can be given back.
	file := inFile(t, "listed.pem", list.Certificates[0].Certificate)
	removed := wantDone[changedCertificate](t, i.run(t, "", append([]string{"certs", "remove", file, "--json"}, second.flags()...)...))
	if removed.Result != azattestation.CertificateModificationIsAbsent || removed.Thumbprint != azattestation.Thumbprint(first.certificate) {
		t.Errorf("remove: %+v", removed)
	}
	got := i.run(t, "", "certs", "list")
	if got.code != exitDone || !strings.Contains(got.stdout, "CN=second") || strings.Contains(got.stdout, "CN=first") {
		t.Errorf("list: %+v", got)
	}
	got = i.run(t, "", append([]string{"certs", "add", second.certificateFile}, second.flags()...)...)
	if got.code != exitDone || !strings.Contains(got.stdout, "IsPresent") || !strings.Contains(got.stdout, azattestation.Thumbprint(second.certificate)) {
		t.Errorf("add again: %+v", got)
	}
	// The first signs no more.
	wantFault(t, i.run(t, "", append([]string{"certs", "add", first.certificateFile}, first.flags()...)...), exitRefused, "InvalidOperation")
}

func TestOnlyIsolatedInstancesHavePolicyCertificates(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	signer := newPolicySigner(t, "somebody")
	if got := i.run(t, "", "certs", "list"); got.code != exitDone || !strings.Contains(got.stdout, "not in isolated mode") {
		t.Errorf("list: %+v", got)
	}
	if got := i.run(t, "", "certs", "list", "--json"); !strings.Contains(got.stdout, `"certificates": []`) {
		t.Errorf("list --json: %s", got.stdout)
	}
	for _, change := range []string{"add", "remove"} {
		wantFault(t, i.run(t, "", append([]string{"certs", change, signer.certificateFile}, signer.flags()...)...),
			exitRefused, "The operation is disallowed", "hint: only an instance in isolated mode")
	}
}

// Keys and certificates that cannot be used are found before anything is sent,
// and no error shows a key.
func TestBadKeysAndCertificates(t *testing.T) {
	t.Parallel()
	i := startInstance(t, testTime)
	one, two := newPolicySigner(t, "one"), newPolicySigner(t, "two")
	key, err := os.ReadFile(one.keyFile)
	if err != nil {
		t.Fatal(err)
	}
	both := inFile(t, "both.pem", certificatePEM(one.certificate)+certificatePEM(two.certificate))
	for name, test := range map[string]struct {
		file  string
		flags []string
		code  int
		want  string
	}{
		"no key":                  {one.certificateFile, nil, exitUsage, "--signing-key and --signing-cert are missing"},
		"half a key":              {one.certificateFile, []string{"--signing-key", one.keyFile}, exitUsage, "go together"},
		"key of another":          {one.certificateFile, []string{"--signing-key", one.keyFile, "--signing-cert", two.certificateFile}, exitFailed, "signing key"},
		"no PEM":                  {one.certificateFile, []string{"--signing-key", inFile(t, "k.pem", "nonsense"), "--signing-cert", one.certificateFile}, exitFailed, ": --signing-key and --signing-cert: want "},
		"a key for a certificate": {one.keyFile, one.flags(), exitFailed, "no PEM block of type CERTIFICATE"},
		"two certificates":        {both, one.flags(), exitFailed, "2 certificates, want one"},
		"no file":                 {"missing.pem", one.flags(), exitFailed, "missing.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := i.run(t, "", append([]string{"certs", "add", test.file}, test.flags...)...)
			wantFault(t, got, test.code, test.want)
			for line := range strings.Lines(string(key)) {
				if strings.Contains(got.stderr, strings.TrimSpace(line)) {
					t.Errorf("stderr %q shows the key", got.stderr)
				}
			}
		})
	}
}
