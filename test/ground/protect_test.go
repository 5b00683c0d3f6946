package ground

import (
	"context"
	"errors"
	"strings"
	"testing"

	registration "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/attache-dev/attache/test/controlplane"
)

// managed is the label that puts an object under protection.
const managed = "ground.test/managed"

// protection forbids everybody but the keeper, the garbage collector and the
// namespace controller to change what has, or had, the label. ConfigMaps stand
// for a data plane's policies here.
const protection = `
!(object != null && "KEY" in object.metadata.?labels.orValue({})
  || oldObject != null && "KEY" in oldObject.metadata.?labels.orValue({}))
|| request.userInfo.username in ["KEEPER", "system:serviceaccount:kube-system:generic-garbage-collector",
  "system:serviceaccount:kube-system:namespace-controller"]`

// protected is a control plane's namespace in which a policy protects the
// keeper's objects. No process of ours takes part.
type protected struct {
	*testing.T
	plane          *controlplane.ControlPlane
	namespace      string
	keeper, tenant kubernetes.Interface
}

func protect(t *testing.T) *protected {
	t.Helper()
	plane := controlplane.Shared(t)
	p := &protected{T: t, plane: plane, namespace: plane.NewNamespace(t)}
	admin := kubernetes.NewForConfigOrDie(plane.Config)
	p.keeper = p.user("keeper-of-" + p.namespace)
	p.tenant = p.user("tenant-of-" + p.namespace)
	edit := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "edit"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "admin"},
		Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: "User", Name: "keeper-of-" + p.namespace},
			{APIGroup: rbacv1.GroupName, Kind: "User", Name: "tenant-of-" + p.namespace},
		},
	}
	if _, err := admin.RbacV1().RoleBindings(p.namespace).Create(t.Context(), edit, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p.install(admin)
	return p
}

func (p *protected) user(name string) kubernetes.Interface {
	p.Helper()
	user, err := p.plane.AddUser(name)
	if err != nil {
		p.Fatal(err)
	}
	return kubernetes.NewForConfigOrDie(user.Config)
}

// install writes the policy and returns when the API server enforces it.
func (p *protected) install(admin kubernetes.Interface) {
	p.Helper()
	fail, exact := registration.Fail, registration.Equivalent
	name := "protect-" + p.namespace
	matches := &registration.MatchResources{
		MatchPolicy:       &exact,
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": p.namespace}},
		ResourceRules: []registration.NamedRuleWithOperations{{RuleWithOperations: registration.RuleWithOperations{
			Operations: []registration.OperationType{registration.Create, registration.Update, registration.Delete},
			Rule:       registration.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
		}}},
	}
	expression := strings.NewReplacer("KEY", managed, "KEEPER", "keeper-of-"+p.namespace, "\n", " ").Replace(protection)
	policy := &registration.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: registration.ValidatingAdmissionPolicySpec{
			FailurePolicy:    &fail,
			MatchConstraints: matches,
			Validations:      []registration.Validation{{Expression: expression, Message: "written by the keeper: change the policy that it stands for"}},
		},
	}
	binding := &registration.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       registration.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []registration.ValidationAction{registration.Deny}},
	}
	api := admin.AdmissionregistrationV1()
	if _, err := api.ValidatingAdmissionPolicies().Create(p.Context(), policy, metav1.CreateOptions{}); err != nil {
		p.Fatal(err)
	}
	if _, err := api.ValidatingAdmissionPolicyBindings().Create(p.Context(), binding, metav1.CreateOptions{}); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() {
		err := errors.Join(api.ValidatingAdmissionPolicyBindings().Delete(context.Background(), name, metav1.DeleteOptions{}),
			api.ValidatingAdmissionPolicies().Delete(context.Background(), name, metav1.DeleteOptions{}))
		if err != nil {
			p.Error(err)
		}
	})
	w := &world{T: p.T}
	w.within("the policy to be enforced", func(ctx context.Context) error {
		_, err := p.tenant.CoreV1().ConfigMaps(p.namespace).Create(ctx, labelled("probe"), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil {
			return errors.New("a tenant may create a labelled object")
		}
		if !p.refused(err) {
			return err
		}
		return nil
	})
}

func labelled(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{managed: "yes"}}, Data: map[string]string{"value": "20s"}}
}

func (p *protected) refused(err error) bool {
	return apierrors.IsInvalid(err) && strings.Contains(err.Error(), "written by the keeper")
}

// TestAPolicyProtectsObjectsWhileNothingOfOursRuns: a tenant with all rights in a namespace cannot
// create, edit, unlabel, adopt or delete the keeper's objects, and can do anything with other
// objects.
func TestAPolicyProtectsObjectsWhileNothingOfOursRuns(t *testing.T) {
	p := protect(t)
	theirs, mine := p.tenant.CoreV1().ConfigMaps(p.namespace), p.keeper.CoreV1().ConfigMaps(p.namespace)
	kept, err := mine.Create(t.Context(), labelled("kept"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	plainOne := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "plain"}}
	if plainOne, err = theirs.Create(t.Context(), plainOne, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	edited, unlabelled, adopted := kept.DeepCopy(), kept.DeepCopy(), plainOne.DeepCopy()
	edited.Data["value"] = "60s"
	unlabelled.Labels = nil
	adopted.Labels = map[string]string{managed: "yes"}
	update := func(c *corev1.ConfigMap) error {
		_, err := theirs.Update(t.Context(), c, metav1.UpdateOptions{})
		return err
	}
	for name, err := range map[string]error{
		"edits": update(edited), "takes the label off": update(unlabelled), "puts the label on": update(adopted),
		"deletes":            theirs.Delete(t.Context(), "kept", metav1.DeleteOptions{}),
		"deletes everything": theirs.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: managed}),
	} {
		if !p.refused(err) {
			t.Errorf("a tenant %s: %v", name, err)
		}
	}
	if err := theirs.Delete(t.Context(), "plain", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
	if edited, err = mine.Update(t.Context(), edited, metav1.UpdateOptions{}); err != nil || edited.Data["value"] != "60s" {
		t.Errorf("the keeper edits: %v", err)
	}
	if err := mine.Delete(t.Context(), "kept", metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// TestTheGarbageCollectorAndTheNamespaceControllerPass: a protected object is deleted with its
// owner, and with its namespace.
func TestTheGarbageCollectorAndTheNamespaceControllerPass(t *testing.T) {
	p := protect(t)
	maps := p.keeper.CoreV1().ConfigMaps(p.namespace)
	owner, err := maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	owned := labelled("owned")
	owned.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "owner", UID: owner.UID}}
	for _, c := range []*corev1.ConfigMap{owned, labelled("alone")} {
		if _, err := maps.Create(t.Context(), c, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.tenant.CoreV1().ConfigMaps(p.namespace).Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w := &world{T: t}
	w.within("the garbage collector to take the owned object", func(ctx context.Context) error {
		_, err := maps.Get(ctx, "owned", metav1.GetOptions{})
		return gone(err)
	})
	admin := kubernetes.NewForConfigOrDie(p.plane.Config)
	if err := admin.CoreV1().Namespaces().Delete(t.Context(), p.namespace, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.within("the namespace to go with all that is in it", func(ctx context.Context) error {
		_, err := admin.CoreV1().Namespaces().Get(ctx, p.namespace, metav1.GetOptions{})
		return gone(err)
	})
}

func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return errors.Join(errors.New("it is there"), err)
}
