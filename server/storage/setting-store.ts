import type { Database, Statement } from '../db/database.ts';

/** What the window changed, as text by setting name; the settings file and flags win over it. */
export class SettingStore {
  readonly #select: Statement<[string], { value: string }>;
  readonly #upsert: Statement<[string, string]>;

  constructor(db: Database) {
    this.#select = db.prepare('SELECT value FROM settings WHERE name = ?');
    this.#upsert = db.prepare(
      'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    );
  }

  get(name: string): string | undefined {
    return this.#select.get(name)?.value;
  }

  set(name: string, value: string): void {
    this.#upsert.run(name, value);
  }
}
