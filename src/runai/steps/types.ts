import type { ObjectRef } from '../names.js';
import type { Facts, PrerequisiteChart } from '../site.js';

/** Helm values by dotted key. */
export type Settings = Readonly<Record<string, string | boolean | readonly string[]>>;

/** What an executor does. Plain data, without secrets: it becomes the input of a plan's step. */
export type Action =
  | { readonly kind: 'save-site' }
  /** A backup of the whole product, verified; or what the operator wants instead. */
  | { readonly kind: 'backup' }
  | { readonly kind: 'push' }
  | { readonly kind: 'create-namespaces'; readonly names: readonly string[] }
  /** reclaimPolicy Retain on the volumes behind claims. */
  | { readonly kind: 'retain-volumes'; readonly namespace: string; readonly claims: readonly string[] }
  /** helm.sh/resource-policy=keep on claims. */
  | { readonly kind: 'keep-claims'; readonly namespace: string; readonly claims: readonly string[] }
  /** Single objects, each by the UID it had when it was saved. */
  | { readonly kind: 'delete-objects'; readonly objects: readonly ObjectRef[] }
  /** All objects of these kinds that belong to a release; what carries no mark of it stays. */
  | {
      readonly kind: 'delete-owned';
      readonly namespace: string;
      readonly release: string;
      readonly kinds: readonly { readonly apiVersion: string; readonly kind: string }[];
    }
  /** A tls secret made from the values of the release that runs (backend.https.{key,crt}). */
  | { readonly kind: 'tls-from-values'; readonly secret: ObjectRef }
  /** Saved secrets of the operator's that are gone come back. */
  | { readonly kind: 'restore-secrets'; readonly namespace: string }
  | { readonly kind: 'prerequisite'; readonly chart: PrerequisiteChart }
  /** An IngressClass with a controller that runs. */
  | { readonly kind: 'check-ingress' }
  | {
      readonly kind: 'helm';
      readonly role: 'control-plane' | 'cluster';
      readonly release: string;
      readonly namespace: string;
      /** Settings that the step depends on, by dotted key; the operator's own go over those about claims only. */
      readonly settings: Settings;
    }
  /** `scope`: all that runs in the namespace, or the release's own workloads where others live beside it. */
  | {
      readonly kind: 'wait-healthy';
      readonly release: string;
      readonly namespace: string;
      readonly scope?: 'release';
    }
  /** Claims are bound with the UIDs that were saved. */
  | { readonly kind: 'check-claims'; readonly namespace: string; readonly claims: readonly string[] }
  /** Hand-made parts of a saved ingress come back on the new one. */
  | { readonly kind: 'restore-ingress'; readonly ingress: ObjectRef }
  /** Hand-made annotations and TLS settings of saved Routes come back on the new ones. */
  | { readonly kind: 'restore-routes'; readonly namespace: string }
  | { readonly kind: 'crds' }
  | { readonly kind: 'helm-uninstall'; readonly release: string; readonly namespace: string }
  /** What an uninstalled cluster leaves and what would block its successor. */
  | {
      readonly kind: 'delete-leftovers';
      readonly release: string;
      readonly namespace: string;
      readonly kinds: readonly { readonly apiVersion: string; readonly kind: string }[];
      /** Cluster-wide kinds, by label. */
      readonly labelled: readonly {
        readonly apiVersion: string;
        readonly kind: string;
        readonly selector: string;
      }[];
      readonly objects: readonly ObjectRef[];
      /** Objects of these kinds that nothing marks as the product's or another's, by name; no others without a mark go. */
      readonly unmarked: readonly ObjectRef[];
      /** Objects whose finalizers nobody is left to answer. */
      readonly unfinalize: readonly ObjectRef[];
    }
  /** Settings of RunaiConfig that somebody had changed, over what the chart made of it. */
  | {
      readonly kind: 'restore-runaiconfig';
      readonly object: ObjectRef;
      /** Release that had rendered it before. */
      readonly release: string;
      readonly after: 'install' | 'upgrade';
    }
  /** People whom hand-made changes added to bindings that the reinstallation made anew. */
  | { readonly kind: 'restore-subjects'; readonly bindings: readonly ObjectRef[] }
  | { readonly kind: 'prove-images' };

/** A step of the product's, ready to become a step of a plan. */
export interface ProductStep {
  readonly id: string;
  readonly title: string;
  /** The equivalent kubectl or helm lines. */
  readonly command: string;
  readonly destructive: boolean;
  readonly saves: readonly string[];
  readonly deletes?: readonly string[];
  readonly doneWhen: string;
  /** Absent when nothing undoes it, or nothing needs to. */
  readonly undoneBy?: string;
  readonly source: string;
  readonly action: Action;
  readonly lasting?: boolean;
  /** Id of a step without which this one has no sense. */
  readonly follows?: string;
  readonly outage?: 'starts' | 'ends';
  /** What the site is like from this step until another one is done. */
  readonly skew?: { readonly until: string; readonly text: string };
}

/** A row of the table: the steps it gives for a site and a target; none when it does not apply. */
export interface StepRow {
  /** Name of the row, for tests and documents. */
  readonly row: string;
  /** When it applies, in words. */
  readonly when: string;
  readonly steps: (facts: Facts) => readonly ProductStep[];
}
