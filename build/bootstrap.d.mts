/** The checkout. */
export const root: string;

/** One line for the person, on standard error. */
export function say(text: string): void;

/** Path of the program `name` in the folders of `path`, or undefined. */
export function findOn(path: string, name: string): string | undefined;
