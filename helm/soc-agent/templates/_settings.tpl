{{/* Settings as a ConfigMap's data. Whole numbers come from YAML as floats, which would print as 1e+06. */}}
{{- define "soc.settings" -}}
{{- range $name, $value := merge (dict) .own .common -}}
{{ $name }}: {{ if kindIs "float64" $value }}{{ $value | int64 | quote }}{{ else }}{{ $value | toString | quote }}{{ end }}
{{ end -}}
{{- end -}}

{{/* What the table's single rows cannot say. */}}
{{- define "soc.checkSettings" -}}
{{- $worker := .Values.worker.settings -}}
{{- if ge ($worker.SOC_HEARTBEAT_MS | int64) ($worker.SOC_SUSPECT_MS | int64) -}}
{{- fail "worker.settings.SOC_SUSPECT_MS must be more than worker.settings.SOC_HEARTBEAT_MS" -}}
{{- end -}}
{{- if and .Values.redis.enabled (gt (.Values.api.settings.SOC_WAIT_REPLICAS | int64) (include "soc.redisReplicas" . | int64)) -}}
{{- fail "api.settings.SOC_WAIT_REPLICAS is more than Redis has replicas (redis.architecture, redis.replication.replicaCount)" -}}
{{- end -}}
{{- if and .Values.worker.keda.enabled .Values.worker.hpa.enabled -}}
{{- fail "worker.keda.enabled and worker.hpa.enabled: only one may scale the workers, set the other to false" -}}
{{- end -}}
{{- range list "api" "worker" -}}
{{- $hpa := (index $.Values .).hpa -}}
{{- if lt ($hpa.maxReplicas | int64) ($hpa.minReplicas | int64) -}}
{{- fail (printf "%s.hpa.maxReplicas is less than %s.hpa.minReplicas" . .) -}}
{{- end -}}
{{- end -}}
{{- if not (or .Values.redis.enabled .Values.redis.external.existingSecret) -}}
{{- fail "redis.external.existingSecret is needed when redis.enabled is false: the Secret that holds the URL under redis.external.secretKey" -}}
{{- end -}}
{{- if and .Values.ingress.tls.enabled (not .Values.ingress.tls.secretName) -}}
{{- fail "ingress.tls.secretName is needed when ingress.tls.enabled is true" -}}
{{- end -}}
{{- end -}}
