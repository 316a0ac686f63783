import type { Digest } from '../oci/types.js';
import type { OpenBundle } from './open.js';

/** What is to be installed: a bundle, or the same content brought from the sources of a spec. */
export interface Payload
  extends Pick<
    OpenBundle,
    'path' | 'manifest' | 'bundleId' | 'position' | 'read' | 'stream' | 'images' | 'close'
  > {
  /**
   * Set when the images stay where they are: what each source name (BundleImage.source) stood for there. Layers are
   * then not to be had from `images`.
   */
  readonly upstream?: ReadonlyMap<string, Digest>;
}
