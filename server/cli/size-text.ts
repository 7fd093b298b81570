const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** A size for a person: "1.5 GiB". */
export function sizeText(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? String(value) : value.toFixed(1)} ${units[power] ?? 'B'}`;
}
