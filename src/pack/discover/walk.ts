import { asList, asRecord, type Loose } from '../loose.js';
import { imagesOfCustomResource } from './custom.js';
import { hintsOfObject, hintsOfPod } from './hints.js';
import type { Discovery, FoundImage, Hint, Place, RenderedObject } from './types.js';

/** Where each kind keeps its pod specification. */
const POD_SPECS: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  PodTemplate: ['template', 'spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  ReplicationController: ['spec', 'template', 'spec'],
  DeploymentConfig: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};

const CONTAINERS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Finds every image that the objects of a rendered chart name, and every text that looks like one. */
export function walkObjects(objects: readonly RenderedObject[], chart: string): Discovery {
  const images: FoundImage[] = [];
  const hints: Hint[] = [];
  for (const { file, object } of objects) {
    const kind = String(object.kind ?? 'unknown');
    const name = String(asRecord(object.metadata).name ?? 'unnamed');
    const at = (container: string): Place => ({ chart, file, kind, name, container });
    const path = POD_SPECS[kind];
    if (path !== undefined) {
      const pod = asRecord(follow(object, path));
      images.push(...imagesOfPod(pod, at));
      hints.push(...hintsOfPod(pod, at));
      continue;
    }
    const custom = imagesOfCustomResource(kind, object, at);
    images.push(...custom.images, ...nestedPods(custom.pods, at));
    hints.push(...hintsOfObject(kind, object, at));
  }
  return { images, hints };
}

function imagesOfPod(pod: Loose, at: (container: string) => Place): FoundImage[] {
  const containers = CONTAINERS.flatMap((list) =>
    asList(pod[list]).flatMap((item, index) => {
      const container = asRecord(item);
      const label = `${list.slice(0, -1)} ${String(container.name ?? index)}`;
      return isImage(container.image) ? [{ image: container.image, place: at(label) }] : [];
    }),
  );
  const volumes = asList(pod.volumes).flatMap((item, index) => {
    const volume = asRecord(item);
    const reference = asRecord(volume.image).reference;
    const label = `volume ${String(volume.name ?? index)}`;
    return isImage(reference) ? [{ image: reference, place: at(label) }] : [];
  });
  return [...containers, ...volumes];
}

function nestedPods(pods: readonly Loose[], at: (container: string) => Place): FoundImage[] {
  return pods.flatMap((pod) => imagesOfPod(pod, at));
}

function follow(object: unknown, path: readonly string[]): unknown {
  return path.reduce((value, key) => asRecord(value)[key], object);
}

function isImage(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
