/** A moment for a person, in UTC: "2026-01-30 10:15 UTC". Milliseconds since the epoch. */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
