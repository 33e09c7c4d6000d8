{{- define "berth.selector" -}}
{app.kubernetes.io/name: {{ . }}}
{{- end -}}

{{- define "berth.labels" -}}
{app.kubernetes.io/name: {{ . }}, app.kubernetes.io/part-of: berth}
{{- end -}}

{{- /* The pod of one process: (dict "root" . "name" NAME "grace" SECONDS). */ -}}
{{- define "berth.spec" -}}
serviceAccountName: {{ if eq .name "gateway" }}gateway{{ else }}daemon{{ end }}
automountServiceAccountToken: {{ eq .name "gateway" }}
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
terminationGracePeriodSeconds: {{ .grace }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector: {matchLabels: {{ include "berth.selector" .name }}}
{{- end -}}

{{- /* (dict "root" . "name" NAME) */ -}}
{{- define "berth.container" -}}
name: {{ .name }}
image: {{ .root.Values.image.registry }}/{{ .name }}:{{ .root.Values.image.tag }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: [--config, /etc/berth/config.yaml]
{{- if eq .name "gateway" }}
startupProbe: {httpGet: {path: /healthz, port: health}, periodSeconds: 2, failureThreshold: 30}
readinessProbe: {httpGet: {path: /readyz, port: health}, periodSeconds: 5}
livenessProbe: {httpGet: {path: /healthz, port: health}, periodSeconds: 10, failureThreshold: 6}
{{- else }}
{{- /* It wants a certificate of whoever asks over the network, which a kubelet does not have. */}}
{{- $probe := printf "exec: {command: [/usr/bin/berth-%s, --config, /etc/berth/config.yaml, --healthcheck]}" .name }}
startupProbe: { {{- $probe }}, periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 30}
readinessProbe: { {{- $probe }}, periodSeconds: 5, timeoutSeconds: 5}
livenessProbe: { {{- $probe }}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
{{- end }}
resources:
  {{- toYaml (get .root.Values .name).resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "berth.mounts" -}}
- {name: config, mountPath: /etc/berth/config.yaml, subPath: config.yaml, readOnly: true}
- {name: tls, mountPath: /run/secrets/berth/tls, readOnly: true}
- {name: run, mountPath: /run/berth}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- define "berth.volumes" -}}
- {name: config, configMap: {name: berth}}
- {name: tls, secret: {secretName: {{ . }}-tls, defaultMode: 288}}
- {name: run, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- end -}}

{{- /* A new configuration is read by new pods. */ -}}
{{- define "berth.annotations" -}}
{berth/config: {{ include "berth.config" . | sha256sum | trunc 16 | quote }}}
{{- end -}}

{{- define "berth.claim" -}}
- metadata: {name: state}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ .storage }}}}
{{- end -}}

{{- /* (dict "root" . "name" NAME) */ -}}
{{- define "berth.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
spec:
  maxUnavailable: 1
  selector: {matchLabels: {{ include "berth.selector" .name }}}
{{- end -}}

{{- /* Both sides of a call between two processes show a certificate of the private authority. */ -}}
{{- define "berth.identity" -}}
cacert: /run/secrets/berth/tls/ca.crt
cert: /run/secrets/berth/tls/tls.crt
key: /run/secrets/berth/tls/tls.key
{{- end -}}

{{- define "berth.server" -}}
cert: /run/secrets/berth/tls/tls.crt
key: /run/secrets/berth/tls/tls.key
clientcacert: /run/secrets/berth/tls/ca.crt
{{- end -}}

{{- define "berth.standard" -}}
ssh:
  listen: 0.0.0.0:2222
  hostkeys: [/run/secrets/berth/host/ssh_host_ed25519_key]
backend: kubernetes
kubernetes:
  pod:
    metadata:
      namespace: {{ .Values.people.namespace }}
      generateName: berth-
    agent:
      image: {{ .Values.image.registry }}/agent:{{ .Values.image.tag }}
    spec:
      containers:
        - name: shell
          image: debian:bookworm-slim
floor:
  backends: [kubernetes]
auth:
  password:
    method: webhook
    webhook:
      url: https://authd:7010
      {{- include "berth.identity" . | nindent 6 }}
  publicKey:
    method: webhook
    webhook:
      url: https://authd:7010
      {{- include "berth.identity" . | nindent 6 }}
configserver:
  url: https://configd:7020/config
  {{- include "berth.identity" . | nindent 2 }}
audit:
  enable: true
  format: binary
  storage: file
  intercept: {stdin: false, stdout: true, stderr: true, passwords: false}
  server:
    url: https://auditd:7030
    {{- include "berth.identity" . | nindent 4 }}
metrics:
  enable: true
  listen: 0.0.0.0:9100
  push:
    url: https://metricsd:7040
    {{- include "berth.identity" . | nindent 4 }}
health:
  enable: true
  listen: 0.0.0.0:7000
  client:
    url: http://127.0.0.1:7000/
    {{- include "berth.identity" . | nindent 4 }}
log:
  level: info
  format: ljson
authd:
  listen: 0.0.0.0:7010
  {{- include "berth.server" . | nindent 2 }}
  database: /var/lib/berth/authd.sqlite
configd:
  listen: 0.0.0.0:7020
  {{- include "berth.server" . | nindent 2 }}
  rules: [/etc/berth/rules]
auditd:
  listen: 0.0.0.0:7030
  {{- include "berth.server" . | nindent 2 }}
  directory: /var/lib/berth
metricsd:
  listen: 0.0.0.0:7040
  {{- include "berth.server" . | nindent 2 }}
{{- end -}}

{{- /* (dict "base" MAP "over" MAP): sprig's own merge takes no false and no 0. */ -}}
{{- define "berth.merged" -}}
{{- $result := deepCopy .base -}}
{{- range $key, $value := .over -}}
{{- $own := get $result $key -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $result $key -}}
{{- else if and (kindIs "map" $value) (kindIs "map" $own) -}}
{{- $_ := set $result $key (include "berth.merged" (dict "base" $own "over" $value) | fromYaml) -}}
{{- else -}}
{{- $_ := set $result $key $value -}}
{{- end -}}
{{- end -}}
{{- toYaml $result -}}
{{- end -}}

{{- define "berth.config" -}}
{{- $standard := include "berth.standard" . | fromYaml -}}
{{- include "berth.merged" (dict "base" $standard "over" .Values.config) -}}
{{- end -}}
