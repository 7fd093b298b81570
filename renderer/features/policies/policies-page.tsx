import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { usePolicy } from '../../api/queries.ts';
import { EmptyState, ErrorState, LoadingState } from '../../components/empty-state.tsx';
import { Note } from '../../components/error-note.tsx';
import { Page, Section } from '../../components/page.tsx';
import { PolicyEditor } from './policy-editor.tsx';
import { PolicyTester } from './policy-tester.tsx';
import { Remarks, RuleList } from './rule-list.tsx';

/** What may be pulled, pushed and carried: the rules in words, their text, and what they would do. */
export function PoliciesPage() {
  const { data, error, refetch } = usePolicy();
  const [draft, setDraft] = useState<string | undefined>(undefined);
  const [search] = useSearchParams();
  const asked = search.get('test') ?? '';
  return (
    <Page title="Policies" intro="What may be pulled, pushed and carried. The first rule that decides wins.">
      {data === undefined ? (
        <div className="panel">
          {error === null ? (
            <LoadingState label="Reading the policy" lines={4} />
          ) : (
            <ErrorState title="The policy could not be read" error={error} onRetry={() => void refetch()} />
          )}
        </div>
      ) : (
        <>
          {data.problems.length === 0 ? null : (
            <div role="alert">
              <Note tone="bad">
                <strong>The last edit does not hold; the policy before it does.</strong>
                <Remarks remarks={data.problems} />
              </Note>
            </div>
          )}
          <Section title="Rules that hold">
            <div className="panel panel-body stack">
              {data.rules.length === 0 ? (
                <EmptyState title="No rule: everything is allowed">
                  Rules say who may be pulled from, what is never delivered, and what must be known of it first.
                </EmptyState>
              ) : (
                <RuleList rules={data.rules} />
              )}
            </div>
          </Section>
          <PolicyTester key={asked} asked={asked} draft={draft} />
          {/* an edit under way is kept when the answer is fetched anew; a file is only shown */}
          <PolicyEditor key={data.source === 'file' ? data.text : 'window'} view={data} onDraft={setDraft} />
        </>
      )}
    </Page>
  );
}
