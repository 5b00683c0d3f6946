package status

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/attache-dev/attache/hierarchy"
)

// ownerOf returns the owner reference by which the EffectivePolicy is deleted with its target.
// Manifests have no UID, and without one there is no owner.
func ownerOf(apiVersion string, target hierarchy.Ref, uid string) []metav1.OwnerReference {
	if uid == "" {
		return nil
	}
	return []metav1.OwnerReference{{APIVersion: apiVersion, Kind: target.Kind, Name: target.Name, UID: types.UID(uid)}}
}
