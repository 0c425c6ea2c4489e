{{/* What pods have in common: the restricted Pod Security Standard, where they go, how they are asked. */}}
{{- define "soc.pod" -}}
serviceAccountName: {{ include "soc.fullname" .root }}-{{ .component }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .user }}
  runAsGroup: {{ .user }}
  fsGroup: {{ .user }}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "soc.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "soc.placement" -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .values.affinity }}
affinity: {{ toJson . }}
{{- end }}
topologySpreadConstraints:
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "soc.selector" $ | nindent 8 }}
{{- if ne $.component "redis" }}
    # A new version is spread by itself: pods that are about to go do not count.
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}
{{- end -}}

{{/* /health tells whether the process lives, whatever Redis does; /ready whether it can work. */}}
{{- define "soc.probes" -}}
startupProbe: {{ toJson (merge (dict "httpGet" (dict "path" "/health" "port" .port)) .probes.startup) }}
livenessProbe: {{ toJson (merge (dict "httpGet" (dict "path" "/health" "port" .port)) .probes.liveness) }}
readinessProbe: {{ toJson (merge (dict "httpGet" (dict "path" "/ready" "port" .port)) .probes.readiness) }}
{{- end -}}

{{- define "soc.podAnnotations" -}}
checksum/settings: {{ include "soc.settings" (dict "common" .root.Values.settings "own" .values.settings) | sha256sum }}
{{- if .root.Values.redis.enabled }}
checksum/secret: {{ include "soc.secretChecksum" .root }}
{{- end }}
{{- if eq (include "soc.monitoring" .root) "annotations" }}
prometheus.io/scrape: "true"
prometheus.io/port: {{ .port | quote }}
prometheus.io/path: /metrics
{{- end }}
{{- with .values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Pods of ours, as a NetworkPolicy names them. */}}
{{- define "soc.peer" -}}
podSelector: {matchLabels: {app.kubernetes.io/name: {{ .root.Chart.Name }}, app.kubernetes.io/instance: {{ .root.Release.Name }}, app.kubernetes.io/component: {{ .component }}}}
{{- end -}}
