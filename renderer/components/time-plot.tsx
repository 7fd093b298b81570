import { useEffect, useId, useRef, useState } from 'react';
import { UnstyledButton } from '@mantine/core';
import { drawPlot } from './draw-plot.ts';
import type { DrawnPlot } from './draw-plot.ts';
import type { PlotSeries } from './plot-data.ts';
import { formatDateTime, formatHour } from '../format.ts';
import styles from './time-plot.module.css';

export interface TimePlotProps {
  readonly title: string;
  /** One sentence that says what the plot shows; it is what screen readers get. */
  readonly summary: string;
  /** Starts of the intervals, ms since the epoch. */
  readonly times: readonly number[];
  readonly series: readonly PlotSeries[];
  readonly isStacked?: boolean;
  /** Upper end of the scale where it is fixed. */
  readonly top?: number;
  readonly isBytes?: boolean;
  readonly format: (value: number) => string;
}

/** A plot over time with its figures at the pointer, a summary in words, and the same values as a table. */
export function TimePlot(props: TimePlotProps) {
  const [isTable, setIsTable] = useState(false);
  const [pointed, setPointed] = useState<number | null>(null);
  const title = useId();
  return (
    <figure className={styles['figure']} aria-labelledby={title}>
      <div className="spread">
        <h3 id={title}>{props.title}</h3>
        <UnstyledButton
          className="small muted"
          style={{ textDecoration: 'underline', minHeight: 24 }}
          aria-label={`${isTable ? 'Show as plot' : 'Show as table'}: ${props.title}`}
          onClick={() => {
            setIsTable(!isTable);
          }}
        >
          {isTable ? 'Show as plot' : 'Show as table'}
        </UnstyledButton>
      </div>
      {isTable ? <ValueTable {...props} /> : <Canvas {...props} onPoint={setPointed} />}
      <Legend {...props} pointed={isTable ? null : pointed} />
    </figure>
  );
}

function Canvas(props: TimePlotProps & { readonly onPoint: (index: number | null) => void }) {
  const holder = useRef<HTMLDivElement>(null);
  const drawn = useRef<DrawnPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const shape = [...props.series.map((one) => `${one.label}/${one.kind}/${one.color}`), props.top].join();
  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const redraw = (): void => {
      drawn.current?.destroy();
      drawn.current = drawPlot(element, latest.current, (index) => {
        latest.current.onPoint(index);
      });
    };
    redraw();
    const scheme = new MutationObserver(redraw);
    scheme.observe(document.documentElement, { attributeFilter: ['data-mantine-color-scheme'] });
    const size = new ResizeObserver(() => {
      drawn.current?.resize();
    });
    size.observe(element);
    return () => {
      scheme.disconnect();
      size.disconnect();
      drawn.current?.destroy();
      drawn.current = undefined;
    };
  }, [shape]);
  useEffect(() => {
    drawn.current?.update(props);
  }, [props]);
  return <div ref={holder} className={styles['canvas']} role="img" aria-label={props.summary} />;
}

function Legend({ series, times, format, pointed }: TimePlotProps & { readonly pointed: number | null }) {
  const time = pointed === null ? undefined : times[pointed];
  return (
    <ul className={styles['legend']} aria-hidden={pointed === null ? undefined : true}>
      {time === undefined ? null : <li>{formatHour(time)}</li>}
      {series.map((one) => {
        const value = pointed === null ? undefined : one.values[pointed];
        return (
          <li key={one.label}>
            <span
              className={`${styles['swatch'] ?? ''} ${one.kind === 'line' ? (styles['line'] ?? '') : ''}`}
              style={{ ['--swatch' as string]: `var(--${one.color})` }}
            />
            {one.label}
            {value === undefined || value === null ? null : <strong>{format(value)}</strong>}
          </li>
        );
      })}
    </ul>
  );
}

function ValueTable({ times, series, format, title }: TimePlotProps) {
  return (
    <div className={styles['table']} tabIndex={0} role="region" aria-label={`${title} as a table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {series.map((one) => (
              <th key={one.label} scope="col">
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times
            .map((time, index) => ({ time, index }))
            .reverse()
            .map(({ time, index }) => (
              <tr key={time}>
                <td>{formatDateTime(time)}</td>
                {series.map((one) => {
                  const value = one.values[index] ?? null;
                  return <td key={one.label}>{value === null ? '–' : format(value)}</td>;
                })}
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}
