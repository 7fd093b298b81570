/** Calls `task` soon after the first of many calls, at most once every `ms`; never keeps the process alive. */
export function coalesce(ms: number, task: () => void): { (): void; cancel(): void } {
  let timer: NodeJS.Timeout | undefined;
  const call = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      task();
    }, ms).unref();
  };
  const cancel = (): void => {
    clearTimeout(timer);
    timer = undefined;
  };
  return Object.assign(call, { cancel });
}
