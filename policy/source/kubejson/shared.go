package kubejson

// common are the texts that most objects have, so that they need no memory of their own.
var common = texted(
	"apiVersion", "kind", "metadata", "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "labels",
	"annotations", "managedFields", "manager", "operation", "time", "fieldsType", "fieldsV1", "spec", "status", "group", "version",
	"parentRefs", "sectionName", "port", "hostnames", "rules", "matches", "path", "type", "value", "headers", "method", "backendRefs",
	"weight", "filters", "timeouts", "gateway.networking.k8s.io", "gateway.networking.k8s.io/v1", "HTTPRoute", "Gateway", "PathPrefix",
	"Service", "conditions", "reason", "message", "lastTransitionTime", "observedGeneration", "strategy", "Patch", "Atomic", "targetRef",
	"targetRefs", "targetSelectors", "matchLabels", "default", "override", "bounds", "attache.dev/v1alpha1", "CREATE", "UPDATE", "DELETE",
)

func texted(texts ...string) map[string]string {
	m := make(map[string]string, len(texts))
	for _, text := range texts {
		m[text] = text
	}
	return m
}

// Recent are strings that were read last, for texts in which the same short strings come again and again:
// the names of namespaces and listeners, say. They then need memory once. It belongs to one goroutine.
type Recent struct{ strings [1024]string }

// longestShared is the length up to which strings are looked up: longer ones rarely come twice.
const longestShared = 64

// string is a text as a string, a recent one if there is an equal one.
func (c *Recent) string(text []byte) string {
	hash := uint32(2166136261) // FNV-1a
	for _, b := range text {
		hash = (hash ^ uint32(b)) * 16777619
	}
	at := &c.strings[(hash^hash>>16)%uint32(len(c.strings))]
	if *at != string(text) {
		*at = string(text)
	}
	return *at
}

// shared is a text as a string: the one in common, or a recent one, if there is one.
func (r *Reader) shared(text []byte) string {
	if len(text) > longestShared {
		return string(text)
	}
	if s, ok := common[string(text)]; ok {
		return s
	}
	if r.recent != nil {
		return r.recent.string(text)
	}
	return string(text)
}
