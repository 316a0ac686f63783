import { type Cost, medianCost, settle } from './measure.js';

/** One way to do a job. */
export interface Contender {
  readonly name: string;
  /** Makes a clean start; not measured. */
  readonly prepare?: () => Promise<void>;
  readonly run: () => Promise<Cost>;
  /** Clears away; not measured. */
  readonly clean?: () => Promise<void>;
}

export interface Standing {
  readonly name: string;
  readonly cost: Cost;
  readonly runs: readonly Cost[];
}

/** Runs every contender in turn, so many rounds, and gives the medians: what disturbs the machine disturbs all. */
export async function contest(contenders: readonly Contender[], rounds: number): Promise<Standing[]> {
  const runs = contenders.map((): Cost[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, contender] of contenders.entries()) {
      await contender.prepare?.();
      await settle();
      try {
        runs[index]?.push(await contender.run());
      } finally {
        await contender.clean?.();
      }
    }
  }
  return contenders.map(({ name }, index) => {
    const own = runs[index] as Cost[];
    return { name, cost: medianCost(own), runs: own };
  });
}
