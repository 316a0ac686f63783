import { AirgapError } from '../errors.js';
import { type Emit, silent } from '../events.js';
import { readClusterUid, reviewAccess } from './access.js';
import { type ConfigOptions, loadTarget } from './config.js';
import { createDiscovery } from './discovery.js';
import { type ContainerId, execCommand } from './exec.js';
import { getObject, listObjects } from './read.js';
import { RESOURCES } from './resources.js';
import { createSender } from './sender.js';
import { createTransport, type TransportOptions } from './transport.js';
import type { KubeClient, KubeObject } from './types.js';
import {
  applyObject,
  createObject,
  deleteObject,
  type FindResource,
  patchObject,
  replaceObject,
} from './write.js';

export interface ConnectOptions extends ConfigOptions, TransportOptions {
  readonly emit?: Emit;
  /** Ends every request and every waiting. */
  readonly signal?: AbortSignal;
  /** Further tries of what can heal, and milliseconds before the first; for tests and impatient checks. */
  readonly retries?: number;
  readonly retryDelay?: number;
}

/** A client and what its kubeconfig says. */
export interface Connection extends KubeClient {
  /** Files of the kubeconfig, for helm; empty in a pod. */
  readonly configFiles: readonly string[];
}

type Pod = KubeObject & {
  readonly status?: {
    readonly containerStatuses?: readonly { readonly name: string; readonly containerID?: string }[];
  };
};

/**
 * Opens a client for one context. Nothing is sent yet.
 * @throws AirgapError CLUSTER_CONFIG
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const target = await loadTarget(options);
  const transport = createTransport(target, options);
  const send = createSender(transport, {
    server: target.server,
    emit: options.emit ?? silent,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    ...(options.retries === undefined ? {} : { retries: options.retries }),
    ...(options.retryDelay === undefined ? {} : { retryDelay: options.retryDelay }),
  });
  const discovery = createDiscovery(send);
  const find: FindResource = async (object, read) => {
    const { apiVersion = '', kind = '' } = object;
    const resource = await discovery.resourceFor(
      apiVersion,
      kind,
      read.signal ? { signal: read.signal } : {},
    );
    if (resource) return resource;
    throw new AirgapError('CLUSTER_REFUSED', `the cluster does not know ${kind} of ${apiVersion}`, {
      expected: 'a kind that the API server serves',
      found: `${kind} ${object.metadata.name}`,
    });
  };
  const containerId: ContainerId = async ({ namespace, pod: name, container }, signal) => {
    const pod = await getObject<Pod>(send, RESOURCES.pods, { namespace, name }, signal ? { signal } : {});
    return pod?.status?.containerStatuses?.find((each) => each.name === container)?.containerID;
  };
  return {
    context: target.context,
    server: target.server,
    configFiles: target.files,
    request: send,
    get: (resource, name, read) => getObject(send, resource, name, read),
    list: (resource, list) => listObjects(send, resource, list),
    apply: (object, apply) => applyObject(send, find, object, apply),
    create: async (object, write = {}) => createObject(send, await find(object, write), object, write),
    replace: async (object, write = {}) => replaceObject(send, await find(object, write), object, write),
    patch: (resource, name, patch, write) => patchObject(send, resource, name, patch, write),
    delete: (resource, name, remove) => deleteObject(send, resource, name, remove),
    ...discovery,
    clusterUid: (read) => readClusterUid(send, read),
    mayI: (check, read) => reviewAccess(send, check, read),
    exec: (command, exec) => execCommand({ transport, server: target.server, containerId }, command, exec),
    close: () => transport.close(),
  };
}
