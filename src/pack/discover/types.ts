import { printable } from '../../redact.js';

/** Where a chart names an image. */
export interface Place {
  /** The chart's name. */
  readonly chart: string;
  /** The template: control-plane/templates/deployment.yaml. */
  readonly file: string;
  readonly kind: string;
  readonly name: string;
  /** The container, or the field when there is none: spec.image. */
  readonly container: string;
}

/** An image as a rendered chart names it. */
export interface FoundImage {
  /** The text as it stands in the manifest. */
  readonly image: string;
  readonly place: Place;
}

/** A text that looks like an image where no pod specification is: environment, arguments, custom resources. */
export interface Hint {
  readonly image: string;
  readonly place: Place;
}

/** One object of a rendered chart. */
export interface RenderedObject {
  readonly file: string;
  readonly object: Readonly<Record<string, unknown>>;
}

export interface Discovery {
  readonly images: readonly FoundImage[];
  readonly hints: readonly Hint[];
}

/** "control-plane/templates/backend.yaml: Deployment/runai-backend, container backend" */
export function formatPlace(place: Place): string {
  return printable(`${place.file}: ${place.kind}/${place.name}, ${place.container}`, 300).replace(
    /[\n\t]/g,
    ' ',
  );
}

/** The same place in two renderings of one chart. */
export function placeKey(place: Place): string {
  return [place.chart, place.file, place.kind, place.name, place.container].join('\n');
}
