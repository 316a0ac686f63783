import { chmod, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError, isAirgapError } from '../../errors.js';
import type { Emit } from '../../events.js';
import { createHelm } from '../../helm/client.js';
import { findHelm } from '../../helm/find.js';
import type { Env } from '../../oci/client.js';
import type { Render } from './discover.js';

export interface HelmOptions {
  /** The program; looked for on PATH when absent. */
  readonly helm?: string;
  /** Used when there is none on PATH: the helm that the spec carries for this machine. */
  readonly carried?: string;
  readonly env: Env;
  readonly emit: Emit;
  /** Folder of this run; helm's homes are made in it, so that nothing of the user's helm plays a part. */
  readonly workFolder: string;
}

/** Finds helm and gives the function that renders charts with it. @throws AirgapError HELM_MISSING, HELM_TOO_OLD */
export async function createRender(options: HelmOptions): Promise<Render> {
  const place = { homes: join(options.workFolder, 'helm'), env: { ...options.env, KUBECONFIG: undefined } };
  const program = await findHelm({
    ...place,
    ...(options.helm === undefined ? {} : { wanted: options.helm }),
    bundled: () => runnable(options),
  });
  const helm = await createHelm(program, { ...place, emit: options.emit });
  return async ({ values, signal, ...request }) => {
    try {
      return await helm.template({ ...request, valuesFiles: values, includeCrds: true }, signal);
    } catch (error) {
      if (!isAirgapError(error, 'HELM_FAILED')) throw error;
      throw new AirgapError('CHART_INVALID', `helm cannot render the chart of release ${request.release}`, {
        ...(error.found === undefined ? {} : { found: error.found }),
        hint: 'give the values that the chart needs (values: in the spec)',
        cause: error,
      });
    }
  };
}

/** A carried helm may lie there without the mode that running it takes. */
async function runnable({ carried, workFolder }: HelmOptions): Promise<string | undefined> {
  if (carried === undefined) return undefined;
  const copy = join(workFolder, 'helm-carried');
  await copyFile(carried, copy);
  await chmod(copy, 0o700);
  return copy;
}
