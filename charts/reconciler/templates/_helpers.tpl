{{- define "reconciler.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "reconciler.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "reconciler.name" .) }}
{{- end }}

{{- define "reconciler.labels" -}}
app.kubernetes.io/name: reconciler
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "reconciler.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{/* The settings with what only this release knows. */}}
{{- define "reconciler.settings" -}}
{{- $settings := deepCopy .Values.settings -}}
{{- $namespace := .Release.Namespace -}}
{{- range $name, $cluster := $settings.clusters }}
{{- if and $cluster.inCluster (not (hasKey $cluster "namespace")) }}
{{- $_ := set $cluster "namespace" $namespace }}
{{- end }}
{{- end }}
{{- if not (dig "metrics" "address" "" $settings) }}
{{- $_ := set $settings "metrics" (merge (dict "address" "0.0.0.0:9090") ($settings.metrics | default dict)) }}
{{- end }}
{{- toYaml $settings }}
{{- end }}

{{/* What is done to managed objects: get and list and watch to plan, create and patch to apply, delete to prune. */}}
{{- define "reconciler.managed" -}}
{{- range .Values.rights.kinds }}
- apiGroups: {{ toJson .apiGroups }}
  resources: {{ toJson .resources }}
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
# Never written: the health of a rollout is read from them.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list, watch]
{{- if .Values.rights.look }}
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- end }}
{{- end }}
