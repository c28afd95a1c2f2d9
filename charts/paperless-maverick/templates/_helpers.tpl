{{/* The release's name is the name of everything; the worker's objects add -worker. */}}
{{- define "paperless-maverick.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "paperless-maverick.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "paperless-maverick.name" .) }}
{{- end }}

{{/* No version and no revision here: they would change every object at every release. */}}
{{- define "paperless-maverick.labels" -}}
app.kubernetes.io/name: paperless-maverick
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: paperless-maverick
{{- end }}

{{/* Immutable in a Deployment: never add to these. Called with the component and the root: list "web" $ */}}
{{- define "paperless-maverick.selector" -}}
app.kubernetes.io/name: paperless-maverick
app.kubernetes.io/instance: {{ (index . 1).Release.Name }}
app.kubernetes.io/component: {{ index . 0 }}
{{- end }}

{{- define "paperless-maverick.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- define "paperless-maverick.environment" -}}
envFrom:
  - configMapRef:
      name: {{ include "paperless-maverick.name" . }}
  {{- with .Values.existingSecret }}
  - secretRef:
      name: {{ . }}
  {{- end }}
{{- end }}

{{/* What web and worker pods have in common. Called with the component and the root: list "web" $ */}}
{{- define "paperless-maverick.pod" -}}
{{- $component := index . 0 -}}
{{- $root := index . 1 -}}
{{- $values := index $root.Values $component -}}
serviceAccountName: {{ include "paperless-maverick.serviceAccount" $root }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
securityContext:
  {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "paperless-maverick.selector" (list $component $root) | nindent 8 }}
  {{- end }}
volumes:
  - name: scratch
    emptyDir:
      sizeLimit: {{ $root.Values.scratch.sizeLimit }}
{{- end }}

{{/* The part of a container that web and worker share. Called with the component and the root: list "web" $ */}}
{{- define "paperless-maverick.container" -}}
{{- $root := index . 1 -}}
{{- $values := index $root.Values (index . 0) -}}
image: {{ include "paperless-maverick.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
{{- with $values.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{ include "paperless-maverick.environment" $root }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
securityContext:
  {{- toYaml $root.Values.securityContext | nindent 2 }}
volumeMounts:
  - name: scratch
    mountPath: /tmp
{{- end }}
