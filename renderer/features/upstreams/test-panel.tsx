import { useEffect, useRef, useState } from 'react';
import { Button, TextInput } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import { onTestStep } from '../../api/events.ts';
import { useTestUpstream } from '../../api/queries.ts';
import type { UpstreamInput } from '../../api/queries.ts';
import { ErrorNote, Note } from '../../components/error-note.tsx';
import { Shape } from '../../components/shape.tsx';
import type { ShapeName } from '../../components/shape.tsx';
import { formatElapsed } from '../../format.ts';
import { shownSteps, testVerdict } from './test-steps.ts';
import type { ShownState, ShownStep, TestStep } from './test-steps.ts';
import styles from './upstreams.module.css';

interface TestPanelProps {
  /** What to test, or undefined when the form has mistakes, which are then shown. */
  readonly upstream: () => UpstreamInput | undefined;
  readonly test: { readonly repository: string; readonly reference: string };
}

/** Tests an upstream step by step; each result is shown as it arrives. */
export function TestPanel({ upstream, test }: TestPanelProps) {
  const [repository, setRepository] = useState(test.repository);
  const [reference, setReference] = useState(test.reference);
  const running = useTestRun();
  const start = (): void => {
    const input = upstream();
    if (input !== undefined) running.start(input, repository.trim(), reference.trim());
  };
  return (
    <section className="panel panel-body stack" aria-label="Test">
      <div>
        <h2>Test</h2>
        <p className="muted small">
          Nothing is saved or kept. With a repository it also tries a pull. Saved accounts are only sent to URLs that
          are saved.
        </p>
      </div>
      <div className={styles['two']}>
        <TextInput
          label="Repository on the upstream"
          placeholder="org/app"
          value={repository}
          onChange={(event) => {
            setRepository(event.currentTarget.value);
          }}
        />
        <TextInput
          label="Tag or digest"
          placeholder="latest"
          value={reference}
          onChange={(event) => {
            setReference(event.currentTarget.value);
          }}
        />
      </div>
      <Button
        variant="default"
        leftSection={<IconPlugConnected size={16} />}
        loading={running.isRunning}
        onClick={start}
      >
        Run the test
      </Button>
      {running.isStarted ? <StepList steps={shownSteps(running.steps, running.isRunning)} /> : null}
      <div role="status">{running.isDone ? <Verdict steps={running.steps} /> : null}</div>
      <ErrorNote error={running.error} />
    </section>
  );
}

function useTestRun() {
  const [steps, setSteps] = useState<readonly TestStep[]>([]);
  const testing = useTestUpstream();
  const current = useRef<string | undefined>(undefined);
  useEffect(
    () =>
      onTestStep(({ testId, step }) => {
        if (testId !== current.current) return;
        setSteps((known) => [...known.filter((one) => one.step !== step.step), step]);
      }),
    [],
  );
  const start = (upstream: UpstreamInput, repository: string, reference: string): void => {
    const testId = newTestId();
    current.current = testId;
    setSteps([]);
    testing.mutate(
      {
        body: {
          upstream,
          testId,
          ...(repository === '' ? {} : { repository }),
          ...(reference === '' ? {} : { reference }),
        },
      },
      {
        onSuccess: (answer) => {
          if (current.current === testId) setSteps(answer.steps);
        },
      },
    );
  };
  return {
    start,
    steps,
    isRunning: testing.isPending,
    isStarted: testing.status !== 'idle',
    isDone: testing.isSuccess,
    error: testing.error,
  };
}

/** `crypto.randomUUID` exists only on secure origins; this need not be secret. */
function newTestId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}`;
}

const looks: Readonly<Record<ShownState, { readonly shape: ShapeName; readonly word: string }>> = {
  passed: { shape: 'tick', word: 'passed' },
  failed: { shape: 'octagon', word: 'failed' },
  skipped: { shape: 'bar', word: 'skipped' },
  running: { shape: 'arrow', word: 'under way' },
  waiting: { shape: 'ring', word: 'to come' },
};

function StepList({ steps }: { readonly steps: readonly ShownStep[] }) {
  return (
    <ol className={styles['steps']} aria-label="Steps of the test" aria-live="polite">
      {steps.map((one) => (
        <li key={one.step}>
          <span className={`${styles['mark2'] ?? ''} ${styles[one.state] ?? ''}`}>
            <Shape name={looks[one.state].shape} size={15} />
          </span>
          <span>
            <strong>{one.title}</strong> <span className="muted small">{looks[one.state].word}</span>
          </span>
          <span className="muted small tabular">
            {one.result === undefined ? '' : formatElapsed(one.result.durationMs)}
          </span>
          <span className={`small muted ${styles['detail'] ?? ''}`}>{one.result?.detail ?? one.about}</span>
        </li>
      ))}
    </ol>
  );
}

function Verdict({ steps }: { readonly steps: readonly TestStep[] }) {
  const verdict = testVerdict(steps);
  return <Note tone={verdict.isGood ? 'ok' : 'bad'}>{verdict.text}</Note>;
}
