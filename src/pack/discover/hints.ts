import { asList, asRecord, type Loose } from '../loose.js';
import type { Hint, Place } from './types.js';

/**
 * A registry host with a dot or a port, a path, and a tag or digest: narrow, so that addresses of services and
 * files are not taken for images.
 */
const IMAGE_LIKE =
  /(?:^|[\s"'=,([{])((?:[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|[a-z0-9-]+:\d+)\/[a-z0-9][a-z0-9._/-]*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(?:@sha256:[0-9a-f]{64})?|@sha256:[0-9a-f]{64}))(?=$|[\s"',)\]}])/g;
const FIELD = /(^|\.)image$|Image$/;
const BARE = /^[a-z0-9][a-z0-9._/-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*|@sha256:[0-9a-f]{64})$/;
const LONGEST = 64 * 1024;

/** Texts in environment, arguments and commands of a pod that look like images: operators pull those later. */
export function hintsOfPod(pod: Loose, at: (field: string) => Place): Hint[] {
  const containers = [...asList(pod.initContainers), ...asList(pod.containers)].map(asRecord);
  return containers.flatMap((container) => {
    const label = `container ${String(container.name ?? '')}`;
    const env = asList(container.env)
      .map(asRecord)
      .flatMap((entry) => looksLike(entry.value, at(`${label}, env ${String(entry.name)}`)));
    const words = [...asList(container.command), ...asList(container.args)];
    return [...env, ...words.flatMap((word) => looksLike(word, at(`${label}, arguments`)))];
  });
}

/** Texts in ConfigMaps and custom resources that look like images. */
export function hintsOfObject(kind: string, object: Loose, at: (field: string) => Place): Hint[] {
  if (kind === 'Secret') return [];
  if (kind === 'ConfigMap') {
    return Object.entries(asRecord(object.data)).flatMap(([key, value]) =>
      looksLike(value, at(`data.${key}`)),
    );
  }
  return fieldHints(object.spec, 'spec', at);
}

/** In a custom resource a field called image may also hold a short name without a registry. */
function fieldHints(value: unknown, path: string, at: (field: string) => Place): Hint[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => fieldHints(item, `${path}[${index}]`, at));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, item]) => fieldHints(item, `${path}.${key}`, at));
  }
  if (typeof value !== 'string') return [];
  if (FIELD.test(path) && BARE.test(value)) return [{ image: value, place: at(path) }];
  return looksLike(value, at(path));
}

function looksLike(value: unknown, place: Place): Hint[] {
  if (typeof value !== 'string' || value.length > LONGEST) return [];
  return [...value.matchAll(IMAGE_LIKE)].flatMap((match) => (match[1] ? [{ image: match[1], place }] : []));
}
