import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRendered } from '../../../src/pack/discover/rendered.js';
import { formatPlace } from '../../../src/pack/discover/types.js';
import { walkObjects } from '../../../src/pack/discover/walk.js';

function found(text: string) {
  const { images, hints } = walkObjects(parseRendered(text, 'demo'), 'demo');
  return {
    images: images.map(({ image, place }) => `${image} < ${formatPlace(place)}`),
    hints: hints.map(({ image, place }) => `${image} < ${formatPlace(place)}`),
  };
}

const POD = `containers: [{name: main, image: "a.io/main:1"}]
initContainers: [{name: init, image: "a.io/init:1"}]
ephemeralContainers: [{name: debug, image: "a.io/debug:1"}]
volumes:
  - {name: model, image: {reference: "a.io/model:1"}}
  - {name: other, emptyDir: {}}`;

const inPod = (path: readonly string[]): string => {
  let text = POD;
  for (const key of [...path].reverse()) text = `${key}:\n${text.replace(/^/gm, '  ')}`;
  return text;
};

const KINDS: Readonly<Record<string, readonly string[]>> = {
  Pod: ['spec'],
  PodTemplate: ['template', 'spec'],
  Deployment: ['spec', 'template', 'spec'],
  StatefulSet: ['spec', 'template', 'spec'],
  DaemonSet: ['spec', 'template', 'spec'],
  ReplicaSet: ['spec', 'template', 'spec'],
  ReplicationController: ['spec', 'template', 'spec'],
  Job: ['spec', 'template', 'spec'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template', 'spec'],
};

for (const [kind, path] of Object.entries(KINDS)) {
  test(`every kind of container of a ${kind} is found`, () => {
    const { images } = found(
      `---\n# Source: demo/templates/x.yaml\nkind: ${kind}\nmetadata: {name: obj}\n${inPod(path)}\n`,
    );
    assert.deepEqual(images, [
      `a.io/init:1 < demo/templates/x.yaml: ${kind}/obj, initContainer init`,
      `a.io/main:1 < demo/templates/x.yaml: ${kind}/obj, container main`,
      `a.io/debug:1 < demo/templates/x.yaml: ${kind}/obj, ephemeralContainer debug`,
      `a.io/model:1 < demo/templates/x.yaml: ${kind}/obj, volume model`,
    ]);
  });
}

test('lists are opened, also lists of lists; CRDs are passed by', () => {
  const pod = 'kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: "a.io/c:1"}]}';
  const { images } = found(`# Source: demo/templates/l.yaml
kind: List
items:
  - {${pod}}
  - {kind: PodList, items: [{${pod}}]}
---
# Source: demo/crds/c.yaml
kind: CustomResourceDefinition
metadata: {name: x}
spec: {containers: [{image: nonsense}]}
`);
  assert.equal(images.length, 2);
});

test('a document without a source comment belongs to the template before it', () => {
  const { images } = found(`---
# Source: demo/templates/a.yaml
kind: ConfigMap
metadata: {name: c}
---
kind: Pod
metadata: {name: p}
spec: {containers: [{name: c, image: x}]}
`);
  assert.match(images[0] ?? '', /demo\/templates\/a\.yaml/);
});

for (const [name, spec, expected] of [
  ['image wins', '{image: "a.io/p:1", baseImage: "b.io/p", version: v2}', 'a.io/p:1'],
  ['baseImage with version', '{baseImage: "b.io/p", version: v2.30.0}', 'b.io/p:v2.30.0'],
  ['baseImage with tag', '{baseImage: "b.io/p", version: v2, tag: t}', 'b.io/p:t'],
  [
    'baseImage with sha',
    `{baseImage: "b.io/p", sha: "${'a'.repeat(64)}"}`,
    `b.io/p@sha256:${'a'.repeat(64)}`,
  ],
  ['baseImage that has a tag', '{baseImage: "b.io:5000/p:1", version: v2}', 'b.io:5000/p:1'],
] as const) {
  test(`the image of a Prometheus resource: ${name}`, () => {
    const { images } = found(`kind: Prometheus\nmetadata: {name: obj}\nspec: ${spec}\n`);
    assert.deepEqual(images, [`${expected} < demo: Prometheus/obj, spec.image`]);
  });
}

test('a Prometheus resource may bring containers and a Thanos image', () => {
  const { images } = found(
    'kind: Prometheus\nmetadata: {name: obj}\nspec: {thanos: {image: "a.io/t:1"}, containers: [{name: c, image: "a.io/c:1"}]}\n',
  );
  assert.deepEqual(
    images.map((line) => line.split(' ')[0]),
    ['a.io/t:1', 'a.io/c:1'],
  );
});

test('texts that look like images are hints: environment, arguments, config maps, custom resources', () => {
  const { images, hints } = found(`kind: Deployment
metadata: {name: op}
spec:
  template:
    spec:
      containers:
        - name: main
          image: a.io/op:1
          env: [{name: WORKER, value: "a.io/worker:1"}, {name: URL, value: "https://a.io/path"}, {name: ADDR, value: "svc.ns:8080/x"}]
          args: ["--reloader=quay.io/x/reload:v1", "--port=8080", "--file=/etc/x.yaml:ro"]
---
kind: ConfigMap
metadata: {name: cm}
data: {c.yaml: "image: registry.example.com:5000/y/z@sha256:${'b'.repeat(64)}\\n"}
---
kind: RunaiConfig
metadata: {name: runai}
spec: {global: {image: "operator:2.13"}, other: {text: "a.b"}}
---
kind: Secret
metadata: {name: s}
data: {x: "a.io/secret:1"}
`);
  assert.deepEqual(images.length, 1);
  assert.deepEqual(
    hints.map((line) => line.split(' < ')[0]),
    [
      'a.io/worker:1',
      'quay.io/x/reload:v1',
      `registry.example.com:5000/y/z@sha256:${'b'.repeat(64)}`,
      'operator:2.13',
    ],
  );
});

test('objects of any shape do not break the walk', () => {
  const { images } = found(
    'kind: Pod\nspec: [1]\n---\nkind: Deployment\nspec: {template: null}\n---\n- 1\n---\nplain\n---\nkind: Pod\nspec: {containers: [1, {image: 5}, {image: ""}]}\n',
  );
  assert.deepEqual(images, []);
});
