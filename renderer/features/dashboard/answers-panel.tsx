import type { Dashboard, Status } from '../../../server/api/contract.ts';
import { Shape } from '../../components/shape.tsx';
import type { ShapeName } from '../../components/shape.tsx';
import { answers } from './answers.ts';
import type { Answer } from './answers.ts';
import styles from './dashboard.module.css';

const shapes: Readonly<Record<Answer['verdict'], ShapeName>> = {
  good: 'disc',
  partly: 'triangle',
  bad: 'octagon',
  unknown: 'ring',
};

/** The three questions with their answers. */
export function Answers({ status, dashboard }: { readonly status: Status; readonly dashboard: Dashboard | undefined }) {
  return (
    <section className="panel" aria-label="In short">
      <div className={styles['answers']}>
        {answers(status, dashboard).map((one) => (
          <div key={one.question} className={styles['answer']}>
            <h2 className={styles['question']}>{one.question}</h2>
            <div className={`${styles['verdict'] ?? ''} ${styles[one.verdict] ?? ''}`}>
              <Shape name={shapes[one.verdict]} size={18} />
              {one.answer}
            </div>
            <p className="muted small">{one.detail}</p>
          </div>
        ))}
      </div>
    </section>
  );
}
