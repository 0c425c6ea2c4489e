{{/* Redis: where it is, what it may use, who may enter. */}}
{{- define "soc.redisReplicas" -}}
{{- if eq .Values.redis.architecture "replication" -}}
{{- sub (.Values.redis.replication.replicaCount | int64) 1 -}}
{{- else -}}
0
{{- end -}}
{{- end -}}

{{- define "soc.redisPods" -}}
{{- $name := printf "%s-redis" (include "soc.fullname" .) -}}
{{- range $i := until (.Values.redis.replication.replicaCount | int) -}}
{{- if $i }},{{ end }}{{ $name }}-{{ $i }}.{{ $name }}-pods
{{- end -}}
{{- end -}}

{{/* The password comes in by its variable, so that the URL holds no secret. */}}
{{- define "soc.redisUrl" -}}
{{- if eq .Values.redis.architecture "replication" -}}
redis+sentinel://soc:$(REDIS_PASSWORD)@{{ include "soc.redisPods" . | replace "," ":26379," }}:26379/soc-master/0
{{- else -}}
redis://soc:$(REDIS_PASSWORD)@{{ include "soc.fullname" . }}-redis:6379/0
{{- end -}}
{{- end -}}

{{- define "soc.redisSecret" -}}
{{- default (printf "%s-redis" (include "soc.fullname" .)) .Values.redis.auth.existingSecret -}}
{{- end -}}

{{/* Of this release or of the one before it: made once, kept over upgrades, the same wherever it is asked for. */}}
{{- define "soc.redisPasswords" -}}
{{- if not (hasKey .Values "madePasswords") -}}
{{- $old := (lookup "v1" "Secret" .Release.Namespace (include "soc.redisSecret" .)).data | default dict -}}
{{- $made := dict -}}
{{- range list "redis-password" "redis-admin-password" -}}
{{- $_ := set $made . (get $old . | default (randAlphaNum 40 | b64enc)) -}}
{{- end -}}
{{- $_ := set .Values "madePasswords" $made -}}
{{- end -}}
{{- toYaml .Values.madePasswords -}}
{{- end -}}

{{- define "soc.secretChecksum" -}}
{{- if .Values.redis.auth.existingSecret -}}
{{- (lookup "v1" "Secret" .Release.Namespace .Values.redis.auth.existingSecret).data | default dict | toJson | sha256sum -}}
{{- else -}}
{{- include "soc.redisPasswords" . | sha256sum -}}
{{- end -}}
{{- end -}}

{{- define "soc.redisEnvironment" -}}
{{- if .Values.redis.enabled -}}
- name: REDIS_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "soc.redisSecret" . }}, key: redis-password}}
- name: REDIS_URL
  value: {{ include "soc.redisUrl" . }}
{{- else -}}
- name: REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ .Values.redis.external.existingSecret }}, key: {{ .Values.redis.external.secretKey }}}}
{{- end -}}
{{- end -}}

{{/* A Kubernetes quantity in bytes. */}}
{{- define "soc.bytes" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 -}}
{{- $unit := regexFind "[A-Za-z]*$" . -}}
{{- if not (hasKey $units $unit) -}}
{{- fail (printf "redis.resources.limits.memory: %s must be bytes, or end in one of k M G Ki Mi Gi" .) -}}
{{- end -}}
{{- mulf (trimSuffix $unit . | float64) (get $units $unit) | int64 -}}
{{- end -}}

{{- define "soc.redisMaxmemory" -}}
{{- div (mul (include "soc.bytes" (.Values.redis.resources.limits.memory | toString) | int64) (.Values.redis.maxmemoryPercent | int64)) 100 -}}
{{- end -}}

{{/* How many threats fit before signals are refused; one takes at most 8 KiB with all that belongs to it. */}}
{{- define "soc.redisHolds" -}}
{{- div (mul (include "soc.redisMaxmemory" . | int64) (.Values.api.settings.SOC_MEMORY_LIMIT_PERCENT | int64)) (mul 100 8192) -}}
{{- end -}}

{{- define "soc.redisConf" -}}
bind * -::*
dir /data
appendonly yes
appendfsync {{ .Values.redis.appendfsync }}
save ""
maxmemory {{ include "soc.redisMaxmemory" . }}
maxmemory-policy noeviction
tcp-keepalive 15
client-output-buffer-limit normal 64mb 32mb 30
aclfile /run/soc-redis/users.acl
{{- if eq .Values.redis.architecture "replication" }}
min-replicas-to-write {{ .Values.redis.replication.minReplicasToWrite | int64 }}
min-replicas-max-lag {{ .Values.redis.replication.minReplicasMaxLagSeconds | int64 }}
repl-diskless-sync-delay 0
{{- end }}
{{- end -}}
