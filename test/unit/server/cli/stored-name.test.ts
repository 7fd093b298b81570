import { expect, it } from 'vitest';
import { readNamedContent, readTagName } from '../../../../server/cli/stored-name.ts';
import { ConfigError } from '../../../../server/errors.ts';
import { throwsWith } from '../../../support/expect-code.ts';

const digest = `sha256:${'a'.repeat(64)}`;

it.each([
  ['team/app', { repository: 'team/app', reference: undefined }],
  ['team/app:v1', { repository: 'team/app', reference: 'v1' }],
  [`team/app@${digest}`, { repository: 'team/app', reference: digest }],
  [`team/app:v1@${digest}`, { repository: 'team/app', reference: digest }],
  ['127.0.0.1:5001/app', { repository: '127.0.0.1:5001/app', reference: undefined }],
  ['127.0.0.1:5001/app:v1', { repository: '127.0.0.1:5001/app', reference: 'v1' }],
])('reads %s', (text, named) => {
  expect(readNamedContent(text)).toEqual(named);
});

it.each(['team/app', `team/app@${digest}`, ':v1', ''])('refuses %s where a tag is needed', (text) => {
  throwsWith(() => readTagName(text), ConfigError, 'CONFIG_INVALID');
});
