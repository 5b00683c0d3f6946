package hierarchy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/attache-dev/attache/hierarchy"
)

func TestAboveNamesEveryLevelOnce(t *testing.T) {
	g := build(t, town)
	public, extra := hierarchy.GatewayRef("infra", "public"), hierarchy.ListenerSetRef("shop", "extra")
	for _, c := range []struct {
		ref  hierarchy.Ref
		want []string
	}{
		{hierarchy.GatewayClassRef("edge"), nil},
		{public, []string{"GatewayClass edge"}},
		{public.WithSection("http"), []string{"GatewayClass edge", "Gateway infra/public"}},
		{extra, []string{"GatewayClass edge", "Gateway infra/public"}},
		{extra.WithSection("team"), []string{"GatewayClass edge", "Gateway infra/public", "ListenerSet shop/extra"}},
		{routeRef("HTTPRoute", "shop", "checkout"), []string{
			"GatewayClass edge", "Gateway infra/public", "ListenerSet shop/extra",
			"Gateway infra/public#http", "Gateway infra/public#https", "ListenerSet shop/extra#team", "Namespace shop",
		}},
		{routeRef("GRPCRoute", "shop", "empty").WithSection("any"), []string{
			"GatewayClass edge", "Gateway infra/public", "Gateway infra/public#http", "Namespace shop", "GRPCRoute shop/empty",
		}},
		{routeRef("HTTPRoute", "shop", "refused"), nil},
		{hierarchy.GatewayRef("infra", "missing"), nil},
	} {
		var got []string
		for _, ref := range g.Above(c.ref) {
			got = append(got, ref.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("above %s:\n got %s\nwant %s", c.ref, strings.Join(got, ", "), strings.Join(c.want, ", "))
		}
	}
}

func TestAListenerSetThatIsNotAdmittedHasNothingAboveIt(t *testing.T) {
	g := build(t, strings.Replace(town, "allowedListeners: {namespaces: {from: All}}", "allowedListeners: {namespaces: {from: None}}", 1))
	if got := g.Above(hierarchy.ListenerSetRef("shop", "extra")); len(got) > 0 {
		t.Errorf("above the ListenerSet: %v", got)
	}
}
