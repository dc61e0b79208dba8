{{- define "beamgate.labels" -}}
app.kubernetes.io/name: beamgate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "beamgate.selector" -}}
app.kubernetes.io/name: beamgate
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "beamgate.name" -}}
{{ .root.Release.Name }}-{{ .component }}
{{- end }}

{{- define "beamgate.configSecret" -}}
{{ .Values.configSecret | default (printf "%s-config" .Release.Name) }}
{{- end }}

{{- define "beamgate.signingKeySecret" -}}
{{ .Values.signingKeySecret | default (printf "%s-signing-key" .Release.Name) }}
{{- end }}

{{/* Of kernels. */}}
{{- define "beamgate.priorityClass" -}}
{{ .Release.Name }}-kernels
{{- end }}

{{/* Where kernels run, projects with a namespace of their own included: a list as JSON. */}}
{{- define "beamgate.kernelNamespaces" -}}
{{- $all := concat (list .Values.kernels.namespace) .Values.kernels.namespaces }}
{{- range $project := values (dig "compute" "projects" dict .Values.config) }}
{{- with $project.namespace }}{{ $all = append $all . }}{{ end }}
{{- end }}
{{- $all | uniq | sortAlpha | toJson }}
{{- end }}

{{/* The pod of a service: {root, component, resources}. */}}
{{- define "beamgate.pod" -}}
metadata:
  labels: {{- include "beamgate.labels" . | nindent 4 }}
  annotations:
    # New settings are new pods.
    beamgate/config: {{ toJson .root.Values.config | sha256sum }}
spec:
  serviceAccountName: {{ include "beamgate.name" . }}
  automountServiceAccountToken: {{ eq .component "launcher" }}
  enableServiceLinks: false
  # A gateway lets its clients go in order.
  terminationGracePeriodSeconds: 60
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10000
    runAsGroup: 10000
    fsGroup: 10000
    seccompProfile: { type: RuntimeDefault }
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "beamgate.selector" . | nindent 10 }}
  containers:
    - name: {{ .component }}
      image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      args: [{{ .component }}, --config, /etc/beamgate/config.json]
      env:
        - { name: BEAMGATE_HOST, value: 0.0.0.0 }
        - { name: BEAMGATE_PORT, value: '8888' }
        - { name: BEAMGATE_DATA, value: /var/lib/beamgate }
        - { name: BEAMGATE_LOG_FILE, value: '-' }
        - { name: BEAMGATE_COMPUTE_HOST, value: kubernetes }
        - { name: BEAMGATE_COMPUTE_NAMESPACE, value: {{ .root.Values.kernels.namespace | quote }} }
        - { name: BEAMGATE_COMPUTE_LAUNCHER, value: {{ .root.Release.Name | quote }} }
        {{- if not (dig "compute" "priorityClass" "" .root.Values.config) }}
        - { name: BEAMGATE_COMPUTE_PRIORITY_CLASS, value: {{ include "beamgate.priorityClass" .root }} }
        {{- end }}
        - { name: BEAMGATE_AUTH_SIGNING_KEY_FILE, value: /etc/beamgate-key/issuer.pem }
        {{- range $name := list "bus" "store" }}
        {{- if (get $.root.Values $name).tlsSecret }}
        - { name: BEAMGATE_{{ upper $name }}_TLS_CA, value: /etc/beamgate-tls/{{ $name }}/ca.crt }
        - { name: BEAMGATE_{{ upper $name }}_TLS_CERTIFICATE, value: /etc/beamgate-tls/{{ $name }}/tls.crt }
        - { name: BEAMGATE_{{ upper $name }}_TLS_KEY, value: /etc/beamgate-tls/{{ $name }}/tls.key }
        {{- end }}
        {{- end }}
      ports:
        - { name: http, containerPort: 8888 }
      startupProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: { path: /healthz, port: http }
        periodSeconds: 10
        timeoutSeconds: 5
      readinessProbe:
        httpGet: { path: /readyz, port: http }
        periodSeconds: 5
        timeoutSeconds: 5
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      resources: {{- toYaml .resources | nindent 8 }}
      volumeMounts:
        - { name: config, mountPath: /etc/beamgate, readOnly: true }
        - { name: signing-key, mountPath: /etc/beamgate-key, readOnly: true }
        {{- range $name := list "bus" "store" }}
        {{- if (get $.root.Values $name).tlsSecret }}
        - { name: {{ $name }}-tls, mountPath: /etc/beamgate-tls/{{ $name }}, readOnly: true }
        {{- end }}
        {{- end }}
        - { name: data, mountPath: /var/lib/beamgate }
  volumes:
    {{- range $name := list "bus" "store" }}
    {{- with (get $.root.Values $name).tlsSecret }}
    - name: {{ $name }}-tls
      secret: { secretName: {{ . }} }
    {{- end }}
    {{- end }}
    - name: config
      secret: { secretName: {{ include "beamgate.configSecret" .root }} }
    - name: signing-key
      secret: { secretName: {{ include "beamgate.signingKeySecret" .root }} }
    - name: data
      emptyDir: {}
{{- end }}
