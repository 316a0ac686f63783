/**
 * The lines of "Upgrade from Version 2.8 or lower" of the vendor's upgrade page (2.9 to 2.11), character by
 * character. Only here, and only to show what they do.
 */
export const PAGE_LINES: readonly string[] = [
  `kubectl delete --namespace runai-backend --all \\
    deployments,statefulset,svc,ing,ServiceAccount,secrets`,
  'kubectl delete svc -n kube-system runai-cluster-kube-prometh-kubelet',
  'kubectl delete ValidatingWebhookConfiguration runai-backend-nginx-ingress-admission',
  'kubectl delete ingressclass nginx ',
];

/** Its next line: what it then asks for. */
export const PAGE_GET_VALUES = 'helm get values runai-backend -n runai-backend';
