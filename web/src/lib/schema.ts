// The form of a driver's settings, of their JSON Schema as pydantic writes it: what each setting is, from stored values to what is
// typed, and back. Titles and descriptions come in the person's language.

interface Schema {
  title?: string;
  description?: string;
  type?: string;
  format?: string;
  default?: unknown;
  const?: unknown;
  enum?: readonly string[];
  maxLength?: number;
  anyOf?: readonly Schema[];
  items?: Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  required?: readonly string[];
}

export interface Setting {
  name: string;
  title: string;
  description: string;
  /** `lines`: a list of texts; `group`: settings of their own; `groups`: a list of such. */
  kind: 'text' | 'long' | 'secret' | 'number' | 'choice' | 'check' | 'lines' | 'group' | 'groups';
  isRequired: boolean;
  isNullable: boolean;
  default: unknown;
  options: readonly string[];
  settings: readonly Setting[];
}

/** What is typed for a setting. */
export type Entry = string | boolean | Group | Group[];
export interface Group {
  /** False for a group that is left out. */
  isOn: boolean;
  entries: Record<string, Entry>;
}

const LONG = 1000;

/** The settings of a schema that a person can choose, in its order; a constant isn't one. */
export function settingsOf(schema: unknown): Setting[] {
  const root = schema as Schema;
  const parts = (within: Schema): Setting[] =>
    Object.entries(within.properties ?? {})
      .filter(([, property]) => property.const === undefined)
      .map(([name, property]) => setting(name, property, within.required?.includes(name) ?? false));
  const resolved = (part: Schema): Schema => (part.$ref === undefined ? part : (root.$defs?.[part.$ref.split('/').at(-1) ?? ''] ?? {}));

  function setting(name: string, property: Schema, isRequired: boolean): Setting {
    const isNullable = property.anyOf?.some((choice) => choice.type === 'null') ?? false;
    const shape = resolved(property.anyOf?.find((choice) => choice.type !== 'null') ?? property);
    const items = shape.items && resolved(shape.items);
    return {
      name,
      title: property.title ?? name,
      description: property.description ?? '',
      kind: kindOf(shape, items),
      isRequired,
      isNullable,
      default: property.default,
      options: shape.enum ?? [],
      settings: parts(items ?? shape),
    };
  }
  return parts(root);
}

function kindOf(shape: Schema, items: Schema | undefined): Setting['kind'] {
  if (shape.enum) return 'choice';
  if (shape.format === 'password') return 'secret';
  if (shape.type === 'boolean') return 'check';
  if (shape.type === 'integer' || shape.type === 'number') return 'number';
  if (shape.type === 'object') return 'group';
  if (shape.type === 'array') return items?.type === 'object' ? 'groups' : 'lines';
  return (shape.maxLength ?? 0) > LONG ? 'long' : 'text';
}

/** What a form begins with: the stored values, else the defaults. */
export function entriesOf(settings: readonly Setting[], values: Record<string, unknown>): Record<string, Entry> {
  return Object.fromEntries(settings.map((setting) => [setting.name, entryOf(setting, values[setting.name] ?? setting.default ?? null)]));
}

function entryOf(setting: Setting, value: unknown): Entry {
  const group = (of: unknown): Group => ({
    isOn: of !== null,
    entries: entriesOf(setting.settings, (of ?? {}) as Record<string, unknown>),
  });
  switch (setting.kind) {
    case 'check':
      return value === true;
    case 'group':
      return group(value);
    case 'groups':
      return Array.isArray(value) ? value.map(group) : [];
    case 'lines':
      return Array.isArray(value) ? value.join('\n') : '';
    case 'choice':
      return typeof value === 'string' ? value : (setting.options[0] ?? '');
    default:
      return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  }
}

/** One more group of a list. */
export function emptyGroup(setting: Setting): Group {
  return { isOn: true, entries: entriesOf(setting.settings, {}) };
}

/** The values to send; what is wrong with them is for the driver to say. */
export function valuesOf(settings: readonly Setting[], entries: Record<string, Entry>): Record<string, unknown> {
  return Object.fromEntries(settings.map((setting) => [setting.name, valueOf(setting, entries[setting.name] ?? '')]));
}

function valueOf(setting: Setting, entry: Entry): unknown {
  if (Array.isArray(entry)) return entry.map((group) => valuesOf(setting.settings, group.entries));
  if (typeof entry === 'object') return entry.isOn ? valuesOf(setting.settings, entry.entries) : null;
  if (typeof entry === 'boolean') return entry;
  if (setting.kind === 'lines') return entry.split('\n').filter((text) => text.trim() !== '');
  if (entry === '') return setting.isNullable ? null : (setting.default ?? '');
  const number = Number(entry.replace(',', '.'));
  return setting.kind === 'number' && !Number.isNaN(number) ? number : entry;
}
