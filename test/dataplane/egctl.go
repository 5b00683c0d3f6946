package dataplane

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Translation is what Envoy Gateway makes of Gateway API objects.
type Translation struct {
	// Policies are its BackendTrafficPolicies with their status.
	Policies []*unstructured.Unstructured
	// Routes are Envoy's, by Gateway as namespace/name.
	Routes map[string][]EnvoyRoute
	// Clusters are Envoy's, by Gateway and by their names.
	Clusters map[string]map[string]EnvoyCluster
}

// EnvoyRoute is one entry of Envoy's route configuration. Durations are in
// seconds, such as 0.500s.
type EnvoyRoute struct {
	// Configuration is the name of the route configuration: that of a listener.
	Configuration string `json:"-"`

	Name  string `json:"name"`
	Route *struct {
		Cluster           string `json:"cluster"`
		Timeout           string `json:"timeout"`
		IdleTimeout       string `json:"idleTimeout"`
		MaxStreamDuration *struct {
			MaxStreamDuration string `json:"maxStreamDuration"`
		} `json:"maxStreamDuration"`
		RetryPolicy *EnvoyRetry `json:"retryPolicy"`
	} `json:"route"`
	Redirect       map[string]any `json:"redirect"`
	DirectResponse *struct {
		Status int `json:"status"`
	} `json:"directResponse"`
	Filters struct {
		Local *EnvoyLimit `json:"envoy.filters.http.local_ratelimit"`
	} `json:"typedPerFilterConfig"`
}

// EnvoyRetry is Envoy's retry policy.
type EnvoyRetry struct {
	NumRetries           *int64  `json:"numRetries"`
	RetryOn              string  `json:"retryOn"`
	RetriableStatusCodes []int64 `json:"retriableStatusCodes"`
	PerTryTimeout        string  `json:"perTryTimeout"`
	RetryBackOff         *struct {
		BaseInterval string `json:"baseInterval"`
		MaxInterval  string `json:"maxInterval"`
	} `json:"retryBackOff"`
}

// EnvoyBucket is a token bucket.
type EnvoyBucket struct {
	MaxTokens     int64  `json:"maxTokens"`
	TokensPerFill int64  `json:"tokensPerFill"`
	FillInterval  string `json:"fillInterval"`
}

// EnvoyLimit is Envoy's local rate limit.
type EnvoyLimit struct {
	TokenBucket                     *EnvoyBucket `json:"tokenBucket"`
	AlwaysConsumeDefaultTokenBucket *bool        `json:"alwaysConsumeDefaultTokenBucket"`
	Descriptors                     []struct {
		Entries     []map[string]string `json:"entries"`
		TokenBucket EnvoyBucket         `json:"tokenBucket"`
	} `json:"descriptors"`
	RateLimits []map[string]any `json:"rateLimits"`
}

// EnvoyCluster is what is asked of a cluster.
type EnvoyCluster struct {
	Name           string `json:"name"`
	ConnectTimeout string `json:"connectTimeout"`
}

// dump is what egctl prints.
type dump struct {
	Policies []map[string]any `json:"backendTrafficPolicies"`
	XDS      map[string]struct {
		Configs []struct {
			Routes []struct {
				RouteConfig struct {
					Name         string `json:"name"`
					VirtualHosts []struct {
						Routes []EnvoyRoute `json:"routes"`
					} `json:"virtualHosts"`
				} `json:"routeConfig"`
			} `json:"dynamicRouteConfigs"`
			Clusters []struct {
				Cluster EnvoyCluster `json:"cluster"`
			} `json:"dynamicActiveClusters"`
		} `json:"configs"`
	} `json:"xds"`
}

// Translate lets egctl translate the objects of YAML documents, without a
// cluster and without a network.
func Translate(ctx context.Context, documents string) (*Translation, error) {
	program, err := Program(ctx, "egctl")
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, "x", "translate",
		"--from", "gateway-api", "--to", "gateway-api,xds", "--type", "all", "--output", "json", "--file", "-")
	cmd.Stdin = strings.NewReader(documents)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("egctl: %w\n%s", err, complaint.Bytes())
	}
	var d dump
	if err := json.Unmarshal(out.Bytes(), &d); err != nil {
		return nil, fmt.Errorf("reading what egctl prints: %w\n%s", err, complaint.Bytes())
	}
	return d.translation(), nil
}

func (d *dump) translation() *Translation {
	t := &Translation{Routes: map[string][]EnvoyRoute{}, Clusters: map[string]map[string]EnvoyCluster{}}
	for _, p := range d.Policies {
		t.Policies = append(t.Policies, &unstructured.Unstructured{Object: p})
	}
	for gateway, x := range d.XDS {
		t.Clusters[gateway] = map[string]EnvoyCluster{}
		for _, config := range x.Configs {
			for _, c := range config.Clusters {
				t.Clusters[gateway][c.Cluster.Name] = c.Cluster
			}
			for _, r := range config.Routes {
				for _, host := range r.RouteConfig.VirtualHosts {
					for _, route := range host.Routes {
						route.Configuration = r.RouteConfig.Name
						t.Routes[gateway] = append(t.Routes[gateway], route)
					}
				}
			}
		}
	}
	return t
}
