package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// GatewayAPICRDs is the folder with Gateway API's CRDs of a channel, "standard"
// or "experimental", in the version that go.mod pins. Pass it on in
// [Options].CRDs, which takes the CRDs in it and leaves out all else: the
// kustomization file, and the admission policy of [GatewayAPISafeUpgrades].
func GatewayAPICRDs(channel string) (string, error) {
	if channel != "standard" && channel != "experimental" {
		return "", fmt.Errorf("gateway API has the channels standard and experimental, not %q", channel)
	}
	module, err := moduleFolder(context.Background(), gatewayAPIPath)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(module, "config", "crd", channel)
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("the CRDs of gateway API's %s channel are not where they used to be: %w", channel, err)
	}
	return folder, nil
}

// GatewayAPISafeUpgrades is the file with the ValidatingAdmissionPolicy, and its
// binding, that a channel brings since Gateway API 1.5. It forbids to replace
// standard CRDs by experimental ones, and CRDs by those of an old version. It is
// left out unless its file is among [Options].Manifests, because a test that
// wants to see such changes could not make them; real clusters have it.
func GatewayAPISafeUpgrades(channel string) (string, error) {
	folder, err := GatewayAPICRDs(channel)
	if err != nil {
		return "", err
	}
	file := filepath.Join(folder, "gateway.networking.k8s.io_vap_safeupgrades.yaml")
	if _, err := os.Stat(file); err != nil {
		return "", fmt.Errorf("the safe-upgrades policy of gateway API's %s channel is not where it used to be: %w", channel, err)
	}
	return file, nil
}
