import type { Descriptor, Digest, ImageSource } from '../../oci/types.js';
import type { WantedImage } from '../discover/select.js';

/** Where the content of an image is asked for. */
export interface ImagePlace {
  readonly source: ImageSource;
  /** The repository in the source; empty in a layout or archive. */
  readonly repository: string;
  /** Tag, digest or name; empty for the only image of a layout or archive. */
  readonly name: string;
  /** For messages: the reference, or the layout's notation. */
  readonly what: string;
}

/** Content that the bundle is to carry. */
export interface Content {
  readonly descriptor: Descriptor;
  /** Already here: manifests, and configs that had to be looked into. */
  readonly bytes?: Buffer;
  /** Where to get it when it is not here. */
  readonly place: ImagePlace;
}

/** An image whose every blob is known. */
export interface ResolvedImage extends WantedImage {
  /** What the bundle carries: an index or a manifest. */
  readonly root: Descriptor;
  /** What the source's name stood for. */
  readonly upstream: Digest;
  /** Set when a smaller index was made. */
  readonly filteredFrom?: Digest;
  /** os/arch[/variant]; empty for content that is no image. */
  readonly platforms: readonly string[];
  /** Manifests, configs and layers, each once. */
  readonly contents: readonly Content[];
}
