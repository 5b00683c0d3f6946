package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
)

// The annotations on what is written (M23).
const (
	MigratedFrom   = "attache.dev/migrated-from"
	MigratedDigest = "attache.dev/migrated-digest"
)

func lower(text string) string { return strings.ToLower(text) }

// clipName keeps a name within what the API takes; a digest tells clipped ones
// apart.
func clipName(name string) string {
	const most = 253
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:most-9] + "-" + hex.EncodeToString(sum[:4])
}

// marks are the annotations on what is written for an Ingress.
func (g *ingress) marks() map[string]string {
	return map[string]string{MigratedFrom: "Ingress/" + g.place(), MigratedDigest: g.digest()}
}

// digest is of what an Ingress says: its spec and its annotations.
func (g *ingress) digest() string {
	annotations := map[string]string{}
	for name, value := range g.annotations {
		if name != "kubectl.kubernetes.io/last-applied-configuration" {
			annotations[name] = value
		}
	}
	text, _ := json.Marshal([]any{g.object.Object["spec"], annotations}) // maps are written sorted
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// existing are the objects of the input that are not ours, by kind and place.
type existing map[string]bool

func readExisting(objects []Object) existing {
	ours := map[string]bool{}
	for i := range objects {
		if _, is := objects[i].GetAnnotations()[MigratedFrom]; is {
			ours[placeOf(&objects[i])] = true
		}
	}
	e := existing{}
	for i := range objects {
		o := &objects[i]
		// A policy of ours is named as its route.
		if own := ours[placeOf(o)] && o.GroupVersionKind().Group == "attache.dev"; !own {
			if _, is := o.GetAnnotations()[MigratedFrom]; !is {
				e[o.GetKind()+" "+placeOf(o)] = true
			}
		}
	}
	return e
}

// free is the name for an object of ours: one that is taken by somebody else's gets
// "-ingress" (M22).
func (e existing) free(kind, namespace, name string) string {
	if e[kind+" "+namespace+"/"+name] {
		return clipName(name + "-ingress")
	}
	return clipName(name)
}
