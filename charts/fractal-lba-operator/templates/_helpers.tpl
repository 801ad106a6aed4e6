{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: fractal-lba-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: fractal-lba
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}{{ .repository }}@{{ .digest }}{{- else -}}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{- end -}}
{{- end -}}
{{- end -}}

{{- define "operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "operator.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* Metrics are for those whom the API server knows, and asking it takes a ClusterRole. */}}
{{- define "operator.servesMetrics" -}}
{{- if and .Values.metrics.enabled .Values.rbac.clusterWide }}true{{ end -}}
{{- end -}}

{{/* Empty where metrics are not served, or not encrypted. */}}
{{- define "operator.metricsSecret" -}}
{{- if and (include "operator.servesMetrics" .) .Values.metrics.tls.enabled -}}
{{- .Values.metrics.tls.secretName | default (printf "%s-metrics-tls" (include "operator.fullname" .)) -}}
{{- end -}}
{{- end -}}

{{- define "operator.validate" -}}
{{- if and (not .Values.rbac.clusterWide) (not .Values.watchNamespaces) -}}
{{- fail "watchNamespaces: without rbac.clusterWide the operator sees only the namespaces that are named here" -}}
{{- end -}}
{{- end -}}

{{/* What the operator does with its custom resources, and what it looks at, in each namespace that it watches. */}}
{{- define "operator.managerRules" -}}
- apiGroups: [fractal.lba.io]
  resources: [shardmigrations, crrpolicies, tieringpolicies]
  # get: to try again on the newest version after a conflict.
  verbs: [get, list, watch, patch]
- apiGroups: [fractal.lba.io]
  resources: [shardmigrations/status, crrpolicies/status, tieringpolicies/status]
  verbs: [patch]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
