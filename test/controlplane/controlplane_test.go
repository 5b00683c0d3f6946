package controlplane_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/attache-dev/attache/test/controlplane"
)

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // or controller-runtime complains after a while
	crds, err := controlplane.GatewayAPICRDs("standard")
	if err != nil {
		panic(err)
	}
	safeUpgrades, err := controlplane.GatewayAPISafeUpgrades("standard")
	if err != nil {
		panic(err)
	}
	os.Exit(controlplane.Main(m, controlplane.Options{
		CRDs:              []string{crds},
		Manifests:         []string{safeUpgrades},
		ControllerManager: true,
	}))
}

func TestAnHTTPRouteWithoutRulesGetsTheDefaultRule(t *testing.T) {
	plane := controlplane.Shared(t)
	scheme := runtime.NewScheme()
	if err := gatewayv1.Install(scheme); err != nil {
		t.Fatal(err)
	}
	writer, err := client.New(plane.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	route := &gatewayv1.HTTPRoute{ObjectMeta: metav1.ObjectMeta{Name: "route", Namespace: plane.NewNamespace(t)}}
	if err := writer.Create(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	if len(route.Spec.Rules) != 1 || len(route.Spec.Rules[0].Matches) != 1 {
		t.Fatalf("the API server returned %d rules, want the default one with one match: %+v", len(route.Spec.Rules), route.Spec)
	}
	path := route.Spec.Rules[0].Matches[0].Path
	if path == nil || path.Value == nil || *path.Value != "/" || path.Type == nil || *path.Type != gatewayv1.PathMatchPathPrefix {
		t.Errorf("the default rule matches %+v, want the path prefix /", path)
	}
}

func TestKubectlAndAPIServerAreOfTheSameStampedVersion(t *testing.T) {
	plane := controlplane.Shared(t)
	answer, err := plane.Kubectl(t.Context(), "version", "--output=json").Output()
	if err != nil {
		t.Fatal(explain(err))
	}
	var versions struct{ ClientVersion, ServerVersion version.Info }
	if err := json.Unmarshal(answer, &versions); err != nil {
		t.Fatal(err)
	}
	kubectl, server := versions.ClientVersion, versions.ServerVersion
	if kubectl.GitVersion != server.GitVersion {
		t.Errorf("kubectl is %s and the API server is %s", kubectl.GitVersion, server.GitVersion)
	}
	if !strings.HasPrefix(server.GitVersion, "v"+server.Major+"."+server.Minor+".") || server.Major != "1" {
		t.Errorf("the version is not stamped: %s", answer)
	}
	if strings.Contains(string(answer), "$Format") || strings.HasPrefix(server.BuildDate, "1970") {
		t.Errorf("the version is not stamped: %s", answer)
	}
}

func TestAnOwnedObjectGoesWithItsOwner(t *testing.T) {
	plane := controlplane.Shared(t)
	admin := clientset(t, plane)
	configMaps := admin.CoreV1().ConfigMaps(plane.NewNamespace(t))

	owner, err := configMaps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned, err := configMaps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name:            "owned",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	events, err := configMaps.Watch(t.Context(), metav1.SingleObject(owned.ObjectMeta))
	if err != nil {
		t.Fatal(err)
	}
	if err := configMaps.Delete(t.Context(), owner.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitDeletion(t, events)
}

func TestADeletedNamespaceIsEmptiedAndGone(t *testing.T) {
	plane := controlplane.Shared(t)
	admin := clientset(t, plane)
	name := plane.NewNamespace(t)

	_, err := admin.CoreV1().ConfigMaps(name).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "content"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	namespaces := admin.CoreV1().Namespaces()
	events, err := namespaces.Watch(t.Context(), metav1.SingleObject(metav1.ObjectMeta{Name: name}))
	if err != nil {
		t.Fatal(err)
	}
	if err := namespaces.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitDeletion(t, events)
}

func TestTheSafeUpgradesPolicyCanBeInstalled(t *testing.T) {
	plane := controlplane.Shared(t)
	const name = "safe-upgrades.gateway.networking.k8s.io"
	if _, err := clientset(t, plane).AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Get(t.Context(), name, metav1.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestUsersHaveTheRightsThatRBACGives(t *testing.T) {
	plane := controlplane.Shared(t)
	admin := clientset(t, plane)
	namespace := plane.NewNamespace(t)

	person, err := plane.AddUser("tenant:jane/example.com", "tenants")
	if err != nil {
		t.Fatal(err)
	}
	account, err := admin.CoreV1().ServiceAccounts(namespace).Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	robot, err := plane.ServiceAccount(t.Context(), namespace, account.Name)
	if err != nil {
		t.Fatal(err)
	}
	for name, user := range map[string]controlplane.User{"person": person, "robot": robot} {
		reader, err := kubernetes.NewForConfig(user.Config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader.CoreV1().ConfigMaps(namespace).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("%s without rights lists config maps: got error %v, want forbidden", name, err)
		}
	}

	_, err = admin.RbacV1().RoleBindings(namespace).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "readers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "tenants"},
			{Kind: rbacv1.ServiceAccountKind, Namespace: namespace, Name: account.Name},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// The authorizer learns of the binding by a watch, and view gets its rules by
	// the aggregation controller.
	for name, user := range map[string]controlplane.User{"person": person, "robot": robot} {
		cmd := plane.Kubectl(t.Context(), "--kubeconfig", user.Kubeconfig, "auth", "whoami", "--output=jsonpath={.status.userInfo.username}")
		who, err := cmd.Output()
		if err != nil {
			t.Fatal(explain(err))
		}
		t.Logf("%s is %s", name, who)
		awaitReadable(t, user, namespace)
	}
}

func TestWebhooksHaveAPlaceToBeServedAt(t *testing.T) {
	serving := controlplane.Shared(t).WebhookServing()
	if serving.Host == "" || serving.Port == 0 || len(serving.CAData) == 0 {
		t.Errorf("incomplete: %+v", serving)
	}
	for _, file := range []string{"tls.crt", "tls.key"} {
		if _, err := os.Stat(serving.CertDir + "/" + file); err != nil {
			t.Error(err)
		}
	}
}

func clientset(t *testing.T, plane *controlplane.ControlPlane) *kubernetes.Clientset {
	t.Helper()
	admin, err := kubernetes.NewForConfig(plane.Config)
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// awaitDeletion reads a watch of one object until the object is deleted. The
// test's own time limit is the limit.
func awaitDeletion(t *testing.T, events watch.Interface) {
	t.Helper()
	defer events.Stop()
	for event := range events.ResultChan() {
		if event.Type == watch.Deleted {
			return
		}
	}
	t.Fatal("the watch ended before the object was deleted")
}

// explain adds what a command wrote on standard error.
func explain(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return err.Error() + ": " + string(exit.Stderr)
	}
	return err.Error()
}
