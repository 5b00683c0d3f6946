package migrate

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// The annotations on what is written (M23).
const (
	MigratedFrom   = "attache.dev/migrated-from"
	MigratedDigest = "attache.dev/migrated-digest"
)

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

// numbered is a name for the n-th of several, from 0.
func numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(n+1)
}
