/** A structural schema of a CRD version, as JSON. */
export type Schema = Readonly<Record<string, unknown>>;

/** Why an object would be refused: path and rule. */
export interface SchemaFault {
  readonly path: string;
  readonly what: string;
  /** False where this reading may be stricter or looser than the API server’s. */
  readonly sure: boolean;
}

/** Objects as deep as this are not looked into further. */
const DEEPEST = 64;
const MOST_FAULTS = 20;

/**
 * Holds a value against a structural schema by the rules that API servers enforce: type, nullable, required, enum,
 * pattern, bounds and lengths. Formats, CEL rules and logical combinations are reported as unsure when they could
 * matter. Unknown fields are pruned by the server, so they are no faults.
 */
export function validateSchema(schema: Schema, value: unknown): SchemaFault[] {
  const faults: SchemaFault[] = [];
  visit(schema, value, {
    path: '',
    depth: 0,
    report: (fault) => faults.length < MOST_FAULTS && faults.push(fault),
  });
  return faults;
}

interface At {
  readonly path: string;
  readonly depth: number;
  readonly report: (fault: SchemaFault) => void;
}

function visit(schema: Schema, value: unknown, at: At): void {
  if (at.depth > DEEPEST || value === undefined) return;
  const fault = (what: string, sure = true): void => at.report({ path: at.path || 'the object', what, sure });
  if (value === null) {
    // The server drops nulls of fields that have a default or are not nullable before it validates.
    if (schema['nullable'] !== true && schema['default'] === undefined) fault('is null', false);
    return;
  }
  if (schema['x-kubernetes-int-or-string'] === true) {
    if (!Number.isInteger(value) && typeof value !== 'string')
      fault(`is ${typeOf(value)}, not integer or string`);
    return;
  }
  const type = schema['type'];
  if (typeof type === 'string' && !isType(value, type)) {
    fault(`is ${typeOf(value)}, not ${type}`);
    return;
  }
  checkScalar(schema, value, fault);
  if (Array.isArray(value)) checkList(schema, value, at, fault);
  else if (typeof value === 'object') checkObject(schema, value as Record<string, unknown>, at, fault);
  checkCombined(schema, value, fault);
}

type Tell = (what: string, sure?: boolean) => void;

function checkScalar(schema: Schema, value: unknown, fault: Tell): void {
  const allowed = schema['enum'];
  if (Array.isArray(allowed) && !allowed.some((one) => same(one, value)))
    fault(
      `is ${JSON.stringify(value).slice(0, 60)}, not one of ${allowed.map(String).join(', ').slice(0, 200)}`,
    );
  if (typeof value === 'number') {
    const [least, most] = [schema['minimum'], schema['maximum']];
    if (typeof least === 'number' && (schema['exclusiveMinimum'] === true ? value <= least : value < least))
      fault(`is ${value}, less than ${least} allows`);
    if (typeof most === 'number' && (schema['exclusiveMaximum'] === true ? value >= most : value > most))
      fault(`is ${value}, more than ${most} allows`);
  }
  if (typeof value === 'string') {
    const length = [...value].length;
    if (length < numberOf(schema['minLength'], 0)) fault(`is shorter than ${String(schema['minLength'])}`);
    if (length > numberOf(schema['maxLength'], Number.POSITIVE_INFINITY))
      fault(`is longer than ${String(schema['maxLength'])}`);
    checkPattern(schema['pattern'], value, fault);
  }
}

/** Go’s expressions are read by another engine here: what both do not share is not judged. */
function checkPattern(pattern: unknown, value: string, fault: Tell): void {
  if (typeof pattern !== 'string') return;
  if (pattern.length > 1000 || /\(\?[^:]|\\[pPzAQE]|\[\[:/.test(pattern)) return;
  if (/[+*}]\)?[+*{]/.test(pattern) || value.length > 4096) {
    fault('has a pattern that is not tried here', false);
    return;
  }
  try {
    if (!new RegExp(pattern, 'u').test(value)) fault(`does not match ${pattern.slice(0, 100)}`);
  } catch {
    fault('has a pattern that cannot be read here', false);
  }
}

function checkList(schema: Schema, value: readonly unknown[], at: At, fault: Tell): void {
  if (value.length < numberOf(schema['minItems'], 0))
    fault(`has less than ${String(schema['minItems'])} items`);
  if (value.length > numberOf(schema['maxItems'], Number.POSITIVE_INFINITY))
    fault(`has more than ${String(schema['maxItems'])} items`);
  const items = schema['items'];
  if (isSchema(items))
    for (const [index, item] of value.entries())
      visit(items, item, { ...at, path: `${at.path}[${index}]`, depth: at.depth + 1 });
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(keys)) return;
  const ids = value.map((item) =>
    JSON.stringify(keys.map((key) => (item as Record<string, unknown>)?.[String(key)])),
  );
  if (new Set(ids).size < ids.length) fault(`has two items with the same ${keys.join(', ')}`);
}

function checkObject(schema: Schema, value: Readonly<Record<string, unknown>>, at: At, fault: Tell): void {
  const properties = isSchema(schema['properties']) ? schema['properties'] : {};
  const required = schema['required'];
  for (const name of Array.isArray(required) ? required : []) {
    if (Object.hasOwn(value, String(name))) continue;
    const own = properties[String(name)];
    if (isSchema(own) && own['default'] !== undefined) continue;
    fault(`lacks ${String(name)}`);
  }
  const count = Object.keys(value).length;
  if (count > numberOf(schema['maxProperties'], Number.POSITIVE_INFINITY)) fault('has too many entries');
  if (count < numberOf(schema['minProperties'], 0)) fault('has too few entries');
  const additional = schema['additionalProperties'];
  for (const [name, child] of Object.entries(value)) {
    const own = Object.hasOwn(properties, name) ? properties[name] : additional;
    const path = at.path === '' ? name : `${at.path}.${name}`;
    if (isSchema(own)) visit(own, child, { ...at, path, depth: at.depth + 1 });
  }
}

/** Logical combinations are read for their first words only. */
function checkCombined(schema: Schema, value: unknown, fault: Tell): void {
  const rules = schema['x-kubernetes-validations'];
  if (Array.isArray(rules) && rules.length > 0)
    fault('has CEL rules, which only the API server knows', false);
  for (const key of ['allOf', 'anyOf', 'oneOf']) {
    const parts = schema[key];
    if (!Array.isArray(parts)) continue;
    const fits = parts.map(
      (part) => isSchema(part) && validateSchema(part, value).every(({ sure }) => !sure),
    );
    const good =
      key === 'allOf'
        ? fits.every(Boolean)
        : key === 'anyOf'
          ? fits.some(Boolean)
          : fits.filter(Boolean).length === 1;
    if (!good) fault(`does not fit ${key}`, false);
  }
}

function isType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return typeof value === 'number';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
