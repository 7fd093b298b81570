import { z } from 'zod';
import { duration, size } from '../../server/config/quantities.ts';
import { settings } from '../../server/config/schema.ts';
import { table } from './markdown.ts';

/** The part of a JSON Schema that the table shows. */
interface SettingSchema {
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly anyOf?: readonly SettingSchema[];
  readonly items?: SettingSchema;
  readonly properties?: Readonly<Record<string, SettingSchema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly default?: unknown;
}

/** A Markdown table of every setting: name, type, default and its sentence, in the schema's order. */
export function settingsTable(): string {
  const schema = z.toJSONSchema(settings, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === duration.in) jsonSchema.format = 'duration';
      if (zodSchema === size.in) jsonSchema.format = 'size';
    },
  }) as SettingSchema;
  return table(['Setting', 'Type', 'Default', 'Meaning'], rows(schema, ''));
}

function rows(schema: SettingSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = prefix + name;
    const isRequired = schema.required?.includes(name) === true;
    const row = [
      `\`${path}\``,
      typeText(property),
      isRequired ? 'required' : defaultText(property),
      property.description ?? '',
    ];
    const inner =
      property.items?.properties === undefined ? rows(property, `${path}.`) : rows(property.items, `${path}[].`);
    return [row, ...inner];
  });
}

function typeText(schema: SettingSchema): string {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(' or ');
  if (schema.items !== undefined) return `list of ${typeText(schema.items)}`;
  if (schema.properties !== undefined) return 'group';
  return schema.format === 'uri' ? 'URL' : (schema.format ?? schema.type ?? 'any');
}

function defaultText(schema: SettingSchema): string {
  const value = schema.default;
  if (value === undefined || schema.properties !== undefined) return '';
  if (value === '') return 'empty';
  return Array.isArray(value) && value.length === 0
    ? 'none'
    : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
