import { Note } from '../../components/error-note.tsx';
import type { FieldsProps } from './upstream-fields.tsx';

/** How many fields need correcting, said where the button is. */
export function FormProblems({ form }: FieldsProps) {
  const count = Object.keys(form.errors).length;
  return (
    <div role="status">
      {count === 0 ? null : (
        <Note tone="bad">
          {count === 1 ? 'One field needs correcting.' : `${String(count)} fields need correcting.`}
        </Note>
      )}
    </div>
  );
}
