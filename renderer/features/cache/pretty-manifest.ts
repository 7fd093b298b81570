/** A manifest indented for reading; as it is when it is not JSON. PURE. */
export function prettyManifest(content: string): string {
  try {
    return JSON.stringify(JSON.parse(content), null, 2);
  } catch {
    return content;
  }
}
