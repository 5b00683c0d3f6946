package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/yaml"

	"github.com/attache-dev/attache/charts"
	"github.com/attache-dev/attache/test/controlplane"
	"github.com/attache-dev/attache/test/eventually"
)

var update = flag.Bool("update", false, "write the transcripts of testdata/log anew; read the difference")

// step is a folder of one file of testdata/log: what somebody who was new met, and
// what they meet now. Its prose says both; its sections are
//
//	setup.yaml   objects that are there before; a namespace is made for each
//	users        a line for each user: name, role of the chart, namespace if it is for one
//	NAME.yaml    files
//	a command    with what it prints; "! " is standard error. "dana: " before it is
//	             who types it
type step struct {
	testing.TB
	*site
	folder string
	users  map[string]controlplane.User
}

// TestTheLogOfANewUser repeats what stopped or misled new users, on a real API server with the
// chart's webhooks, controller and rights.
func TestTheLogOfANewUser(t *testing.T) {
	files, err := filepath.Glob("testdata/log/*.txtar")
	if err != nil || len(files) != 18 {
		t.Fatalf("%d files, want 6 of what was wrong and 12 of what misled: %v", len(files), err)
	}
	s := startSite(t, nil)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { s.replay(t, file) })
	}
	t.Run("s2-14-the-line-of-the-log", s.saysWhatToGrant)
	t.Run("s2-19-s2-20-the-front-page", frontPage)
}

// saysWhatToGrant: that the status of a kind may not be written was said once.
func (s *site) saysWhatToGrant(t *testing.T) {
	var lines []string
	within(t, time.Minute, "the line of the log", func(context.Context) error {
		lines = nil
		for line := range strings.Lines(s.controller.log.String()) {
			told := strings.Contains(line, "write the status") || strings.Contains(line, "Reconciler error")
			if told && strings.Contains(line, "ulkhead") {
				lines = append(lines, line)
			}
		}
		if len(lines) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	if len(lines) != 1 || !strings.Contains(lines[0], "give the service account update on it") || !strings.Contains(lines[0], "bulkheadpolicies.example.com/status") {
		t.Errorf("want one line that says what to grant, got:\n%s", strings.Join(lines, ""))
	}
}

// frontPage: README began with helm install, although there is no image, and did not
// say that nothing changes traffic by itself.
func frontPage(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(text)), " ")
	at := -1
	for _, sentence := range []string{
		"**Does it change traffic? Not before you say so.**", "computes, explains and refuses", "Switch on an [exporter]",
		"There are no published images or releases yet: [build and push an image](docs/install.md) first", "helm install attache",
	} {
		i := strings.Index(page, sentence)
		if i <= at {
			t.Errorf("%q is at %d, want it after %d", sentence, i, at)
		}
		at = i
	}
}

// replay does the commands of one file in their order.
func (s *site) replay(t *testing.T, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := &step{TB: t, site: s, folder: t.TempDir(), users: map[string]controlplane.User{}}
	p.roles()
	var commands []*txtar.File
	for i := range archive.Files {
		switch section := &archive.Files[i]; {
		case section.Name == "users":
			p.addUsers(string(section.Data))
		case isFile.MatchString(section.Name):
			p.write(section)
		default:
			commands = append(commands, section)
		}
	}
	defer p.tidy()
	for _, c := range commands {
		got := p.types(c.Name, string(c.Data))
		if *update {
			c.Data = []byte(got)
			continue
		}
		if diff := cmp.Diff(string(c.Data), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// isFile recognises sections that are files.
var isFile = regexp.MustCompile(`^[\w./-]+\.(yaml|md)$`)

// write puts a file into the folder, and what is there before onto the cluster.
func (p *step) write(section *txtar.File) {
	p.Helper()
	path := filepath.Join(p.folder, section.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(path, section.Data, 0o600); err != nil {
		p.Fatal(err)
	}
	if section.Name != "setup.yaml" {
		return
	}
	for _, u := range p.objects(section.Data) {
		if ns := u.namespace; ns != "" && ns != "infra" && u.kind != "Namespace" {
			p.admin.apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + ns + "}}")
		}
	}
	within(p.TB, time.Minute, "what is there before to be applied", func(context.Context) error { // a kind is served a moment after its CRD is there
		said, err := p.kubectl(string(section.Data), "apply", "-f", "-")
		if err != nil {
			return errors.New(said)
		}
		return nil
	})
	for _, u := range p.objects(section.Data) {
		if u.kind == "HTTPRoute" {
			p.known(u)
		}
	}
}

// namedObject is an object of a file.
type namedObject struct{ kind, namespace, name string }

func (p *step) objects(data []byte) []namedObject {
	p.Helper()
	var list []namedObject
	for _, document := range strings.Split("\n"+string(data), "\n---") {
		var u struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		if err := yaml.Unmarshal([]byte(document), &u); err != nil {
			p.Fatal(err)
		}
		if u.Kind != "" {
			list = append(list, namedObject{u.Kind, u.Metadata.Namespace, u.Metadata.Name})
		}
	}
	return list
}

// known waits until the webhooks know a route.
func (p *step) known(route namedObject) {
	p.Helper()
	probe := policyOn(route.namespace, "probe", "kind: HTTPRoute, name: "+route.name, "default: {idle: 1h}")
	within(p.TB, patience, "the webhooks to know HTTPRoute "+route.name, func(context.Context) error {
		said, err := p.kubectl(probe, dry("create", "-f", "-")...)
		if err != nil || strings.Contains(said, "does not exist") {
			return errors.New(said)
		}
		return nil
	})
}

// tidy removes what the files made, guardrails first.
func (p *step) tidy() {
	p.Helper()
	if text, err := os.ReadFile(filepath.Join(p.folder, "setup.yaml")); err == nil {
		for _, u := range p.objects(text) {
			if u.kind == "CustomResourceDefinition" {
				if said, err := p.kubectl("", "delete", "crd", u.name, "--wait=false"); err != nil {
					p.Errorf("%v: %s", err, said)
				}
			}
		}
	}
	for _, kinds := range []string{"policyguardrails", "timeoutpolicies,retrypolicies,ratelimitpolicies", "httproutes"} {
		if said, err := p.kubectl("", "delete", kinds, "-A", "--all", "--wait=false"); err != nil && !strings.Contains(said, "--all") {
			p.Errorf("%v: %s", err, said)
		}
	}
}

// roles writes the ClusterRoles of the chart to a file.
func (p *step) roles() {
	p.Helper()
	objects, err := charts.Render(charts.Release{})
	if err != nil {
		p.Fatal(err)
	}
	var text bytes.Buffer
	for _, u := range objects {
		if u.GetKind() == "ClusterRole" && strings.Contains(u.GetName(), "reader") {
			document, err := yaml.Marshal(u.Object)
			if err != nil {
				p.Fatal(err)
			}
			fmt.Fprintf(&text, "---\n%s", document)
		}
	}
	if err := os.WriteFile(filepath.Join(p.folder, "chart.yaml"), text.Bytes(), 0o600); err != nil {
		p.Fatal(err)
	}
}

func (p *step) addUsers(lines string) {
	p.Helper()
	for line := range strings.Lines(lines) {
		words := append(strings.Fields(line), "") // without a namespace, everywhere
		p.users[words[0]] = p.reader(words[0], words[1], words[2])
	}
}

// settled is how long an answer has to be the same to be written with -update.
const settled = 3 * time.Second

// types does one command. What is only read, or only tried, is asked until the answer
// is the one that is wanted: what was written a moment ago is not known to all yet.
// What writes is tried first.
func (p *step) types(line, want string) string {
	p.Helper()
	var got string
	writes := strings.HasPrefix(line, "kubectl ") && !strings.Contains(line, "--dry-run") &&
		slices.Contains([]string{"apply", "create", "delete", "replace"}, strings.Fields(line)[1])
	tried := line
	if writes {
		tried += " --dry-run=server"
	}
	begin := time.Now()
	_ = eventually.Try(p.Context(), time.Minute, func(context.Context) error { // what it said last is what is reported
		before := got
		if got = strings.ReplaceAll(p.run(tried), " (server dry run)", ""); got == want || *update && got == before && time.Since(begin) > settled {
			return nil
		}
		return errors.New("something else")
	})
	if writes && (got == want || *update) {
		got = p.run(line)
	}
	return got
}

// run runs a command line, and returns what a person would have seen.
func (p *step) run(line string) string {
	p.Helper()
	user := controlplane.User{Config: p.plane.Config, Kubeconfig: p.plane.Kubeconfig}
	if name, rest, found := strings.Cut(line, ": "); found && p.users[name].Kubeconfig != "" {
		user, line = p.users[name], rest
	}
	words := shellWords(line)
	var out, errOut string
	code := 0
	if rest, isPlugin := strings.CutPrefix(line, "kubectl effective-policy "); isPlugin {
		out, errOut, code = plugin(p.Context(), user, p.inFolder(shellWords(rest))...)
	} else {
		cmd := p.plane.Kubectl(p.Context(), append(words[1:], "--kubeconfig", user.Kubeconfig)...)
		cmd.Dir = p.folder
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			code = 1
		}
		out, errOut = stdout.String(), stderr.String()
	}
	var b strings.Builder
	b.WriteString(out)
	if out != "" && !strings.HasSuffix(out, "\n") {
		b.WriteString("\n")
	}
	for line := range strings.Lines(errOut) {
		b.WriteString("! " + strings.TrimSuffix(line, "\n") + "\n")
	}
	if code != 0 {
		fmt.Fprintf(&b, "exit %d\n", code)
	}
	return strings.ReplaceAll(b.String(), p.folder+"/", "")
}

// inFolder has the files of a command in the folder; those of the repository keep
// their names.
func (p *step) inFolder(words []string) []string {
	for i := 1; i < len(words); i++ {
		switch file := words[i]; {
		case !slices.Contains([]string{"-f", "--base", "--guardrail"}, words[i-1]):
		case strings.HasPrefix(file, "examples/"):
			words[i] = "../../" + file
		default:
			words[i] = filepath.Join(p.folder, file)
		}
	}
	return words
}

// shellWords splits a command line at spaces, except between single quotes.
func shellWords(line string) []string {
	var list []string
	parts := strings.Split(line, "'")
	for i, part := range parts {
		switch {
		case i%2 == 0:
			list = append(list, strings.Fields(part)...)
		case strings.HasSuffix(parts[i-1], " "):
			list = append(list, part)
		default:
			list[len(list)-1] += part
		}
	}
	return list
}
