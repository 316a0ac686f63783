type Map = Readonly<Record<string, unknown>>;

/**
 * What a release works with: the operator's values over the chart's own, as helm lays them. Maps are merged key by key,
 * everything else is replaced, and a null takes the default away. Pure; may hold secrets.
 */
export function effectiveValues(defaults: Map, values: Map): Map {
  const merged: Record<string, unknown> = { ...defaults };
  for (const [key, value] of Object.entries(values)) {
    const old = merged[key];
    if (value === null) delete merged[key];
    else merged[key] = isMap(old) && isMap(value) ? effectiveValues(old, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Map {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
