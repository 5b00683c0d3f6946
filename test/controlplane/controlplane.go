package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Start limits each step by this, unless Options say otherwise. It is long,
// because a control plane on a busy machine of two cores can need a minute.
const defaultStartTimeout = 2 * time.Minute

// Stop gives killed processes this long to be gone.
const stopTimeout = 20 * time.Second

// Options say what a control plane has when [Start] returns. The zero value is a
// bare API server.
type Options struct {
	// CRDs are files, or folders of files, with CustomResourceDefinitions. Other
	// objects in them are left out.
	CRDs []string

	// CRDObjects are CustomResourceDefinitions to install as well.
	CRDObjects []*apiextensionsv1.CustomResourceDefinition

	// Manifests are files or folders with objects of any kind, written when the
	// CRDs are established: see [ControlPlane.Apply].
	Manifests []string

	// Webhooks are webhook configurations to install. envtest points those that
	// name a service to a port of this machine: see
	// [ControlPlane.WebhookServing], which works without any configuration too.
	Webhooks envtest.WebhookInstallOptions

	// APIServerFlags are flags of kube-apiserver, without the dashes, and their
	// values, instead of envtest's defaults for the same flags.
	APIServerFlags map[string][]string

	// ControllerManager starts kube-controller-manager as well, with only the
	// controllers that collect garbage, that empty deleted namespaces, and that
	// put ClusterRoles together by their aggregation rules. Without it, owned
	// objects stay when their owner goes, deleted namespaces stay Terminating, and
	// the ClusterRoles view, edit and admin give no rights.
	ControllerManager bool

	// LogFolder keeps the logs of all processes, in files with their names. If it
	// is empty, they are removed with all else.
	LogFolder string

	// StartTimeout limits each step of the start; two minutes if it is zero.
	StartTimeout time.Duration
}

// ControlPlane is a running control plane.
type ControlPlane struct {
	// Config connects as an administrator, without client-side rate limits.
	Config *rest.Config

	// Kubeconfig is the path of a kubeconfig file of the same administrator.
	Kubeconfig string

	// Assets is the folder with the programs.
	Assets string

	options     Options
	environment *envtest.Environment
	folder      string // everything below is temporary
	watchdog    *watchdog
	controllers *controllerManager

	stop    sync.Once
	stopped error
}

// Start prepares the programs ([Assets]), starts a control plane, installs what
// the options name, and returns when all of it is ready: CRDs are established
// and served. When it fails, nothing is left running, and if a process failed, the
// error has the last lines of its log.
//
// The context is for starting only: who got a ControlPlane must call Stop.
func Start(ctx context.Context, options Options) (*ControlPlane, error) {
	if options.StartTimeout == 0 {
		options.StartTimeout = defaultStartTimeout
	}
	find := Assets
	if options.ControllerManager {
		find = assetsWithControllerManager
	}
	programs, err := find(ctx)
	if err != nil {
		return nil, err
	}
	plane := &ControlPlane{Assets: programs, options: options}
	if err := plane.start(ctx); err != nil {
		return nil, fmt.Errorf("starting a control plane: %w", errors.Join(err, plane.Stop()))
	}
	return plane, nil
}

func (c *ControlPlane) start(ctx context.Context) error {
	var err error
	if c.folder, err = os.MkdirTemp("", "attache-controlplane-"); err != nil {
		return err
	}
	if c.watchdog, err = startWatchdog(c.folder); err != nil {
		return err
	}
	if c.options.LogFolder == "" {
		c.options.LogFolder = filepath.Join(c.folder, logsFolder)
	}
	if err := os.MkdirAll(c.options.LogFolder, 0o755); err != nil {
		return err
	}
	if err := c.startEnvironment(); err != nil {
		return fmt.Errorf("%w%s", err, c.lastLogLines(etcdProgram, apiServerProgram))
	}
	if c.Kubeconfig, err = c.writeKubeconfig("admin", c.Config); err != nil {
		return err
	}
	if err := c.awaitEstablished(ctx, c.environment.CRDs); err != nil {
		return err
	}
	if err := c.Apply(ctx, c.options.Manifests...); err != nil {
		return err
	}
	if !c.options.ControllerManager {
		return nil
	}
	if c.controllers, err = c.startControllerManager(ctx); err != nil {
		return fmt.Errorf("%w%s", err, c.lastLogLines(controllerManagerProgram))
	}
	return nil
}

// startEnvironment runs etcd and kube-apiserver by envtest.
func (c *ControlPlane) startEnvironment() error {
	ours := false
	c.environment = &envtest.Environment{
		UseExistingCluster:       &ours,
		CRDDirectoryPaths:        c.options.CRDs,
		ErrorIfCRDPathMissing:    true,
		CRDs:                     c.options.CRDObjects,
		CRDInstallOptions:        envtest.CRDInstallOptions{MaxTime: c.options.StartTimeout},
		WebhookInstallOptions:    c.options.Webhooks,
		BinaryAssetsDirectory:    c.Assets,
		ControlPlaneStartTimeout: c.options.StartTimeout,
		ControlPlaneStopTimeout:  stopTimeout,
	}
	if c.environment.WebhookInstallOptions.MaxTime == 0 {
		c.environment.WebhookInstallOptions.MaxTime = c.options.StartTimeout
	}
	server := c.environment.ControlPlane.GetAPIServer()
	etcd := &envtest.Etcd{}
	c.environment.ControlPlane.Etcd = etcd
	c.environment.ControlPlane.KubectlPath = filepath.Join(c.Assets, kubectlProgram)
	if err := c.addresses(server, etcd); err != nil {
		return err
	}
	for name, values := range c.options.APIServerFlags {
		server.Configure().Set(name, values...)
	}

	var err error
	if etcd.Path, etcd.DataDir, err = c.prepareProcess(etcdProgram); err != nil {
		return err
	}
	if server.Path, server.CertDir, err = c.prepareProcess(apiServerProgram); err != nil {
		return err
	}
	for program, out := range map[string]func(*os.File){
		etcdProgram:      func(log *os.File) { etcd.Out, etcd.Err = log, log },
		apiServerProgram: func(log *os.File) { server.Out, server.Err = log, log },
	} {
		log, err := os.Create(c.logFile(program))
		if err != nil {
			return err
		}
		defer log.Close() // the process has its own
		out(log)
	}
	if c.Config, err = c.environment.Start(); err == nil {
		c.Config.QPS = -1 // no limits
	}
	if certificates := c.environment.WebhookInstallOptions.LocalServingCertDir; certificates != "" {
		err = errors.Join(err, c.watchdog.rememberFolder(certificates))
	}
	return err
}

// addresses gives both processes addresses that stay theirs while they are away.
func (c *ControlPlane) addresses(server *envtest.APIServer, etcd *envtest.Etcd) error {
	port, err := FreePort()
	if err != nil {
		return err
	}
	server.SecureServing.Address, server.SecureServing.Port = "127.0.0.1", strconv.Itoa(port)
	host, err := FreeAddress()
	etcd.URL = &url.URL{Scheme: "http", Host: host}
	return err
}

// prepareProcess returns what to start for a program, and its own folder.
func (c *ControlPlane) prepareProcess(program string) (path, folder string, err error) {
	if path, err = c.watchdog.replaceProgram(filepath.Join(c.Assets, program)); err != nil {
		return "", "", err
	}
	folder = filepath.Join(c.folder, program)
	return path, folder, os.Mkdir(folder, 0o700)
}

// awaitEstablished returns when the API server says of each CRD that it is
// established.
func (c *ControlPlane) awaitEstablished(ctx context.Context, crds []*apiextensionsv1.CustomResourceDefinition) error {
	reader, err := apiextensions.NewForConfig(c.Config)
	if err != nil {
		return err
	}
	for _, crd := range crds {
		last := "it has no condition Established"
		err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, c.options.StartTimeout, true, func(ctx context.Context) (bool, error) {
			live, err := reader.ApiextensionsV1().CustomResourceDefinitions().Get(ctx, crd.Name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			for _, condition := range live.Status.Conditions {
				if condition.Type == apiextensionsv1.Established {
					last = condition.Message
					return condition.Status == apiextensionsv1.ConditionTrue, nil
				}
			}
			return false, nil
		})
		if err != nil {
			return fmt.Errorf("waiting for CRD %s to be established (%s): %w", crd.Name, last, err)
		}
	}
	return nil
}

// Stop ends all processes and removes all files but those in LogFolder. Calls
// after the first one return its result.
//
// Processes are killed, not asked to end: nobody needs their data any more, and
// an API server that is asked waits a minute for clients that hold a watch open.
func (c *ControlPlane) Stop() error {
	c.stop.Do(func() {
		if err := c.end(); err != nil {
			c.stopped = fmt.Errorf("stopping a control plane: %w", err)
		}
	})
	return c.stopped
}

func (c *ControlPlane) end() error {
	if c.watchdog == nil { // nothing was started yet
		return os.RemoveAll(c.folder)
	}
	killed := c.watchdog.kill()
	if c.controllers != nil {
		<-c.controllers.exited
	}
	var certificates error
	if c.environment != nil {
		certificates = c.environment.WebhookInstallOptions.Cleanup()
		// It reaps the processes. Its complaints are that it has none to ask.
		_ = c.environment.Stop()
	}
	return errors.Join(killed, certificates, c.watchdog.dismiss())
}

// WebhookServing is where the API server looks for webhooks on this machine.
type WebhookServing struct {
	// Host and Port are what a webhook server has to listen on.
	Host string
	Port int

	// CertDir has tls.crt and tls.key for it.
	CertDir string

	// CAData is the caBundle that trusts them, for configurations that a test
	// writes itself.
	CAData []byte
}

// WebhookServing tells where to serve webhooks.
func (c *ControlPlane) WebhookServing() WebhookServing {
	options := c.environment.WebhookInstallOptions
	return WebhookServing{
		Host:    options.LocalServingHost,
		Port:    options.LocalServingPort,
		CertDir: options.LocalServingCertDir,
		CAData:  options.LocalServingCAData,
	}
}

// Kubectl is a command of the kubectl that belongs to the control plane, as the
// administrator unless the arguments say otherwise. It neither reads nor writes
// anything in the user's home.
func (c *ControlPlane) Kubectl(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.Assets, kubectlProgram), arguments...)
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+c.Kubeconfig,
		"KUBECACHEDIR="+filepath.Join(c.folder, "kubectl-cache"),
		"KUBERC=off",
	)
	return cmd
}

func (c *ControlPlane) logFile(program string) string {
	return filepath.Join(c.options.LogFolder, program+".log")
}

// lastLogLines is what to show of the logs when something failed.
func (c *ControlPlane) lastLogLines(programs ...string) string {
	const lines = 8
	var text strings.Builder
	for _, program := range programs {
		content, err := os.ReadFile(c.logFile(program))
		if err != nil || len(content) == 0 {
			continue
		}
		all := strings.Split(strings.TrimSpace(string(content)), "\n")
		fmt.Fprintf(&text, "\n%s said at last:\n\t%s", program, strings.Join(all[max(0, len(all)-lines):], "\n\t"))
	}
	return text.String()
}
