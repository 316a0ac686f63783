import { valueAt } from '../values.js';

export type Labels = Readonly<Record<string, string>>;

interface Expression {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

/** Whether a label selector (matchLabels, matchExpressions) selects these labels; an absent or empty one selects all. */
export function selects(selector: unknown, labels: Labels): boolean {
  const wanted = Object.entries((valueAt(selector, ['matchLabels']) ?? {}) as Labels);
  const list = valueAt(selector, ['matchExpressions']);
  const expressions: readonly Expression[] = Array.isArray(list) ? list : [];
  return (
    wanted.every(([key, value]) => labels[key] === value) && expressions.every((one) => holds(one, labels))
  );
}

/** An operator that nobody knows counts as holding: better one webhook too many is looked at. */
function holds({ key = '', operator, values = [] }: Expression, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return true;
  }
}
