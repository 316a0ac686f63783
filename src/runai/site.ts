import type { ObjectRef } from './names.js';
import type { Platform } from './platform.js';
import type { Version } from './version.js';

/** What was observed at the site and decides about steps. Made by install, from real reads; no secrets. */
export interface Site {
  readonly platform: Platform;
  /** The control plane's version; absent when it is not installed. */
  readonly backend?: Version;
  /** The cluster part's version; absent when it is not installed. */
  readonly cluster?: Version;
  /** Release of the cluster part as found: runai-cluster, or runai-operator at very old sites. */
  readonly clusterRelease?: string;
  /** `nginx-ingress.enabled` of the running release, by its own values or its chart's; true by default up to 2.8. */
  readonly nginxEnabled: boolean;
  /** Which of the two cluster-wide NGINX objects carry the marks of release runai-backend. */
  readonly nginxOwned: { readonly webhook: boolean; readonly ingressClass: boolean };
  /** Names of the PersistentVolumeClaims in runai-backend. */
  readonly claims: readonly string[];
  /** Namespaces that are there. */
  readonly namespaces: readonly string[];
  /** Whether kube-system/runai-cluster-kube-prometh-kubelet is there. */
  readonly kubeletService: boolean;
  /** Whether runai-backend/runai-backend-ingress is there. */
  readonly backendIngress: boolean;
  /** Whether runai-backend/runai-backend-tls is there. */
  readonly backendTls: boolean;
  /** Workloads, services and monitors in the namespace of a cluster that must be reinstalled, marked as nobody's. */
  readonly unmarked?: readonly ObjectRef[];
  /** The OpenShift domain (of `runai.apps.<domain>`), where the platform is OpenShift. */
  readonly openshiftDomain?: string;
  /** First administrator of the OpenShift identity provider, from the old values. */
  readonly openshiftFirstAdmin?: string;
}

/** What is to be installed, as the bundle (or the spec, on a connected site) says. */
export interface Target {
  /** Version of the control plane's chart, when there is one. */
  readonly backend?: Version;
  /** Version of the cluster's chart, when there is one. */
  readonly cluster?: Version;
  /** Images are carried and pushed, or stay where they are (connected site); or there are none. */
  readonly images: 'push' | 'leave' | 'none';
  readonly crds: boolean;
  readonly prerequisites: readonly PrerequisiteChart[];
  /** Host name of the control plane, when one was given. */
  readonly domain?: string;
}

export interface PrerequisiteChart {
  readonly release: string;
  readonly namespace: string;
  /** Name of the chart. */
  readonly chart: string;
}

/** Site and target together: all that the table of steps decides by. */
export interface Facts {
  readonly site: Site;
  readonly target: Target;
}
