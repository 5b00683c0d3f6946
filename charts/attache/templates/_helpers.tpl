{{- define "attache.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "attache.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "attache.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "attache.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "attache.selector" -}}
app.kubernetes.io/name: {{ include "attache.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "attache.labels" -}}
app.kubernetes.io/name: {{ include "attache.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: attache
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "attache.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "attache.webhook" -}}{{ include "attache.fullname" . }}-webhook{{- end -}}
{{- define "attache.controller" -}}{{ include "attache.fullname" . }}-controller{{- end -}}

{{/* A duration, such as 1m30s, in seconds, rounded up. */}}
{{- define "attache.seconds" -}}
{{- $seconds := 0.0 -}}
{{- range regexFindAll "[0-9]+(\\.[0-9]+)?(ms|s|m|h)" . -1 -}}
{{- $number := regexFind "^[0-9.]+" . | float64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $seconds = addf $seconds (mulf $number (get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit)) -}}
{{- end -}}
{{- ceil $seconds | int -}}
{{- end -}}

{{/* The exact username of the controller, as admission sees it. */}}
{{- define "attache.controllerUser" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "attache.controller" . }}
{{- end -}}

{{/* The Secret with the serving certificate. */}}
{{- define "attache.certificateSecret" -}}
{{- if eq .Values.certificates.provider "existing" -}}
{{ .Values.certificates.existingSecret }}
{{- else -}}
{{ include "attache.webhook" . }}-tls
{{- end -}}
{{- end -}}

{{/* The Secret of the authority that the controller keeps, for the provider "self". */}}
{{- define "attache.authoritySecret" -}}{{ include "attache.webhook" . }}-authority{{- end -}}

{{/* Flags about certificates that both modes of the manager share. */}}
{{- define "attache.authorityArgs" -}}
- --webhook-configuration={{ include "attache.fullname" . }}
{{- if eq .Values.certificates.provider "self" }}
- --authority-secret={{ include "attache.authoritySecret" . }}
- --authority-namespace={{ .Release.Namespace }}
- --authority-lifetime={{ .Values.certificates.authorityLifetime }}
- --certificate-lifetime={{ .Values.certificates.lifetime }}
{{- end }}
{{- end -}}

{{- define "attache.platformNamespaces" -}}
{{- prepend .Values.platformNamespaces .Release.Namespace | uniq | join "," -}}
{{- end -}}

{{/* "Kind.group" of listed kinds, as the flags take them. */}}
{{- define "attache.kindList" -}}
{{- $kinds := list -}}
{{- range . -}}{{- $kinds = append $kinds (printf "%s.%s" .kind .group) -}}{{- end -}}
{{- $kinds | join "," -}}
{{- end -}}

{{/* Flags that both modes of the manager share. */}}
{{- define "attache.args" -}}
- manager
- --platform-namespaces={{ include "attache.platformNamespaces" . }}
{{- with .Values.policyKinds }}
- --policy-kinds={{ include "attache.kindList" . }}
{{- end }}
{{- with .Values.routeKinds }}
- --route-kinds={{ include "attache.kindList" . }}
{{- end }}
- --annotate-routes={{ .Values.annotateRoutes }}
{{- with .Values.export.exporters }}
- --exporters={{ join "," . }}
{{- end }}
{{- $parameters := include "attache.exportParameters" . }}
{{- if $parameters }}
- --export-parameters={{ $parameters }}
{{- end }}
{{- $cleanup := include "attache.exportCleanup" . }}
{{- if $cleanup }}
- --export-cleanup={{ $cleanup }}
{{- end }}
{{- if .Values.export.refuseUnenforced }}
- --export-refuse-unenforced
{{- end }}
- --health-probe-bind-address=:8081
- --metrics-bind-address={{ if .Values.metrics.enabled }}:{{ .Values.metrics.port }}{{ else }}0{{ end }}
{{- if and .Values.metrics.enabled .Values.metrics.secure }}
- --metrics-secure
{{- if .Values.metrics.certificateSecret }}
- --metrics-cert-dir=/etc/attache/metrics
{{- end }}
{{- end }}
{{- end -}}

{{/* The Secret with the certificate of the metrics, if one is mounted. */}}
{{- define "attache.metricsSecret" -}}
{{- if and .Values.metrics.enabled .Values.metrics.secure -}}{{ .Values.metrics.certificateSecret }}{{- end -}}
{{- end -}}

{{/* What every pod has: the profile "restricted", and where it may run. */}}
{{- define "attache.pod" -}}
automountServiceAccountToken: true
enableServiceLinks: false
{{- if not (kindIs "invalid" .root.Values.hostUsers) }}
hostUsers: {{ .root.Values.hostUsers }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .values.topologySpread.enabled }}
topologySpreadConstraints:
{{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- topologyKey: {{ . }}
  maxSkew: 1
  whenUnsatisfiable: {{ $.values.topologySpread.whenUnsatisfiable }}
  labelSelector:
    matchLabels: {{- include "attache.selector" $ | nindent 6 }}
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}

{{- define "attache.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "attache.container" -}}
image: {{ include "attache.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{ include "attache.containerSecurity" . }}
livenessProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 2
  failureThreshold: 1
startupProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 2
  failureThreshold: 30
{{- with .values.resources }}
resources: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "attache.env" -}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
{{- end -}}

{{/* The kinds that exporters write, as YAML. */}}
{{- define "attache.exportKinds" -}}
agentgateway: [{group: agentgateway.dev, resource: agentgatewaypolicies}]
envoy-gateway: [{group: gateway.envoyproxy.io, resource: backendtrafficpolicies}]
kgateway: [{group: gateway.kgateway.dev, resource: trafficpolicies}]
nginx: [{group: gateway.nginx.org, resource: ratelimitpolicies}, {group: gateway.nginx.org, resource: proxysettingspolicies}]
standard: []
traefik: [{group: traefik.io, resource: middlewares}]
{{- end -}}

{{/* The mode of an exporter. Experimental ones compute only. */}}
{{- define "attache.exportMode" -}}
{{- $parameters := default dict (get .root.Values.export.parameters .name) -}}
{{- if has .name (list "agentgateway" "kgateway" "nginx") -}}Plan{{- else -}}{{ default "Write" (get $parameters "mode") }}{{- end -}}
{{- end -}}

{{/* Whether anything is written into routes: not empty when it is. */}}
{{- define "attache.exportInjects" -}}
{{- $cleanup := splitList "," (include "attache.exportCleanup" .) -}}
{{- range $name := concat .Values.export.exporters $cleanup -}}
{{- if has $name (list "envoy-gateway" "standard" "traefik") -}}{{ $name }} {{ end -}}
{{- end -}}
{{- end -}}

{{- define "attache.exportParameters" -}}
{{- $words := list -}}
{{- range $name, $parameters := .Values.export.parameters -}}
{{- range $key, $value := $parameters -}}
{{- $words = append $words (printf "%s.%s=%v" $name $key $value) -}}
{{- end -}}
{{- end -}}
{{- join "," $words -}}
{{- end -}}

{{/*
The exporters that are switched off and whose objects are removed: those that the
values name, or every one whose CRDs the cluster has.
*/}}
{{- define "attache.exportCleanup" -}}
{{- if kindIs "invalid" .Values.export.cleanup -}}
{{- $names := list -}}
{{- range $name, $kinds := fromYaml (include "attache.exportKinds" .) -}}
{{- if and $kinds (not (has $name $.Values.export.exporters)) (has $name (list "envoy-gateway" "traefik")) -}}
{{- $first := first $kinds -}}
{{- if lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" (printf "%s.%s" $first.resource $first.group) -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $names -}}
{{- else -}}
{{- join "," .Values.export.cleanup -}}
{{- end -}}
{{- end -}}

{{/*
Refuses a downgrade to an older minor version, and an upgrade that skips a major version; in 0.x, minor
versions count like major ones, and 1.0 follows none of them. Where there is no cluster, the installed
version is not known, and nothing is refused. "helm rollback" does not render.
*/}}
{{- define "attache.reviewedUpgrade" -}}
{{- $deployment := lookup "apps/v1" "Deployment" .Release.Namespace (include "attache.controller" .) -}}
{{- $installed := dig "metadata" "labels" "app.kubernetes.io/version" "" (default dict $deployment) -}}
{{- if regexMatch "^v?[0-9]+\\.[0-9]+\\.[0-9]+" $installed -}}
{{- $from := semver $installed -}}
{{- $to := semver .Chart.AppVersion -}}
{{- $line := printf "%d.%d" $from.Major $from.Minor -}}
{{- $back := or (lt $to.Major $from.Major) (and (eq $to.Major $from.Major) (lt $to.Minor $from.Minor)) -}}
{{- $next := add1 $from.Major -}}
{{- $skips := gt (int64 $to.Major) $next -}}
{{- if eq $from.Major 0 -}}
{{- $skips = or (gt $to.Major 0) (gt (int64 $to.Minor) (add1 $from.Minor)) -}}
{{- end -}}
{{- if and (or $back $skips) (ne $line .Values.upgrade.acceptFrom) -}}
{{- $advice := "this skips versions that may convert what is stored, or change what a value means. Read CHANGELOG.md for each of them, and upgrade to one after the other" -}}
{{- if $back -}}
{{- $advice = "an older version may not read what the installed one has stored. To undo an upgrade, use helm rollback, and read CHANGELOG.md and docs/install.md about upgrading" -}}
{{- end -}}
{{- fail (printf "attache %s is installed, and this chart has %s: %s. To do it all the same, set upgrade.acceptFrom=%q" $installed .Chart.AppVersion $advice $line) -}}
{{- end -}}
{{- end -}}
{{- end -}}
