import type { HelmProgram } from './find.js';

export interface ReleaseName {
  readonly release: string;
  readonly namespace: string;
}

export interface UpgradeRequest extends ReleaseName {
  /** A chart's tgz or folder. */
  readonly chart: string;
  /** Complete values, in files; later ones win. Never merged with what the release has. */
  readonly valuesFiles: readonly string[];
  /** Milliseconds that helm may take for each of its waits (hooks). */
  readonly timeout: number;
  /** Stands in the history of the release once it is deployed. */
  readonly description?: string;
  /** Labels of the release's Secret; they are there while it is still pending. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly dryRun?: 'server';
  /** Strings of the values that must not show in messages. */
  readonly secrets?: readonly string[];
}

export interface TemplateRequest extends ReleaseName {
  readonly chart: string;
  readonly valuesFiles: readonly string[];
  /** 1.28.0: what the chart sees as the cluster's version. */
  readonly kubeVersion?: string;
  readonly apiVersions?: readonly string[];
  readonly includeCrds?: boolean;
  readonly isUpgrade?: boolean;
  /** `server`: `lookup` in templates sees the cluster, as it will when the chart is applied. */
  readonly lookups?: 'server';
}

export interface RollbackRequest extends ReleaseName {
  readonly revision: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** The run at work: stands in helm's environment (RUN_VARIABLE), since a rollback takes no label. */
  readonly runId?: string;
  /** Strings of the values that must not show in messages. */
  readonly secrets?: readonly string[];
}

/** A revision as `helm history -o json` tells it. */
export interface HistoryEntry {
  readonly revision: number;
  readonly status: string;
  /** name-version */
  readonly chart: string;
  readonly appVersion: string;
  readonly description: string;
  readonly updated: string;
}

/** helm on one cluster. Reads may be aborted; what changes a release runs to its end (threats, signals). */
export interface Helm {
  readonly program: HelmProgram;
  template(request: TemplateRequest, signal?: AbortSignal): Promise<string>;
  /** Oldest first; empty when there is no such release. */
  history(name: ReleaseName, signal?: AbortSignal): Promise<HistoryEntry[]>;
  /** The operator's values, not the chart's defaults; `all` adds these. */
  getValues(
    name: ReleaseName & { readonly revision?: number; readonly all?: boolean },
    signal?: AbortSignal,
  ): Promise<Record<string, unknown>>;
  getManifest(name: ReleaseName & { readonly revision?: number }, signal?: AbortSignal): Promise<string>;
  /** Installs or upgrades. @throws AirgapError HELM_FAILED, HELM_TIMEOUT */
  upgrade(request: UpgradeRequest): Promise<void>;
  /** The manifest that an upgrade would apply, rendered with the cluster's capabilities and lookups. */
  upgradeDryRun(request: UpgradeRequest, signal?: AbortSignal): Promise<string>;
  rollback(request: RollbackRequest): Promise<void>;
  uninstall(
    request: ReleaseName & { readonly timeout: number; readonly keepHistory?: boolean },
  ): Promise<void>;
}
