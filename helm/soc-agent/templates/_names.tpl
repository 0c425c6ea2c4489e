{{/* Names and labels. */}}
{{- define "soc.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* What selects pods: never changes over the versions of the chart, so that no pod is replaced for a version alone. */}}
{{- define "soc.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "soc.labels" -}}
{{ include "soc.selector" . }}
app.kubernetes.io/part-of: soc-agent
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "soc.image" -}}
{{- .image.repository }}:{{ default .root.Chart.AppVersion .image.tag -}}
{{- end -}}

{{/* auto follows the cluster: are the operator's CRDs there? */}}
{{- define "soc.monitoring" -}}
{{- if ne .Values.monitoring.mode "auto" -}}
{{- .Values.monitoring.mode -}}
{{- else if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor" -}}
operator
{{- else -}}
annotations
{{- end -}}
{{- end -}}
