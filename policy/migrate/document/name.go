package document

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

// Clip shortens a name to what the API accepts; a digest tells shortened names
// apart.
func Clip(name string) string {
	const most = 253
	if len(name) <= most {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:most-9] + "-" + hex.EncodeToString(sum[:4])
}

// Names are the objects of the input that are not ours, by kind and place.
type Names map[string]bool

// ReadNames finds the names that are taken: those of objects that no earlier run wrote.
func ReadNames(objects []Object) Names {
	ours := map[string]bool{}
	for i := range objects {
		if _, is := objects[i].GetAnnotations()[MigratedFrom]; is {
			ours[PlaceOf(&objects[i])] = true
		}
	}
	e := Names{}
	for i := range objects {
		o := &objects[i]
		// A policy of ours has the name of its route.
		if own := ours[PlaceOf(o)] && o.GroupVersionKind().Group == "attache.dev"; !own {
			if _, is := o.GetAnnotations()[MigratedFrom]; !is {
				e[o.GetKind()+" "+PlaceOf(o)] = true
			}
		}
	}
	return e
}

// Free is the name for an object of ours: if another object has the name, "-ingress" is
// appended (M22).
func (e Names) Free(kind, namespace, name string) string {
	if e[kind+" "+namespace+"/"+name] {
		return Clip(name + "-ingress")
	}
	return Clip(name)
}

// Numbered is the name of the n-th of several objects, counted from 0.
func Numbered(name string, n int) string {
	if n == 0 {
		return name
	}
	return name + "-" + strconv.Itoa(n+1)
}
