import { describe, expect, it } from 'vitest';
import { collide, formatAddress, isLoopback, parseAddress } from '../../../../server/config/address.ts';

describe('parseAddress', () => {
  it.each([
    [':5050', { host: '', port: 5050 }],
    [':0', { host: '', port: 0 }],
    ['0.0.0.0:80', { host: '0.0.0.0', port: 80 }],
    ['127.0.0.1:5051', { host: '127.0.0.1', port: 5051 }],
    ['mirror.company.internal:5050', { host: 'mirror.company.internal', port: 5050 }],
    ['[::1]:0', { host: '::1', port: 0 }],
    ['[fe80::1%eth0]:65535', { host: 'fe80::1%eth0', port: 65535 }],
  ])('reads %s and writes it back', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  it.each([
    '',
    '5050',
    'host',
    'host:',
    ':65536',
    ':-1',
    '::1:5050',
    '[::1]',
    '[127.0.0.1]:1',
    '300.1.1.1:5',
    'http://a:1',
    'a b:1',
    'a/b:1',
    ':http',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
});

it.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::ffff:127.0.0.1', true],
  ['LOCALHOST', true],
  ['', false],
  ['0.0.0.0', false],
  ['::', false],
  ['::11', false],
  ['fe80::1', false],
  ['127.0.0.1.example.test', false],
  ['10.0.0.1', false],
])('knows whether only this machine reaches %j', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});

it.each([
  [':5050', '127.0.0.1:5050', true],
  ['0.0.0.0:5050', '[::1]:5050', true],
  [':0', '127.0.0.1:0', false],
  [':5050', '127.0.0.1:5051', false],
  ['10.0.0.1:5050', '127.0.0.1:5050', false],
  ['localhost:5050', 'LOCALHOST:5050', true],
])('knows whether %s and %s can be open at once', (one, other, expected) => {
  expect(collide(parseAddress(one)!, parseAddress(other)!)).toBe(expected);
});
