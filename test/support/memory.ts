import { readFileSync, writeFileSync } from 'node:fs';

/** Resident memory of a process now, bytes (Linux). */
export function rssBytes(pid: number): number {
  return statusBytes(pid, 'VmRSS');
}

/** The most resident memory a process has had since it started or since {@link resetPeakRss}, bytes (Linux). */
export function peakRssBytes(pid: number): number {
  return statusBytes(pid, 'VmHWM');
}

/** Lets the peak start again from what is used now (proc(5), clear_refs 5; own processes or root). */
export function resetPeakRss(pid: number): void {
  writeFileSync(`/proc/${String(pid)}/clear_refs`, '5');
}

function statusBytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${String(pid)}/status has no ${field}`);
  return Number(kibibytes) * 1024;
}
