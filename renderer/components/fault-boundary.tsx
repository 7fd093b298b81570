import { Component } from 'react';
import type { ReactNode } from 'react';
import { ErrorState } from './empty-state.tsx';

interface FaultState {
  readonly error: unknown;
}

/** Keeps a fault of one page from taking the window down: says what happened and offers a fresh start of that page. */
export class FaultBoundary extends Component<{ readonly children: ReactNode }, FaultState> {
  override state: FaultState = { error: undefined };

  static getDerivedStateFromError(error: unknown): FaultState {
    return { error };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return (
      <ErrorState
        title="This page could not be shown"
        error={this.state.error}
        onRetry={() => {
          this.setState({ error: undefined });
        }}
      />
    );
  }
}
