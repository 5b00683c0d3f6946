package oldside

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/attache-dev/attache/policy/migrate/ingress"
)

// CORS is the CORS filter that stands for an Ingress. Defaults are those of
// internal/ingress/annotations/cors at controller-v1.15.1.
func CORS(s *ingress.Settings) map[string]any {
	or := func(name, otherwise string) string {
		if s.Has(name) {
			return s.Text(name)
		}
		return otherwise
	}
	cors := map[string]any{
		"allowOrigins": listOf(or("cors-allow-origin", "*")),
		"allowMethods": listOf(or("cors-allow-methods", "GET, PUT, POST, DELETE, PATCH, OPTIONS")),
		"allowHeaders": listOf(or("cors-allow-headers",
			"DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization")),
		"allowCredentials": s.BoolOr("cors-allow-credentials", true),
		"maxAge":           int64(1728000),
	}
	if n, ok := s.Int("cors-max-age"); ok && n > 0 {
		cors["maxAge"] = int64(n)
	}
	if s.Has("cors-expose-headers") {
		cors["exposeHeaders"] = listOf(s.Text("cors-expose-headers"))
	}
	return cors
}

func listOf(text string) []any {
	var list []any
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// corsText is the filter in one line, as answers compare it.
func corsText(cors map[string]any) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(cors)) {
		fmt.Fprintf(&b, "%s=%v ", key, cors[key])
	}
	return strings.TrimSuffix(b.String(), " ")
}
