package source_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/attache-dev/attache/policy/source"
)

func Example() {
	in, err := source.New([]string{"-"}, source.Options{Namespace: "shop", Stdin: strings.NewReader(`
apiVersion: attache.dev/v1alpha1
kind: RetryPolicy
metadata: {name: api-retry}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: HTTPRoute, name: api-route}
  default: {maxRetries: 3, retryOn: ["5xx"]}
`)}).Read(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range in.Documents {
		fmt.Println(d.Object.GetNamespace(), d.Object.GetName(), "from", d.Place())
	}
	// Output:
	// shop api-retry from -, document 1, line 2
}
