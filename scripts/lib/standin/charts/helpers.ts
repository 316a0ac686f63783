/** Where pods get their pull secrets from: the chart's own gcr-secret, or names in the values. */
export type PullSecrets = 'gcr-secret' | 'values';

/** The named templates of both charts: labels, pull secrets and one way to render images for each style. */
export function helpers(pull: PullSecrets): string {
  return `
{{- define "runai.chartLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "runai.imagePullSecrets" -}}
${pullSecrets(pull)}
{{- end }}

{{- define "runai.image.version" -}}
{{- with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "runai.image.bitnami" -}}
{{- .root.Values.global.imageRegistry | default .image.registry }}/{{ .image.repository }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.own-global" -}}
{{- .root.Values.global.image.registry }}/{{ .image.repository }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.own-registry" -}}
{{- .image.registry }}/{{ .image.repository }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.own-operator" -}}
{{- (index .root.Values "runai-operator").config.global.image.registry }}/{{ .image.repository }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.own-repository" -}}
{{- $address := .root.Values.backend.privateRegistryAddress }}
{{- if $address }}{{ $address }}/{{ base .image.repository }}{{ else }}{{ .image.repository }}{{ end }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.in-repository" -}}
{{- .image.repository }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.ingress-nginx" -}}
{{- .image.registry }}/{{ .image.image }}
{{- include "runai.image.version" .image }}
{{- end }}

{{- define "runai.image.test-framework" -}}
{{- .image.image }}
{{- include "runai.image.version" .image }}
{{- end }}
`;
}

function pullSecrets(pull: PullSecrets): string {
  return pull === 'values' ? '{{- .Values.global.imagePullSecrets | toJson }}' : '[{"name":"gcr-secret"}]';
}
