/** A Markdown table; cells may hold anything but line breaks. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const begin = (part: string): string => `<!-- generated: ${part}; "npm run check -- --write" renews it -->`;
const end = '<!-- /generated -->';

/** `document` with what stands between the markers of `part` replaced. @throws Error when it has no such markers */
export function withPart(document: string, part: string, content: string): string {
  const from = document.indexOf(begin(part));
  const to = document.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the markers of "${part}" are missing`);
  return `${document.slice(0, from)}${begin(part)}\n\n${content}\n\n${document.slice(to)}`;
}

/** A new document: its introduction, and the markers of one part with nothing between them. */
export function emptyDocument(introduction: string, part: string): string {
  return `${introduction}\n\n${begin(part)}\n\n${end}\n`;
}
