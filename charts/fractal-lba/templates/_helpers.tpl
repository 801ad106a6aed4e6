{{- define "fleet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What never changes of a fleet's verifiers, so it can select. */}}
{{- define "fleet.selectorLabels" -}}
app.kubernetes.io/name: fractal-lba
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: verifier
{{- end -}}

{{- define "fleet.releaseLabels" -}}
app.kubernetes.io/part-of: fractal-lba
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "fleet.labels" -}}
{{ include "fleet.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{ include "fleet.releaseLabels" . }}
{{- end -}}

{{/* Labels of one bundled shard: (dict "root" $ "index" 0). */}}
{{- define "fleet.shardSelectorLabels" -}}
app.kubernetes.io/name: fractal-lba-shard
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .root.Values.shards.kind }}
fractal.lba.io/shard: {{ .index | quote }}
{{- end -}}

{{- define "fleet.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "fleet.shardImage" -}}
{{- $image := .Values.shards.bundled.image -}}
{{- $defaults := dict "redis" (list "docker.io/valkey/valkey" "8.1") "postgres" (list "docker.io/library/postgres" "17") -}}
{{- $default := get $defaults .Values.shards.kind -}}
{{- printf "%s:%s" ($image.repository | default (first $default)) ($image.tag | default (last $default)) -}}
{{- end -}}

{{- define "fleet.shardPort" -}}
{{- if eq .Values.shards.kind "redis" }}6379{{ else }}5432{{ end -}}
{{- end -}}

{{- define "fleet.adminSecret" -}}
{{- .Values.admin.existingSecret | default (printf "%s-admin" (include "fleet.fullname" .)) -}}
{{- end -}}

{{- define "fleet.configMap" -}}{{ include "fleet.fullname" . }}-config{{- end -}}

{{/* Empty where the shards ask for no password. */}}
{{- define "fleet.credentialsSecret" -}}
{{- if .Values.shards.credentials.existingSecret -}}
{{- .Values.shards.credentials.existingSecret -}}
{{- else if .Values.shards.bundled.enabled -}}
{{- include "fleet.fullname" . }}-shards
{{- end -}}
{{- end -}}

{{- define "fleet.operatorTlsSecret" -}}{{ .Values.tls.operatorSecretName | default .Values.tls.secretName }}{{- end -}}

{{/* Pods are called by their address, which no certificate holds. */}}
{{- define "fleet.tlsServerName" -}}
{{- .Values.tls.serverName | default (printf "%s-pods.%s.svc" (include "fleet.fullname" .) .Release.Namespace) -}}
{{- end -}}

{{- define "fleet.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "fleet.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* Addresses of the fleet's first shards, as a JSON list. Bundled ones have names that also resolve in the operator's namespace. */}}
{{- define "fleet.shards" -}}
{{- if .Values.shards.bundled.enabled -}}
{{- $addresses := list -}}
{{- range $index := until (int .Values.shards.bundled.count) -}}
{{- $host := printf "%s-shard-%d.%s.svc" (include "fleet.fullname" $) $index $.Release.Namespace -}}
{{- $addresses = append $addresses (eq $.Values.shards.kind "redis" | ternary (printf "redis://%s:6379" $host) (printf "postgres://%s:5432/dedup" $host)) -}}
{{- end -}}
{{- $addresses | toRawJson -}}
{{- else -}}
{{- .Values.shards.addresses | toRawJson -}}
{{- end -}}
{{- end -}}

{{/* What the schema cannot say, each with what to do. */}}
{{- define "fleet.validate" -}}
{{- with .Values -}}
{{- if and (not .shards.bundled.enabled) (not .shards.addresses) -}}
{{- fail "shards: give shards.addresses, or shards.bundled.enabled=true to try it out" -}}
{{- end -}}
{{- if and .shards.bundled.enabled .shards.addresses -}}
{{- fail "shards: give either shards.addresses or shards.bundled.enabled=true, not both" -}}
{{- end -}}
{{- range .shards.addresses -}}
{{- if not (hasPrefix (ternary "redis" "postgres" (eq $.Values.shards.kind "redis")) .) -}}
{{- fail (printf "shards.addresses: %s is not of shards.kind %s" (regexReplaceAll "//.*@" . "//***@") $.Values.shards.kind) -}}
{{- end -}}
{{- end -}}
{{- if and (eq .signing.algorithm "hmac") (not .signing.existingSecret) -}}
{{- fail "signing.existingSecret: name the Secret with the key hmac-key" -}}
{{- end -}}
{{- if and (eq .signing.algorithm "ed25519") (not .signing.ed25519PublicKey) -}}
{{- fail "signing.ed25519PublicKey: give the public key in base64" -}}
{{- end -}}
{{- if and .multiTenant.enabled (not .multiTenant.existingSecret) -}}
{{- fail "multiTenant.existingSecret: name the Secret with the key tenants" -}}
{{- end -}}
{{- if and .tls.enabled (not .tls.secretName) -}}
{{- fail "tls.secretName: name the Secret with tls.crt, tls.key and ca.crt" -}}
{{- end -}}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) -}}
{{- fail "autoscaling.minReplicas: must be at most autoscaling.maxReplicas" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The PodSecurity profile "restricted", of a container. */}}
{{- define "fleet.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "fleet.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}
