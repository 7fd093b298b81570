/** `items` with the one at `from` moved to `to`; unchanged when either is out of range. PURE. */
export function moveItem<T>(items: readonly T[], from: number, to: number): T[] {
  const moved = [...items];
  if (from < 0 || to < 0 || from >= items.length || to >= items.length || from === to) return moved;
  moved.splice(to, 0, ...moved.splice(from, 1));
  return moved;
}
