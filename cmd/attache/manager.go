package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"go.opentelemetry.io/otel/trace"
	authenticationv1 "k8s.io/api/authentication/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/attache-dev/attache/policy"
	"github.com/attache-dev/attache/policy/access"
	"github.com/attache-dev/attache/policy/controller"
	"github.com/attache-dev/attache/policy/crd"
	"github.com/attache-dev/attache/policy/guardrail"
	"github.com/attache-dev/attache/policy/guardrail/celrule"
	"github.com/attache-dev/attache/policy/guardrail/regorule"
	"github.com/attache-dev/attache/policy/profiles"
	"github.com/attache-dev/attache/policy/source/cluster"
	"github.com/attache-dev/attache/policy/status"
	"github.com/attache-dev/attache/policy/validate"
	"github.com/attache-dev/attache/webhook"
)

// lease is the name of the lease for leader election.
const lease = "controller.attache.dev"

// shortestLease leaves time to renew a lease that is checked every two seconds.
const shortestLease = 6 * time.Second

func managerCommand() *cobra.Command {
	s := &settings{}
	command := &cobra.Command{
		Use:   "manager",
		Short: "Answer admission reviews, and publish effective policies",
		Args:  cobra.NoArgs,
		PreRunE: func(command *cobra.Command, _ []string) error {
			return load(s.config, command.Flags())
		},
		RunE: func(command *cobra.Command, _ []string) error {
			log, err := newLogger(s.logLevel, s.logFormat)
			if err != nil {
				return err
			}
			ctrl.SetLogger(log)
			klog.SetLogger(log.WithName("client"))
			heedMemoryLimit(log)
			p, err := newProcess(s, log)
			if err != nil {
				return err
			}
			return p.run(command.Context())
		},
	}
	command.Flags().AddFlagSet(s.flags())
	return command
}

// process is everything that runs.
type process struct {
	settings *settings
	log      logr.Logger
	source   *cluster.Source
	webhooks *webhook.Server // nil when disabled
	manager  manager.Manager
	tenure   *tenure      // nil without leader election
	tracing  *tracing     // nil when disabled
	debug    net.Listener // nil when disabled
	ending   atomic.Bool
}

func newProcess(s *settings, log logr.Logger) (*process, error) {
	options, err := s.policyOptions()
	if err != nil {
		return nil, err
	}
	config, err := s.connect()
	if err != nil {
		return nil, err
	}
	p := &process{settings: s, log: log}
	if err := p.watch(); err != nil {
		return nil, err
	}
	rules, err := newRuleMeter(metrics.Registry)
	if err != nil {
		return nil, err
	}
	if p.source, err = cluster.New(config, cluster.Options{
		Policy: options, Compilers: rules.compilers(compilers), Compiled: rules.hear, Results: !s.disableController, Log: log.WithName("cluster"),
	}); err != nil {
		return nil, err
	}
	enforcement, err := s.export.enforcement(config, log.WithName("planes"))
	if err != nil {
		return nil, err
	}
	certificates, err := s.certificates.newCertificates(config, !s.disableWebhooks, !s.disableController, log.WithName("certificates"))
	if err != nil {
		return nil, err
	}
	if !s.disableWebhooks {
		if p.webhooks, err = s.newWebhooks(config, p.source, enforcement.Planes, injector(enforcement, p.source.Version), certificates, p.tracing.tracer(), log.WithName("webhook")); err != nil {
			return nil, err
		}
	}
	if s.leaderElect && !s.disableController {
		p.tenure = newTenure(s.renewDeadline())
	}
	if p.manager, err = s.newManager(p.tenure.watch(config), log); err != nil {
		return nil, err
	}
	if err := certificates.addTo(p.manager, p); err != nil {
		return nil, fmt.Errorf("adding certificates: %w", err)
	}
	if err := p.addController(config, enforcement); err != nil {
		return nil, err
	}
	if enforcement.Planes != nil {
		if err := p.manager.Add(enforcement.Planes); err != nil {
			return nil, fmt.Errorf("adding the watch of data planes: %w", err)
		}
	}
	return p, errors.Join(
		p.manager.AddHealthzCheck("process", healthz.Ping),
		p.manager.AddReadyzCheck("attache", p.ready),
	)
}

// addController adds the controller, unless it is disabled.
func (p *process) addController(config *rest.Config, enforcement controller.Enforcement) error {
	s := p.settings
	if s.disableController {
		return nil
	}
	format, err := status.ReportFormatNamed(s.reportsFormat)
	if err != nil {
		return fmt.Errorf("--reports-format: %w", err)
	}
	var leads func() error
	if p.tenure != nil {
		leads = p.tenure.holds
	}
	c, err := controller.New(config, p.source, controller.Options{
		LeaveRoutes:  !s.annotateRoutes,
		Guardrails:   p.source,
		Enforcement:  enforcement,
		Reports:      s.reports,
		ReportFormat: format,
		Writers:      s.writers,
		Leads:        leads,
		Log:          p.log.WithName("controller"),
	})
	if err != nil {
		return err
	}
	if err := p.manager.Add(c); err != nil {
		return fmt.Errorf("adding the controller: %w", err)
	}
	return nil
}

// watch prepares the observation of the process.
func (p *process) watch() (err error) {
	if p.tracing, err = p.settings.tracing.newTracing(context.Background()); err != nil {
		return err
	}
	if p.debug, err = debugListener(p.settings.debugAddress); err != nil {
		return err
	}
	if err := metrics.Registry.Register(buildInfo()); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	return nil
}

func (s *settings) policyOptions() (policy.Options, error) {
	policyKinds, err := kinds("policy-kinds", s.policyKinds)
	if err != nil {
		return policy.Options{}, err
	}
	routeKinds, err := kinds("route-kinds", s.routeKinds)
	if err != nil {
		return policy.Options{}, err
	}
	known, err := profiles.Read(s.profiles)
	if err != nil {
		return policy.Options{}, err
	}
	namespaces := s.platformNamespaces
	if namespaces == nil {
		namespaces = []string{} // none; nil would mean any
	}
	return policy.Options{
		PlatformNamespaces: namespaces,
		PolicyKinds:        policyKinds,
		RouteKinds:         routeKinds,
		Profiles:           known,
		Compile: func(d crd.Definition) (policy.Validator, error) {
			blocks, err := validate.Compile(d)
			if err != nil {
				return nil, err
			}
			return blocks, nil
		},
	}, nil
}

// compilers are the compilers for the languages of guardrails.
var compilers = guardrail.Compilers{CEL: celrule.Compile, Rego: regorule.Compile}

func (s *settings) newWebhooks(config *rest.Config, source *cluster.Source, planes *cluster.Planes, inject *status.Injector, certificates *certificates, tracer trace.Tracer, log logr.Logger) (*webhook.Server, error) {
	options, err := s.serverOptions(certificates, log)
	if err != nil {
		return nil, err
	}
	var mayRead, mayReadGrants func(context.Context, authenticationv1.UserInfo) func(string) bool
	if s.accessReviews {
		reader, err := access.New(config)
		if err != nil {
			return nil, err
		}
		mayRead, mayReadGrants = reader.For, reader.Grants
	}
	handlers, err := webhook.New(webhook.Options{
		Snapshot: func() (*policy.Snapshot, bool) {
			synced := source.Synced() && (planes == nil || planes.Synced()) // before the snapshot, which can only be newer
			return source.Snapshot(), synced
		},
		Terminating: source.Terminating,
		Controllers: s.effectivePolicyWriters,
		LeaveRoutes: !s.annotateRoutes,
		Guardrails:  source.Guardrails,
		Compilers:   compilers,
		MayRead:     mayRead,

		MayReadGrants: mayReadGrants,

		MaxPaths:   s.maxPaths,
		MaxResults: s.maxResults,
		Injector:   inject,

		RefuseUnenforced: s.export.refuseUnenforced,
		Version:          versionText(),
		Tracer:           tracer,
		Log:              log,
	})
	if err != nil {
		return nil, fmt.Errorf("making the webhooks: %w", err)
	}
	return webhook.NewServer(handlers, options), nil
}

// serverOptions returns how the webhooks are served.
func (s *settings) serverOptions(certificates *certificates, log logr.Logger) (webhook.ServerOptions, error) {
	options := webhook.ServerOptions{
		Address:    net.JoinHostPort(s.webhookHost, strconv.Itoa(s.webhookPort)),
		CertDir:    s.certDir,
		DrainDelay: s.drainDelay,

		CallerAuthorities: s.callers,
		CallerNames:       s.callerNames,
		AllowTLS12:        s.tlsMinVersion == "1.2",
		Log:               log,
	}
	switch {
	case len(s.callerNames) > 0 && s.callers == "":
		return options, errors.New("--caller-names: without --caller-authorities nobody is asked for a certificate")
	case !options.AllowTLS12 && s.tlsMinVersion != "1.3":
		return options, fmt.Errorf("--tls-min-version: %q is not supported: write 1.3 or 1.2", s.tlsMinVersion)
	}
	if certificates.serving != nil {
		options.GetCertificate = certificates.serving.GetCertificate
	}
	if certificates.trust != nil {
		options.Distrust = certificates.trust.Verify
	}
	return options, nil
}

// renewDeadline is how long a leader tries to renew its lease before it exits.
func (s *settings) renewDeadline() time.Duration { return s.leaderElectionLease * 2 / 3 }

func (s *settings) newManager(config *rest.Config, log logr.Logger) (manager.Manager, error) {
	graceful := 20 * time.Second
	if s.leaderElectionLease < shortestLease {
		return nil, fmt.Errorf("--leader-election-lease: %s is less than %s", s.leaderElectionLease, shortestLease)
	}
	metricsOptions, err := s.metrics.options()
	if err != nil {
		return nil, err
	}
	renew := s.renewDeadline()
	m, err := manager.New(config, manager.Options{
		// Objects are only read by package cluster, never by the manager's client.
		Scheme:                        runtime.NewScheme(),
		Logger:                        log,
		Metrics:                       metricsOptions,
		HealthProbeBindAddress:        s.healthAddress,
		LeaderElection:                s.leaderElect && !s.disableController,
		LeaderElectionID:              lease,
		LeaderElectionNamespace:       s.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &s.leaderElectionLease,
		RenewDeadline:                 &renew,
		GracefulShutdownTimeout:       &graceful,
	})
	if err != nil {
		return nil, fmt.Errorf("making the manager: %w", err)
	}
	return m, nil
}

// ready is the readiness check.
func (p *process) ready(r *http.Request) error {
	switch {
	case p.ending.Load():
		return errors.New("shutting down")
	case !p.source.Synced():
		return errors.New("not all objects have been seen yet")
	case p.source.Blind():
		return errors.New("the EffectivePolicy objects may not be read: give the service account list and watch on them")
	case p.webhooks != nil:
		return p.webhooks.Ready(r)
	}
	return nil
}

// run runs until ctx ends or a part fails, and ends everything in order: first the servers, then
// what they need.
func (p *process) run(ctx context.Context) error {
	p.log.Info("Starting", "version", versionText())
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	source := background(func() error { return p.source.Start(life) })
	parts := background(func() error { return p.manager.Start(life) })
	webhooks := background(func() error { return p.serve(serving) })
	go p.greet(life)
	if p.debug != nil {
		go func() {
			if err := serveDebug(life, p.debug); err != nil {
				p.log.Error(err, "Cannot serve /debug any more")
			}
		}()
	}

	var failure error
	select {
	case <-ctx.Done():
		p.log.Info("Stopping: serving until calls no longer come", "delay", p.settings.drainDelay.String())
	case failure = <-parts:
		parts = nil
	case failure = <-webhooks:
		webhooks = nil
	}
	p.ending.Store(true)
	stopServing()
	failure = errors.Join(failure, await(webhooks))
	end()
	failure = errors.Join(failure, await(parts), await(source), p.tracing.end())
	if failure == nil {
		p.log.Info("Ended")
	}
	return failure
}

// serve serves webhooks until ctx ends and they have drained; without webhooks it waits as long.
func (p *process) serve(ctx context.Context) error {
	if p.webhooks != nil {
		return p.webhooks.Start(ctx)
	}
	<-ctx.Done()
	time.Sleep(p.settings.drainDelay)
	return nil
}

// greet logs when the manager is ready for work, and what is missing.
func (p *process) greet(ctx context.Context) {
	if p.source.WaitForResults(ctx) != nil {
		return
	}
	objects := 0
	for _, n := range p.source.Objects() {
		objects += n
	}
	if p.webhooks == nil { // the slowest reviews are those during which garbage is collected
		settleMemory()
	}
	go giveBack(ctx) // the lists were much larger than what is kept of them
	p.log.Info("All objects seen", "objects", objects, "policyKinds", len(p.source.Snapshot().Kinds()))
	// A kind that both modes read, which EffectivePolicy is not.
	if _, ok := p.source.Resource(guardrail.Kind); !ok {
		p.log.Info("The CRDs of attache are not installed: install them with \"kubectl apply --server-side -f crds\"; what needs them waits until then")
	}
}

// background runs f and sends what it returns.
func background(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	return result
}

// await waits for a part that has not ended yet.
func await(part <-chan error) error {
	if part == nil {
		return nil
	}
	return <-part
}
