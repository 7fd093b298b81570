import { expect, it } from 'vitest';
import { parseLenientJson, placeIn } from '../../../../server/config/zot-json.ts';
import type { JsonNode } from '../../../../server/config/zot-json.ts';

function valueOf(node: JsonNode): unknown {
  if (node.kind === 'value') return node.value;
  if (node.kind === 'array') return node.items.map(valueOf);
  return Object.fromEntries(node.members.map(({ key, value }) => [key, valueOf(value)]));
}

function read(text: string): { readonly value: unknown; readonly places: readonly string[] } {
  const { root, notes, fault } = parseLenientJson(text);
  const places = [...notes, ...(fault === undefined ? [] : [fault])].map(({ offset }) => {
    const { line, column } = placeIn(text, offset);
    return `${String(line)}:${String(column)}`;
  });
  return { value: root === undefined ? undefined : valueOf(root), places };
}

it.each([
  ['{"a": [1, -2.5e3, true, false, null, "x\\u0041\\n"], "b": {}}'],
  ['[]'],
  ['\n\t{ "a" : { "b" : [ [ ] ] } }\r\n'],
])('reads %j as JSON does, without a word', (text) => {
  expect(read(text)).toEqual({ value: JSON.parse(text) as unknown, places: [] });
});

it.each<[string, string, unknown, string[]]>([
  ['a trailing comma in an object', '{"a": 1,}', { a: 1 }, ['1:8']],
  ['a trailing comma in a list', '["a",\n]', ['a'], ['1:5']],
  ['a missing comma between keys', '{"a": {}\n "b": 2}', { a: {}, b: 2 }, ['2:2']],
  ['a missing comma in a list', '[{} {}]', [{}, {}], ['1:5']],
  ['comments, noted once', '// x\n{"a": /* y */ 1 # z\n}', { a: 1 }, ['1:1']],
  ['a piece of an object', '"a": {"b": 1},\n"c": 2', { a: { b: 1 }, c: 2 }, ['1:1']],
  ['a list that is closed by its object', '{"a": [1, 2}', { a: [1, 2] }, ['1:12']],
  ['brackets that are not closed', '{"a": [{"b": 1', { a: [{ b: 1 }] }, ['1:15']],
  ['brackets that close nothing', '{"a": 1}\n}]', { a: 1 }, ['2:1', '2:2']],
  ['a key given twice', '{"a": 1, "a": 2}', { a: 2 }, ['1:10']],
  ['white space of a page', '{\u2003"a": 1}', { a: 1 }, ['1:2']],
])('reads %s and says where', (_, text, value, places) => {
  expect(read(text)).toEqual({ value, places });
});

it.each([
  ['', '1:1'],
  ['{"a" 1}', '1:6'],
  ['{"a": }', '1:7'],
  ['{a: 1}', '1:2'],
  ['{"a": "x\n"}', '1:7'],
  ['{"a": 01}', '1:7'],
  ['{"a": 1} x', '1:10'],
  ['"a": 1]', '1:7'],
  ['{"a": 1]', '1:8'],
  ['["\\q"]', '1:2'],
  ['['.repeat(100), '1:66'],
])('does not guess what %j means, and says where it stopped', (text, place) => {
  const { value, places } = read(text);
  expect({ value, place: places.at(-1) }).toEqual({ value: undefined, place });
});
